import { sql } from 'kysely';
import type { Queryable, Tx } from '../../database/database.ts';
import type { CloudCore } from '../core.ts';
import { hasMembers, removeMembers } from './balanced-addresses.ts';
import type { FixedIp } from './model.ts';
import { forgetTags } from './tags.ts';

/** Floating IPs with what is told of the ports that they stand for. */
export function withPorts(db: Queryable) {
  return db
    .selectFrom('floating_ips')
    .leftJoin('ports', 'ports.id', 'floating_ips.port_id')
    .selectAll('floating_ips')
    .select([
      'ports.name as portName',
      'ports.network_id as portNetworkId',
      'ports.mac_address as portMacAddress',
      'ports.admin_state_up as portAdminStateUp',
      'ports.status as portStatus',
      'ports.device_id as portDeviceId',
      'ports.device_owner as portDeviceOwner',
    ]);
}

/** Frees the floating IPs of a port that stand for addresses other than those, or have ports that do. They stay their project's. */
export async function freeFloatingIps(
  core: Pick<CloudCore, 'env'>,
  tx: Tx,
  portId: string,
  kept: readonly FixedIp[],
): Promise<void> {
  // Whoever makes it a member at this moment ends first, or finds no port.
  if (kept.length === 0) await tx.selectFrom('ports').select('id').where('id', '=', portId).forUpdate().execute();
  let query = tx
    .updateTable('floating_ips')
    .set((eb) => ({
      port_id: null,
      fixed_ip_address: null,
      router_id: null,
      revision: eb('revision', '+', 1),
      updated_at: core.env.now(),
    }))
    .where('port_id', '=', portId);
  const addresses = kept.map(({ ipAddress }) => ipAddress);
  if (addresses.length > 0) query = query.where('fixed_ip_address', 'not in', addresses);
  await query.execute();
  await removeForwardings(tx, portId, addresses);
  // A member has whatever address its port has.
  if (addresses.length > 0) return;
  const unused = await removeMembers(tx, portId);
  if (unused.length > 0) await settleForwardingRouter(tx, unused);
}

/** Takes away what is forwarded to addresses of the port other than those. */
async function removeForwardings(tx: Tx, portId: string, kept: readonly string[]): Promise<void> {
  let query = tx.deleteFrom('port_forwardings').where('internal_port_id', '=', portId);
  if (kept.length > 0) query = query.where('internal_address', 'not in', kept);
  const gone = await query.returning('floating_ip_id').execute();
  if (gone.length > 0) await settleForwardingRouter(tx, [...new Set(gone.map((row) => row.floating_ip_id))]);
}

/** Takes floating IPs from their router that stand for nothing any more. */
export async function settleForwardingRouter(tx: Tx, floatingIpIds: readonly string[]): Promise<void> {
  // Of several that take something away at once, the last one sees that nothing is left.
  await tx.selectFrom('floating_ips').select('id').where('id', 'in', floatingIpIds).orderBy('id').forUpdate().execute();
  await tx
    .updateTable('floating_ips')
    .set({ router_id: null })
    .where('id', 'in', floatingIpIds)
    .where('port_id', 'is', null)
    .where('id', 'not in', (eb) => eb.selectFrom('port_forwardings').select('floating_ip_id'))
    .where((eb) => eb.not(hasMembers(sql.ref('floating_ips.id'))))
    .execute();
}

/** Whether anything is forwarded from the floating IP, or to the address. */
export async function hasForwardings(
  tx: Tx,
  side: { floatingIpId: string } | { portId: string; address: string },
): Promise<boolean> {
  const query = tx.selectFrom('port_forwardings').select('id');
  const found =
    'floatingIpId' in side
      ? query.where('floating_ip_id', '=', side.floatingIpId)
      : query.where('internal_port_id', '=', side.portId).where('internal_address', '=', side.address);
  return (await found.executeTakeFirst()) !== undefined;
}

/** Takes away the floating IPs of an external network that stand for nothing, with the ports that hold them. */
export async function removeFreeFloatingIps(tx: Tx, networkId: string): Promise<void> {
  const free = await tx
    .deleteFrom('floating_ips')
    .where('network_id', '=', networkId)
    .where('port_id', 'is', null)
    .where('id', 'not in', (eb) => eb.selectFrom('port_forwardings').select('floating_ip_id'))
    .where('id', 'not in', (eb) => eb.selectFrom('load_balancers').select('floating_ip_id'))
    .returning(['id', 'floating_port_id'])
    .execute();
  if (free.length === 0) return;
  const ports = free.map((row) => row.floating_port_id);
  await tx.deleteFrom('port_addresses').where('port_id', 'in', ports).execute();
  await tx.deleteFrom('ports').where('id', 'in', ports).execute();
  await forgetTags(tx, [...ports, ...free.map(({ id }) => id)]);
}
