import { ConstraintViolation, type Database, type Tx } from '../../database/database.ts';
import type { FarHostsTable, HostsTable } from '../../database/schema.ts';
import { newId } from '../../env/env.ts';
import type { CloudCore } from '../core.ts';
import { CloudError } from '../errors.ts';
import { sealed } from '../secrets/kept-secrets.ts';
import type { FarPlace } from './model.ts';

export interface NewFarHost extends FarPlace {
  /** The client's own id, 32 hex digits. */
  id?: string;
  name: string;
  description?: string;
  password: string;
  clusterId: string;
}

/** Writes the rows of a host that is connected to from then on. Throws as `FarHosts.add`. */
export async function register(core: CloudCore, wanted: NewFarHost): Promise<FarHostsTable> {
  const { env, db, settings } = core;
  const now = env.now();
  const far: FarHostsTable = {
    host_id: wanted.id ?? newId(env),
    address: wanted.address,
    port: wanted.port,
    username: wanted.user,
    password: wanted.password,
    machine_key: env.randomBytes(24).toString('base64url'),
    host_key: null,
    description: null,
    leaving: 0,
    gone: 0,
    begun: 0,
    created_at: now,
  };
  try {
    await db.write(async (tx) => {
      const cluster = await tx
        .selectFrom('clusters')
        .select('zone_id')
        .where('id', '=', wanted.clusterId)
        .executeTakeFirst();
      if (!cluster) throw new CloudError('invalid', 'There is no such cluster.', { reason: 'no_such_cluster' });
      await refuseKnown(tx, wanted);
      const password = sealed(core, 'farHostPassword', far.host_id, far.password);
      await tx
        .insertInto('far_hosts')
        .values({ ...far, password, machine_key: sealed(core, 'farHostKey', far.host_id, far.machine_key) })
        .execute();
      const host: HostsTable = {
        id: far.host_id,
        name: wanted.name,
        zone_id: cluster.zone_id,
        cluster_id: wanted.clusterId,
        state: 'enabled',
        status: 'connecting',
        management_address: wanted.address,
        hypervisor_type: 'QEMU',
        hypervisor_version: 0,
        accelerator: 'none',
        architecture: 'x86_64',
        vcpus: 0,
        memory_mb: 0,
        disk_gb: 0,
        reserved_memory_mb: 0,
        cpu_ratio: settings.cpuRatio,
        memory_ratio: 1,
        disk_ratio: 4,
        disabled_reason: null,
        forced_down: 0,
        created_at: now,
        updated_at: now,
      };
      await tx.insertInto('hosts').values(host).execute();
    });
  } catch (error) {
    if (error instanceof ConstraintViolation)
      throw new CloudError('duplicate', 'There is a host of this id, name or address.', { cause: error });
    throw error;
  }
  return far;
}

async function refuseKnown(tx: Tx, { name, address, port }: NewFarHost): Promise<void> {
  const named = await tx.selectFrom('hosts').select('id').where('name', '=', name).executeTakeFirst();
  if (named) throw new CloudError('duplicate', `There is a host of the name ${name}.`, { reason: 'name' });
  await refuseTaken(tx, { address, port });
}

/** Throws `duplicate` where there is such a host. One that is on its way out is no host of the cloud, and may never answer again. */
export async function refuseTaken(
  db: Tx | Database['read'],
  { address, port }: Pick<FarPlace, 'address' | 'port'>,
  but = '',
) {
  const there = await db
    .selectFrom('far_hosts')
    .select('host_id')
    .where('address', '=', address)
    .where('port', '=', port)
    .where('leaving', '=', 0)
    .where('host_id', '!=', but)
    .executeTakeFirst();
  if (there) throw new CloudError('duplicate', `There is a host at ${address}, port ${port}.`, { reason: 'address' });
}
