import { Type } from 'typebox';
import { type Call, operation } from '../../../api/operation.ts';
import { notFound } from '../../../cloud/errors.ts';
import { capacityOf } from '../../../cloud/hosts/model.ts';
import { backend } from '../../../cloud/volumes/backend.ts';
import { queryFlag } from '../common/query.ts';
import { isoMicros } from '../common/time.ts';
import { backendSuffix } from './services.ts';

const common = {
  dialect: 'volume',
  group: 'pools',
  since: '3.0',
  mode: 'sync',
  allow: 'admin',
  method: 'GET',
} as const;

/** The one pool of each host: its own disks. */
async function pools({ cloud }: Pick<Call, 'cloud'>) {
  const usage = await cloud.hosts.usage();
  return usage.map(({ host, used }) => {
    const total = capacityOf(host).diskGb;
    return {
      name: `${host.name}${backendSuffix}#${backend.volume_backend_name}`,
      capabilities: {
        ...backend,
        backend_state: host.status === 'connected' ? 'up' : 'down',
        pool_name: backend.volume_backend_name,
        total_capacity_gb: total,
        free_capacity_gb: Math.max(0, total - used.diskGb),
        allocated_capacity_gb: used.diskGb,
        provisioned_capacity_gb: used.diskGb,
        max_over_subscription_ratio: String(host.diskRatio),
        reserved_percentage: 0,
        timestamp: isoMicros(cloud.env.now()),
      },
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
    summary: 'Where volumes can be: the disks of each host.',
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
