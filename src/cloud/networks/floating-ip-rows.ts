import type { Tx } from '../../database/database.ts';
import type { CloudCore } from '../core.ts';
import type { FixedIp } from './model.ts';
import { forgetTags } from './tags.ts';

/** Frees the floating IPs of a port that stand for addresses other than those. They stay their project's. */
export async function freeFloatingIps(
  core: Pick<CloudCore, 'env'>,
  tx: Tx,
  portId: string,
  kept: readonly FixedIp[],
): Promise<void> {
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
}

/** Takes away the floating IPs of an external network that stand for nothing, with the ports that hold them. */
export async function removeFreeFloatingIps(tx: Tx, networkId: string): Promise<void> {
  const free = await tx
    .deleteFrom('floating_ips')
    .where('network_id', '=', networkId)
    .where('port_id', 'is', null)
    .where('id', 'not in', (eb) => eb.selectFrom('port_forwardings').select('floating_ip_id'))
    .returning(['id', 'floating_port_id'])
    .execute();
  if (free.length === 0) return;
  const ports = free.map((row) => row.floating_port_id);
  await tx.deleteFrom('port_addresses').where('port_id', 'in', ports).execute();
  await tx.deleteFrom('ports').where('id', 'in', ports).execute();
  await forgetTags(tx, [...ports, ...free.map(({ id }) => id)]);
}
