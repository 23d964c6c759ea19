import type { Tx } from '../../database/database.ts';
import type { Cloud } from '../cloud.ts';
import { notFound } from '../errors.ts';
import { memberAmong } from '../networks/balanced-addresses.ts';
import { defaultGroupId, ensureDefaultGroup } from '../networks/default-security-group.ts';
import { ensureOpenGroup, openGroupId } from '../networks/open-security-group.ts';
import { serverFromRow } from '../servers/model.ts';
import { updateServer } from '../servers/transition.ts';
import { requireUsable } from './owned-networks.ts';
import { moveVolumes } from './owned-volumes.ts';
import { busy, type NewOwner, refuseSame, tied } from './owner-rules.ts';

const settled = ['active', 'stopped', 'paused', 'suspended', 'shelved', 'shelved_offloaded', 'error', 'rescued'];

/**
 * Gives a server to another project, with all its volumes, their snapshots, and the interfaces that were made for it.
 * Gives the project that had it.
 */
export async function moveServer(cloud: Cloud, tx: Tx, id: string, to: NewOwner): Promise<string> {
  const query = tx.selectFrom('servers').selectAll().where('id', '=', id).where('deleted_at', 'is', null);
  const row = await query.forUpdate().executeTakeFirst();
  if (!row) throw notFound('server', id);
  const server = serverFromRow(row);
  const from = server.projectId;
  refuseSame(from, to);
  if (server.taskState !== null || !settled.includes(server.vmState)) {
    throw busy(`The server ${id} is ${server.taskState ?? server.vmState}.`);
  }
  const [inGroup] = await tx
    .selectFrom('server_group_members')
    .select('group_id')
    .where('server_id', '=', id)
    .execute();
  if (inGroup) throw tied(`The server ${id} is in the server group ${inGroup.group_id}.`);
  const { vcpus, memoryMb } = server.flavor;
  await cloud.quotas.check(tx, to.projectId, { instances: 1, cores: vcpus, ram_mb: memoryMb }, server.zoneId);
  await updateServer(cloud, tx, id, { project_id: to.projectId, user_id: to.userId });
  await movePorts(cloud, tx, id, from, to);
  await moveServersVolumes(cloud, tx, id, to);
  return from;
}

async function moveServersVolumes(cloud: Cloud, tx: Tx, serverId: string, to: NewOwner): Promise<void> {
  const volumes = await tx
    .selectFrom('volumes')
    .select(['id', 'status', 'multiattach'])
    .where('server_id', '=', serverId)
    .where('deleted_at', 'is', null)
    .execute();
  const shared = await tx.selectFrom('volume_shares').select('volume_id').where('server_id', '=', serverId).execute();
  const held = volumes.find(({ multiattach }) => multiattach === 1)?.id ?? shared[0]?.volume_id;
  if (held) throw tied(`Other servers may have the volume ${held}, too.`);
  const moving = volumes.find(({ status }) => status !== 'in-use' && status !== 'available');
  if (moving) throw busy(`The volume ${moving.id} is ${moving.status}.`);
  await moveVolumes(
    cloud,
    tx,
    volumes.map(({ id }) => id),
    to,
  );
  await tx
    .updateTable('snapshot_groups')
    .set({ project_id: to.projectId, user_id: to.userId })
    .where('server_id', '=', serverId)
    .execute();
}

/** Interfaces come under the default or the open security group of their new project, as they are in one of these. */
async function movePorts(cloud: Cloud, tx: Tx, serverId: string, from: string, to: NewOwner): Promise<void> {
  const ports = await tx
    .selectFrom('ports')
    .select(['id', 'port_security', 'qos_policy_id'])
    .where('device_id', '=', serverId)
    .execute();
  if (ports.length === 0) return;
  const ids = ports.map(({ id }) => id);
  const groups = await tx
    .selectFrom('port_security_groups')
    .select(['port_id', 'security_group_id'])
    .where('port_id', 'in', ids)
    .execute();
  const isOpen = (groupId: string) => groupId === openGroupId(from);
  const grouped = groups.find(({ security_group_id: id }) => id !== defaultGroupId(from) && !isOpen(id));
  if (grouped) throw tied(`The interface ${grouped.port_id} is in the security group ${grouped.security_group_id}.`);
  const addresses = tx.selectFrom('floating_ips').select('port_id').where('port_id', 'in', ids);
  const forwarded = tx.selectFrom('port_forwardings').select('internal_port_id').where('internal_port_id', 'in', ids);
  const used = (await addresses.executeTakeFirst())?.port_id ?? (await forwarded.executeTakeFirst())?.internal_port_id;
  if (used) throw tied(`A floating IP stands for the interface ${used}.`);
  const member = await memberAmong(tx, ids);
  if (member) throw tied(`The interface ${member} is a member of a load balancer.`);
  await requireUsable(cloud, tx, to, { policies: ports.map(({ qos_policy_id }) => qos_policy_id) });
  await cloud.quotas.check(tx, to.projectId, { ports: ports.length });
  const now = cloud.env.now();
  await tx.updateTable('ports').set({ project_id: to.projectId, updated_at: now }).where('id', 'in', ids).execute();
  await tx.deleteFrom('port_security_groups').where('port_id', 'in', ids).execute();
  const filtered = ports.filter(({ port_security }) => port_security === 1);
  if (filtered.length === 0) return;
  const open = new Set(groups.flatMap(({ port_id, security_group_id: id }) => (isOpen(id) ? [port_id] : [])));
  const [usualId, openId] = [
    await ensureDefaultGroup(cloud, tx, to.projectId),
    open.size > 0 ? await ensureOpenGroup(cloud, tx, to.projectId) : '',
  ];
  const rows = filtered.map(({ id }) => ({ port_id: id, security_group_id: open.has(id) ? openId : usualId }));
  await tx.insertInto('port_security_groups').values(rows).execute();
}
