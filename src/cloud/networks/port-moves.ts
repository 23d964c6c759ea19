import type { Tx } from '../../database/database.ts';
import type { CloudCore } from '../core.ts';
import { CloudError, notFound } from '../errors.ts';
import type { FixedIp } from './model.ts';
import type { FixedIpRequest, PortAddressing } from './port-addressing.ts';
import { loadPorts, portWithId } from './port-rows.ts';

/**
 * Puts a port into another network: it gives back its addresses and gets others there, those asked for or any. One that
 * is there already stays as it is. The caller has checked that whoever asks may use the network.
 */
export async function movePort(
  core: Pick<CloudCore, 'env'>,
  addressing: PortAddressing,
  tx: Tx,
  portId: string,
  to: { networkId: string; fixedIps?: readonly FixedIpRequest[] },
): Promise<FixedIp[]> {
  const [port] = await loadPorts(tx, await portWithId.all(tx, { id: portId }));
  if (!port) throw notFound('port', portId);
  if (port.networkId === to.networkId) return port.fixedIps;
  await addressing.release(tx, portId);
  await tx
    .updateTable('ports')
    .set((eb) => ({
      network_id: to.networkId,
      revision: eb('revision', '+', 1),
      updated_at: core.env.now(),
    }))
    .where('id', '=', portId)
    .execute();
  return await addressing.assign(tx, { ...port, networkId: to.networkId }, to.fixedIps);
}

/** As `movePort`, back to where it was: with its old addresses, or others where something has those by now, or none. */
export async function movePortBack(
  core: Pick<CloudCore, 'env'>,
  addressing: PortAddressing,
  tx: Tx,
  portId: string,
  { networkId, addresses }: { networkId: string; addresses: readonly string[] },
): Promise<void> {
  const [port] = await loadPorts(tx, await portWithId.all(tx, { id: portId }));
  if (!port || port.networkId === networkId) return;
  await movePort(core, addressing, tx, portId, { networkId, fixedIps: [] });
  for (const fixedIps of [addresses.map((ipAddress) => ({ ipAddress })), undefined]) {
    try {
      await addressing.assign(tx, { ...port, networkId }, fixedIps);
      return;
    } catch (error) {
      if (!(error instanceof CloudError)) throw error;
      await addressing.release(tx, portId);
    }
  }
}
