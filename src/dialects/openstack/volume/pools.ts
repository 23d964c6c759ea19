import { Type } from 'typebox';
import { type Call, operation } from '../../../api/operation.ts';
import { notFound } from '../../../cloud/errors.ts';
import { capacityOf, type Host } from '../../../cloud/hosts/model.ts';
import type { HostUsage } from '../../../cloud/hosts/scheduler.ts';
import { backend } from '../../../cloud/volumes/backend.ts';
import { queryFlag } from '../common/query.ts';
import { isoMicros } from '../common/time.ts';
import { backendSuffix, poolName } from './services.ts';

const common = {
  dialect: 'volume',
  group: 'pools',
  since: '3.0',
  mode: 'sync',
  allow: 'admin',
  method: 'GET',
} as const;

interface Pool {
  host: Host;
  storageId: string | null;
  location: string;
  isUp: boolean;
  /** GiB that can be promised, and that are. */
  total: number;
  taken: number;
}

/** The pools of each host: its own disk, and its parts of the storages that were added. */
async function pools({ cloud }: Pick<Call, 'cloud'>) {
  const usage = await cloud.hosts.usage();
  const own = usage.map(
    ({ host, used }): Pool => ({
      host,
      storageId: null,
      location: backend.location_info,
      isUp: host.status === 'connected',
      total: capacityOf(host).diskGb,
      taken: used.diskGb,
    }),
  );
  return [...own, ...(await addedPools(cloud, usage))].map(({ host, storageId, location, isUp, total, taken }) => ({
    name: poolName(host.name, storageId),
    capabilities: {
      ...backend,
      backend_state: isUp ? 'up' : 'down',
      pool_name: storageId ?? backend.volume_backend_name,
      location_info: location,
      total_capacity_gb: total,
      free_capacity_gb: Math.max(0, total - taken),
      allocated_capacity_gb: taken,
      provisioned_capacity_gb: taken,
      max_over_subscription_ratio: String(host.diskRatio),
      reserved_percentage: 0,
      timestamp: isoMicros(cloud.env.now()),
    },
  }));
}

async function addedPools(cloud: Call['cloud'], usage: readonly HostUsage[]): Promise<Pool[]> {
  const storages = await cloud.storages.list();
  if (storages.length === 0) return [];
  const hosts = new Map(usage.map(({ host }) => [host.id, host]));
  const rooms = await Promise.all(storages.map(({ id }) => cloud.storages.rooms(id)));
  return rooms.flat().flatMap(({ storageId, hostId, status, totalBytes, takenBytes }) => {
    const host = hosts.get(hostId);
    if (!host) return [];
    return {
      host,
      storageId,
      location: storages.find(({ id }) => id === storageId)!.path,
      isUp: host.status === 'connected' && status === 'connected',
      total: capacityOf({ ...host, diskGb: Math.floor(totalBytes / 2 ** 30) }).diskGb,
      taken: Math.ceil(takenBytes / 2 ** 30),
    };
  });
}

const CapabilitySchema = Type.Object({
  namespace: Type.String(),
  vendor_name: Type.String(),
  volume_backend_name: Type.String(),
  pool_name: Type.Unsafe<string | null>({ type: ['string', 'null'] }),
  driver_version: Type.String(),
  storage_protocol: Type.String(),
  display_name: Type.Null(),
  description: Type.Null(),
  visibility: Type.Null(),
  replication_targets: Type.Array(Type.Unknown()),
  properties: Type.Unsafe<Record<string, unknown>>({ type: 'object', additionalProperties: true }),
});

export const poolOperations = [
  operation({
    ...common,
    id: 'ListVolumePools',
    path: '/scheduler-stats/get_pools',
    query: Type.Object({
      detail: Type.Optional(Type.String({ description: 'true: with what each can do and how full it is.' })),
      name: Type.Optional(Type.String({ description: 'From 3.28 on.' })),
      volume_type: Type.Optional(Type.String()),
    }),
    responses: {
      200: Type.Object({
        pools: Type.Array(
          Type.Object({
            name: Type.String(),
            capabilities: Type.Optional(
              Type.Unsafe<Record<string, unknown>>({ type: 'object', additionalProperties: true }),
            ),
          }),
        ),
      }),
    },
    errors: [401, 403],
    title: 'List pools',
    summary: 'Where volumes can be: the own disk of each host, and storages that were added.',
    examples: [{ title: 'With details', query: { detail: 'true' }, status: 200 }],
    handle: async (call) => {
      const { name, detail } = call.query;
      const all = (await pools(call)).filter((pool) => name === undefined || pool.name === name);
      return { body: { pools: queryFlag(detail) ? all : all.map((pool) => ({ name: pool.name })) } };
    },
  }),
  operation({
    ...common,
    id: 'ShowVolumeCapabilities',
    path: '/capabilities/{host_name}',
    params: Type.Object({ host_name: Type.String() }),
    responses: { 200: CapabilitySchema },
    errors: [401, 403, 404],
    title: 'Show what the storage of a host can do',
    summary: 'What volume types may ask for.',
    examples: [{ title: 'By name', params: { host_name: `simulated${backendSuffix}` }, status: 200 }],
    handle: async (call) => {
      const name = call.params.host_name;
      const pool = (await pools(call)).find((one) => one.name === name || one.name.startsWith(`${name}#`));
      if (!pool) throw notFound('service', name, `Service ${name} could not be found.`);
      const { vendor_name, volume_backend_name, driver_version, storage_protocol } = pool.capabilities;
      const body = {
        namespace: `OS::Storage::Capabilities::${name}`,
        vendor_name,
        volume_backend_name,
        pool_name: backend.volume_backend_name,
        driver_version,
        storage_protocol,
        display_name: null,
        description: null,
        visibility: null,
        replication_targets: [],
        properties: {
          thin_provisioning: property('Thin Provisioning', 'Disks take the room that is written to.'),
        },
      };
      return { body };
    },
  }),
];

function property(title: string, description: string) {
  return { title, description, type: 'boolean' };
}
