import { Type } from 'typebox';
import { type Call, operation } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';
import type { Host } from '../../../cloud/hosts/model.ts';
import { controlServices, controlServiceView, findControlService } from './control-services.ts';
import { computeBinary, findHost, serviceView } from './hosts-view.ts';
import { minorOf, until } from './microversions.ts';
import { BooleanOrWord, booleanOf, closed, lastOf, queryText, TextOrNull } from './wire.ts';

const common = { dialect: 'compute', group: 'hosts', since: '2.1', mode: 'sync', allow: 'admin' } as const;

const Service = Type.Object({
  id: Type.Unsafe<number | string>({ type: ['integer', 'string'], description: 'A UUID from 2.53 on.' }),
  binary: Type.String(),
  host: Type.String(),
  zone: Type.String(),
  status: Type.String({ description: '`enabled`, or `disabled`: then it takes no new servers.' }),
  state: Type.String({ description: '`up` or `down`.' }),
  updated_at: Type.String(),
  disabled_reason: TextOrNull,
  forced_down: Type.Optional(Type.Boolean({ description: 'From 2.11 on.' })),
});

async function shown({ cloud, context }: Pick<Call, 'cloud' | 'context'>, host: Host) {
  return serviceView(host, await cloud.zones.list(), minorOf(context));
}

const named = { host: Type.String({ minLength: 1 }), binary: Type.String({ minLength: 1 }) };
const Named = { host: Type.String(), binary: Type.String() };

/** Before 2.53 services are named by their host. */
async function hostNamed({ cloud }: Pick<Call, 'cloud'>, { host: name, binary }: { host: string; binary: string }) {
  const host = (await cloud.hosts.list()).find((one) => one.name === name && binary === computeBinary);
  if (host) return host;
  const others = await controlServices(cloud);
  if (others.some((one) => one.binary === binary && one.on.name === name)) {
    // Only hosts of servers are in a cell.
    throw new CloudError('not_found', `Host '${name}' is not mapped to any cell`, { resource: 'service' });
  }
  throw new CloudError('not_found', `Could not find binary ${binary} on host ${name}.`, { resource: 'service' });
}

/** Why there is no host to be updated by this id. */
async function notUpdatable({ cloud, context }: Pick<Call, 'cloud' | 'context'>, id: string): Promise<CloudError> {
  const service = findControlService(await controlServices(cloud), id, minorOf(context));
  if (!service) return serviceNotFound(id);
  const words = `Updating a ${service.binary} service is not supported. Only nova-compute services can be updated.`;
  return new CloudError('invalid', words);
}

function serviceNotFound(id: string): CloudError {
  return new CloudError('not_found', `Service ${id} could not be found.`, { resource: 'service' });
}

function switched(verb: 'enable' | 'disable') {
  const status = `${verb}d` as const;
  return until(
    52,
    operation({
      ...common,
      id: verb === 'enable' ? 'EnableService' : 'DisableService',
      method: 'PUT',
      path: `/os-services/${verb}`,
      body: closed(named),
      responses: { 200: Type.Object({ service: Type.Object({ ...Named, status: Type.String() }) }) },
      errors: [400, 401, 403, 404],
      title: verb === 'enable' ? 'Let a host take servers' : 'Let a host take no new servers',
      summary: 'Servers that are there stay there. Up to 2.52.',
      examples: [{ title: 'By host', body: { host: 'simulated', binary: computeBinary }, status: 200 }],
      async handle(call) {
        const { host, binary } = call.body;
        await call.cloud.hosts.setState((await hostNamed(call, call.body)).id, status);
        return { body: { service: { host, binary, status } } };
      },
    }),
  );
}

const disableWithReason = until(
  52,
  operation({
    ...common,
    id: 'DisableServiceWithReason',
    method: 'PUT',
    path: '/os-services/disable-log-reason',
    body: closed({ ...named, disabled_reason: Type.String({ minLength: 1, maxLength: 255 }) }),
    responses: {
      200: Type.Object({
        service: Type.Object({ ...Named, status: Type.String(), disabled_reason: Type.String() }),
      }),
    },
    errors: [400, 401, 403, 404],
    title: 'Let a host take no new servers, and say why',
    summary: 'Servers that are there stay there. Up to 2.52.',
    examples: [
      {
        title: 'By host',
        body: { host: 'simulated', binary: computeBinary, disabled_reason: 'maintenance' },
        status: 200,
      },
    ],
    async handle(call) {
      const { host, binary, disabled_reason } = call.body;
      await call.cloud.hosts.setState((await hostNamed(call, call.body)).id, 'disabled', disabled_reason);
      return { body: { service: { host, binary, status: 'disabled', disabled_reason } } };
    },
  }),
);

const forceDown = until(
  52,
  operation({
    ...common,
    id: 'ForceServiceDown',
    since: '2.11',
    method: 'PUT',
    path: '/os-services/force-down',
    body: closed({ ...named, forced_down: Type.Optional(BooleanOrWord) }),
    responses: { 200: Type.Object({ service: Type.Object({ ...Named, forced_down: Type.Boolean() }) }) },
    errors: [400, 401, 403, 404],
    title: 'Say that a host is down',
    summary: 'Its servers can be evacuated then, whatever its agent says. Or take it back. From 2.11 up to 2.52.',
    examples: [
      { title: 'By host', body: { host: 'simulated', binary: computeBinary, forced_down: false }, status: 200 },
    ],
    async handle(call) {
      const { host, binary, forced_down: given } = call.body;
      const forced_down = given !== undefined && booleanOf('forced_down', given);
      await call.cloud.hosts.setForcedDown((await hostNamed(call, call.body)).id, forced_down);
      return { body: { service: { host, binary, forced_down } } };
    },
  }),
);

export const serviceOperations = [
  operation({
    ...common,
    id: 'ListServices',
    method: 'GET',
    path: '/os-services',
    query: Type.Object({ host: queryText('Name of a host.'), binary: queryText('As nova-compute.') }),
    responses: { 200: Type.Object({ services: Type.Array(Service) }) },
    errors: [401, 403],
    title: 'List compute services',
    summary: 'The agents of the hosts, and what the control plane does itself that Nova has services for.',
    examples: [{ title: 'All', status: 200 }],
    async handle({ cloud, context, query }) {
      const [host, binary] = [lastOf(query.host), lastOf(query.binary)];
      const [minor, zones] = [minorOf(context), await cloud.zones.list()];
      const all = [
        ...(await cloud.hosts.list()).map((one) => serviceView(one, zones, minor)),
        ...(await controlServices(cloud)).map((one) => controlServiceView(one, minor)),
      ];
      const is = (wanted: string | undefined, has: string) => !wanted || wanted === has;
      return { body: { services: all.filter((one) => is(host, one.host) && is(binary, one.binary)) } };
    },
  }),
  switched('enable'),
  switched('disable'),
  disableWithReason,
  forceDown,
  operation({
    ...common,
    id: 'UpdateService',
    since: '2.53',
    method: 'PUT',
    path: '/os-services/{service_id}',
    params: Type.Object({ service_id: Type.String() }),
    body: closed({
      status: Type.Optional(Type.Union([Type.Literal('enabled'), Type.Literal('disabled')])),
      disabled_reason: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })),
      forced_down: Type.Optional(BooleanOrWord),
    }),
    responses: { 200: Type.Object({ service: Service }) },
    errors: [400, 401, 403, 404],
    title: 'Update a compute service',
    summary: 'Lets a host take new servers, or take none. Servers that are there stay there.',
    examples: [
      {
        title: 'No new servers',
        params: { service_id: 'e81d66a4-ddd3-4aba-8a84-171d1cb4d339' },
        body: { status: 'disabled' },
        status: 200,
      },
    ],
    async handle(call) {
      const { service_id: id } = call.params;
      const host = findHost(await call.cloud.hosts.list(), id, minorOf(call.context));
      if (!host) throw await notUpdatable(call, id);
      const { status, disabled_reason, forced_down } = call.body;
      if (disabled_reason !== undefined && status !== 'disabled') {
        throw new CloudError('invalid', "Specifying 'disabled_reason' is only allowed when status is 'disabled'.");
      }
      if (status === undefined && forced_down === undefined) {
        throw new CloudError('invalid', 'No updates were requested. Fields status or forced_down should be specified.');
      }
      if (status !== undefined) await call.cloud.hosts.setState(host.id, status, disabled_reason);
      if (forced_down !== undefined) {
        await call.cloud.hosts.setForcedDown(host.id, booleanOf('forced_down', forced_down));
      }
      return { body: { service: await shown(call, await call.cloud.hosts.get(host.id)) } };
    },
  }),
  operation({
    ...common,
    id: 'DeleteService',
    method: 'DELETE',
    path: '/os-services/{service_id}',
    params: Type.Object({ service_id: Type.String() }),
    responses: { 204: null },
    errors: [401, 403, 404, 409],
    title: 'Delete a compute service',
    summary:
      'What is there comes back by itself, so this is refused as long as it is. A control plane that is gone for good leaves ' +
      'the list with all of its services.',
    examples: [
      { title: 'One that is there', params: { service_id: 'e81d66a4-ddd3-4aba-8a84-171d1cb4d339' }, status: 409 },
    ],
    async handle(call) {
      const { service_id: id } = call.params;
      const host = findHost(await call.cloud.hosts.list(), id, minorOf(call.context));
      if (!host) {
        const service = findControlService(await controlServices(call.cloud), id, minorOf(call.context));
        if (!service) throw serviceNotFound(id);
        await call.cloud.controlPlanes.forget(service.on.name);
        return {};
      }
      throw new CloudError('conflict', `The agent of host ${host.name} belongs to the cloud: it can't be deleted.`);
    },
  }),
];
