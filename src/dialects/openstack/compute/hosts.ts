import { Type } from 'typebox';
import { type Call, operation } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';
import type { Host } from '../../../cloud/hosts/model.ts';
import { controlServices, internalZone } from './control-services.ts';
import { until } from './microversions.ts';
import { lastOf, queryText } from './wire.ts';

const common = { dialect: 'compute', group: 'hosts', since: '2.1', mode: 'sync', allow: 'admin' } as const;
const Params = Type.Object({ host_name: Type.String() });

const Resource = Type.Object({
  resource: Type.Object({
    host: Type.String(),
    project: Type.String({ description: '`(total)`, `(used_now)`, `(used_max)`, or a project.' }),
    cpu: Type.Integer(),
    memory_mb: Type.Integer(),
    disk_gb: Type.Integer(),
  }),
});

async function named({ cloud, params }: Pick<Call<{ host_name: string }>, 'cloud' | 'params'>): Promise<Host> {
  const found = (await cloud.hosts.list()).find(({ name }) => name === params.host_name);
  if (found) return found;
  throw new CloudError('not_found', `Compute host ${params.host_name} could not be found.`, { resource: 'host' });
}

function line(
  host: string,
  project: string,
  { vcpus, memoryMb, diskGb }: { vcpus: number; memoryMb: number; diskGb: number },
) {
  return { resource: { host, project, cpu: vcpus, memory_mb: memoryMb, disk_gb: diskGb } };
}

/** Hosts are switched on and off by those who stand beside them. */
function powerAction(verb: 'startup' | 'shutdown' | 'reboot') {
  return operation({
    ...common,
    id: `${verb[0]!.toUpperCase()}${verb.slice(1)}Host`,
    method: 'GET',
    path: `/os-hosts/{host_name}/${verb}`,
    params: Params,
    responses: { 200: Type.Object({}) },
    errors: [400, 401, 403, 404],
    title: `${verb[0]!.toUpperCase()}${verb.slice(1)} a host`,
    summary: 'Always refused: the cloud does not switch its hosts on and off.',
    examples: [{ title: 'By name', params: { host_name: 'nowhere' }, status: 404 }],
    async handle(call) {
      await named(call);
      throw new CloudError('invalid', `Hosts can not be told to ${verb}.`, { reason: 'not_implemented' });
    },
  });
}

/** Hosts by their names, up to 2.42. */
export const hostOperations = [
  operation({
    ...common,
    id: 'ListHosts',
    method: 'GET',
    path: '/os-hosts',
    query: Type.Object({ zone: queryText('Only those in this availability zone.') }),
    responses: {
      200: Type.Object({
        hosts: Type.Array(Type.Object({ host_name: Type.String(), service: Type.String(), zone: Type.String() })),
      }),
    },
    errors: [401, 403],
    title: 'List hosts',
    summary:
      'Which service is on which host, and in which zone; without hosts that take no servers. Up to 2.42; hypervisors and ' +
      'services tell more.',
    examples: [{ title: 'All', status: 200 }],
    async handle({ cloud, query }) {
      const zones = await cloud.zones.names();
      const wanted = lastOf(query.zone);
      const all = [
        ...(await cloud.hosts.list())
          .filter(({ state }) => state === 'enabled')
          .map(({ name, zoneId }) => ({ host_name: name, service: 'compute', zone: zones.get(zoneId) ?? '' })),
        ...(await controlServices(cloud)).map(({ binary, on }) => ({
          host_name: on.name,
          service: binary.replace('nova-', ''),
          zone: internalZone,
        })),
      ];
      return { body: { hosts: all.filter(({ zone }) => !wanted || zone === wanted) } };
    },
  }),
  operation({
    ...common,
    id: 'ShowHost',
    method: 'GET',
    path: '/os-hosts/{host_name}',
    params: Params,
    responses: { 200: Type.Object({ host: Type.Array(Resource) }) },
    errors: [401, 403, 404],
    title: 'Show a host',
    summary: 'What it has, what is taken of it, and by which projects. Up to 2.42.',
    examples: [{ title: 'By name', params: { host_name: 'nowhere' }, status: 404 }],
    async handle(call) {
      const host = await named(call);
      const usage = (await call.cloud.hosts.usage()).find((one) => one.host.id === host.id)!;
      const reserved = { ...usage.used, memoryMb: usage.used.memoryMb + host.reservedMemoryMb };
      const held = Map.groupBy(await call.cloud.hosts.allocations({ hostId: host.id }), ({ projectId }) => projectId);
      const sum = (some: ReadonlyArray<{ vcpus: number; memoryMb: number; diskGb: number }>) =>
        some.reduce(
          (total, one) => ({
            vcpus: total.vcpus + one.vcpus,
            memoryMb: total.memoryMb + one.memoryMb,
            diskGb: total.diskGb + one.diskGb,
          }),
          { vcpus: 0, memoryMb: 0, diskGb: 0 },
        );
      const lines = [
        line(host.name, '(total)', host),
        line(host.name, '(used_now)', reserved),
        line(host.name, '(used_max)', sum([...held.values()].flat())),
        ...[...held].map(([projectId, some]) => line(host.name, projectId, sum(some))),
      ];
      return { body: { host: lines } };
    },
  }),
  operation({
    ...common,
    id: 'UpdateHost',
    method: 'PUT',
    path: '/os-hosts/{host_name}',
    params: Params,
    body: Type.Object(
      {
        status: Type.Optional(Type.Union([Type.Literal('enable'), Type.Literal('disable')])),
        maintenance_mode: Type.Optional(Type.Union([Type.Literal('enable'), Type.Literal('disable')])),
      },
      { additionalProperties: false, minProperties: 1 },
    ),
    responses: {
      200: Type.Object({
        host: Type.String(),
        status: Type.Optional(Type.String()),
        maintenance_mode: Type.Optional(Type.String()),
      }),
    },
    errors: [400, 401, 403, 404],
    title: 'Update a host',
    summary: 'Lets it take new servers, or take none, as disabled or in maintenance. Up to 2.42.',
    examples: [
      {
        title: 'Of a host that is not there',
        params: { host_name: 'nowhere' },
        body: { status: 'disable' },
        status: 404,
      },
    ],
    async handle(call) {
      const host = await named(call);
      const { status, maintenance_mode: maintenance } = call.body;
      if (status) await call.cloud.hosts.setState(host.id, `${status}d`);
      if (maintenance) await call.cloud.hosts.setState(host.id, maintenance === 'enable' ? 'maintenance' : 'enabled');
      const told = {
        ...(status ? { status: `${status}d` } : {}),
        ...(maintenance ? { maintenance_mode: maintenance === 'enable' ? 'on_maintenance' : 'off_maintenance' } : {}),
      };
      return { body: { host: host.name, ...told } };
    },
  }),
  powerAction('startup'),
  powerAction('shutdown'),
  powerAction('reboot'),
].map((one) => until(42, one));
