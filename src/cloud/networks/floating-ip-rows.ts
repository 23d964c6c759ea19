import type { Tx } from '../../database/database.ts';
import type { CloudCore } from '../core.ts';
import type { FixedIp } from './model.ts';

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
