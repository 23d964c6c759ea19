import { Type } from 'typebox';
import { type Call, operation } from '../../../api/operation.ts';
import { CloudError, notFound } from '../../../cloud/errors.ts';
import type { Host } from '../../../cloud/hosts/model.ts';
import { backend } from '../../../cloud/volumes/backend.ts';
import { withDashes } from '../../../env/env.ts';
import { isoMicros } from '../common/time.ts';
import { inGib, textOrNull } from './wire.ts';

const common = { dialect: 'volume', group: 'services', since: '3.0', mode: 'sync', allow: 'admin' } as const;

/** The part of a host's name that says which of its storage is meant. */
export const backendSuffix = `@${backend.volume_backend_name}`;

/** A storage of a host: its own disk, or one that was added, which its id names. */
export function poolName(hostName: string, storageId: string | null): string {
  return `${hostName}${backendSuffix}#${storageId ?? backend.volume_backend_name}`;
}

const ServiceSchema = Type.Object({
  binary: Type.String(),
  host: Type.String(),
  zone: Type.String(),
  status: Type.String(),
  state: Type.String(),
  updated_at: textOrNull(),
  disabled_reason: textOrNull(),
  frozen: Type.Optional(Type.Boolean()),
  replication_status: Type.Optional(Type.String()),
  active_backend_id: Type.Optional(Type.Null()),
  backend_state: Type.Optional(Type.String()),
});

/**
 * The storage of each host, and what the control plane does itself: it chooses the host of a volume, and keeps backups.
 * Cinder has processes for that, and its clients look for them.
 */
async function services({ cloud }: Pick<Call, 'cloud'>) {
  const hosts = await cloud.hosts.list();
  const zones = await cloud.zones.names();
  const of = (host: Host, binary: string, name: string) => ({
    binary,
    host: name,
    zone: zones.get(host.zoneId) ?? '',
    status: host.state === 'enabled' ? 'enabled' : 'disabled',
    state: host.status === 'connected' ? 'up' : 'down',
    updated_at: isoMicros(host.updatedAt),
    disabled_reason: host.disabledReason,
  });
  const [zone] = await cloud.zones.list();
  const own = (await cloud.controlPlanes.list()).flatMap(({ name, isUp, seenAt }) =>
    ['cinder-scheduler', 'cinder-backup'].map((binary) => ({
      binary,
      host: name,
      zone: zone?.name ?? '',
      status: 'enabled',
      state: isUp ? 'up' : 'down',
      updated_at: isoMicros(seenAt),
      disabled_reason: null,
    })),
  );
  const volumes = hosts.map((host) => ({
    ...of(host, 'cinder-volume', `${host.name}${backendSuffix}`),
    frozen: false,
    replication_status: 'disabled',
    active_backend_id: null,
    backend_state: host.status === 'connected' ? 'up' : 'down',
  }));
  return [...own, ...volumes];
}

async function findService(call: Pick<Call, 'cloud'>, { host, binary }: { host: string; binary: string }) {
  const found = (await services(call)).find((one) => one.binary === binary && isOn(one.host, host));
  if (!found) throw notFound('service', host, `Could not find binary ${binary} on host ${host}.`);
  return found;
}

/** A host's name alone stands for all of its storage. */
function isOn(serviceHost: string, wanted: string): boolean {
  return serviceHost === wanted || serviceHost.startsWith(`${wanted}@`);
}

const Named = Type.Object({
  host: Type.String({ minLength: 1 }),
  binary: Type.String({ minLength: 1, description: 'As `cinder-volume`.' }),
});
const named = { host: `simulated${backendSuffix}`, binary: 'cinder-volume' };

export const serviceOperations = [
  operation({
    ...common,
    id: 'ListVolumeServices',
    method: 'GET',
    path: '/os-services',
    query: Type.Object({
      host: Type.Optional(Type.String({ description: 'Of this host.' })),
      binary: Type.Optional(Type.String({ description: 'As `cinder-volume`.' })),
    }),
    responses: { 200: Type.Object({ services: Type.Array(ServiceSchema) }) },
    errors: [401, 403],
    title: 'List services',
    summary: 'The storage of the hosts, and what the control plane does for volumes.',
    examples: [{ title: 'All', status: 200 }],
    handle: async (call) => {
      const { host, binary } = call.query;
      const all = await services(call);
      const wanted = all.filter(
        (one) => (host === undefined || isOn(one.host, host)) && (binary === undefined || one.binary === binary),
      );
      return { body: { services: wanted } };
    },
  }),
  operation({
    ...common,
    id: 'EnableVolumeService',
    method: 'PUT',
    path: '/os-services/enable',
    body: Named,
    responses: {
      200: Type.Object({
        host: Type.String(),
        service: Type.String(),
        binary: Type.String(),
        disabled: Type.Boolean(),
        status: Type.String(),
        disabled_reason: textOrNull(),
      }),
    },
    errors: [400, 401, 403, 404],
    title: 'Let a service take new volumes',
    summary: 'A host that takes no servers takes no volumes either: that is switched in the compute API.',
    examples: [{ title: 'A host', body: named, status: 200 }],
    handle: async (call) => {
      const { host, binary, status } = await findService(call, call.body);
      if (status !== 'enabled') throw togetherWithHost(host);
      return { body: { host, service: binary, binary, disabled: false, status, disabled_reason: null } };
    },
  }),
  ...(['disable', 'disable-log-reason'] as const).map((verb) =>
    operation({
      ...common,
      id: verb === 'disable' ? 'DisableVolumeService' : 'DisableVolumeServiceWithReason',
      method: 'PUT',
      path: `/os-services/${verb}`,
      body: Type.Object({
        ...Named.properties,
        ...(verb === 'disable' ? {} : { disabled_reason: Type.String({ minLength: 1, maxLength: 255 }) }),
      }),
      responses: { 400: null },
      errors: [400, 401, 403, 404],
      title: verb === 'disable' ? 'Let a service take no new volumes' : 'The same, saying why',
      summary: 'Refused: a host takes servers and volumes, or neither. The compute API switches that.',
      examples: [
        { title: 'A host', body: { ...named, ...(verb === 'disable' ? {} : { disabled_reason: 'old' }) }, status: 400 },
      ],
      handle: async (call) => {
        throw togetherWithHost((await findService(call, call.body)).host);
      },
    }),
  ),
  ...(['freeze', 'thaw', 'failover_host'] as const).map((verb) =>
    operation({
      ...common,
      id: { freeze: 'FreezeVolumeHost', thaw: 'ThawVolumeHost', failover_host: 'FailOverVolumeHost' }[verb],
      method: 'PUT',
      path: `/os-services/${verb}`,
      body: Type.Object({ host: Type.String({ minLength: 1 }), backend_id: Type.Optional(textOrNull()) }),
      responses: { 400: null },
      errors: [400, 401, 403],
      title: { freeze: 'Freeze a host', thaw: 'Thaw a host', failover_host: 'Fail over a host' }[verb],
      summary: 'Refused: the storage of hosts is not replicated.',
      examples: [{ title: 'A host', body: { host: named.host }, status: 400 }],
      handle: async (call) => {
        const known = (await services(call)).some(({ host }) => isOn(host, call.body.host));
        const words = known ? 'is not replicated' : 'is unknown';
        throw new CloudError('invalid', `Invalid input received: the storage of ${call.body.host} ${words}.`);
      },
    }),
  ),
];

function togetherWithHost(host: string): CloudError {
  const words = 'takes volumes as long as it takes servers: enable or disable it in the compute API.';
  return new CloudError('invalid', `Invalid input received: ${host} ${words}`);
}

const HostSummary = Type.Object({
  host_name: Type.String(),
  service: Type.String(),
  zone: Type.String(),
  'service-status': Type.String(),
  'service-state': Type.String(),
  'last-update': textOrNull(),
});
const Resource = Type.Object({
  resource: Type.Object({
    host: Type.String(),
    project: Type.String(),
    volume_count: Type.String(),
    total_volume_gb: Type.String(),
    snapshot_count: Type.String(),
    total_snapshot_gb: Type.String(),
  }),
});

export const volumeHostOperations = [
  operation({
    ...common,
    group: 'hosts',
    id: 'ListVolumeHosts',
    method: 'GET',
    path: '/os-hosts',
    query: Type.Object({ zone: Type.Optional(Type.String()), service: Type.Optional(Type.String()) }),
    responses: { 200: Type.Object({ hosts: Type.Array(HostSummary) }) },
    errors: [401, 403],
    title: 'List hosts',
    summary: 'Where the services are.',
    examples: [{ title: 'All', status: 200 }],
    handle: async (call) => {
      const { zone, service } = call.query;
      const all = (await services(call)).map((one) => ({
        host_name: one.host,
        service: one.binary,
        zone: one.zone,
        'service-status': one.state === 'up' ? 'available' : 'unavailable',
        'service-state': one.status,
        'last-update': one.updated_at,
      }));
      const is = (value: string | undefined, has: string) => value === undefined || value === has;
      return { body: { hosts: all.filter((one) => is(zone, one.zone) && is(service, one.service)) } };
    },
  }),
  operation({
    ...common,
    group: 'hosts',
    id: 'ShowVolumeHost',
    method: 'GET',
    path: '/os-hosts/{host_name}',
    params: Type.Object({ host_name: Type.String() }),
    responses: { 200: Type.Object({ host: Type.Array(Resource) }) },
    errors: [401, 403, 404],
    title: 'Show a host',
    summary: 'What volumes and snapshots it has: first of all projects, then of each.',
    examples: [{ title: 'By name', params: { host_name: named.host }, status: 200 }],
    handle: async (call) => {
      const { cloud, subject, params } = call;
      const { host } = await findService(call, { host: params.host_name, binary: 'cinder-volume' });
      const found = (await cloud.hosts.list()).find(({ name }) => `${name}${backendSuffix}` === host)!;
      const use = await cloud.blockStorage.usageOfHost(subject, found.id);
      const total = use.reduce(
        (sum, { volumes, bytes, snapshots, snapshotBytes }) => ({
          volumes: sum.volumes + volumes,
          bytes: sum.bytes + bytes,
          snapshots: sum.snapshots + snapshots,
          snapshotBytes: sum.snapshotBytes + snapshotBytes,
        }),
        { volumes: 0, bytes: 0, snapshots: 0, snapshotBytes: 0 },
      );
      const view = (project: string, one: typeof total) => ({
        resource: {
          host,
          project,
          volume_count: String(one.volumes),
          total_volume_gb: String(inGib(one.bytes)),
          snapshot_count: String(one.snapshots),
          total_snapshot_gb: String(inGib(one.snapshotBytes)),
        },
      });
      return { body: { host: [view('(total)', total), ...use.map((one) => view(withDashes(one.projectId), one))] } };
    },
  }),
];
