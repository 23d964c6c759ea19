import type { Tx } from '../../database/database.ts';
import { parseId } from '../../env/env.ts';
import { CloudError } from '../errors.ts';
import type { Subject } from '../identity/subject.ts';
import type { Port } from './model.ts';
import { servicePortOwner } from './network-registry.ts';

/**
 * Whoever says that a port is of another project's server or router would plug himself into it (CVE-2014-0056).
 * @throws {CloudError} `conflict`, named as Neutron does
 */
export async function refuseForeignDevice(
  tx: Tx,
  subject: Subject,
  projectId: string,
  deviceId: string | undefined,
): Promise<void> {
  const id = deviceId && parseId(deviceId);
  if (!id || subject.isAdmin) return;
  const find = (table: 'servers' | 'routers') =>
    tx.selectFrom(table).select('project_id').where('id', '=', id).executeTakeFirst();
  const device = (await find('servers')) ?? (await find('routers'));
  if (!device || device.project_id === projectId) return;
  const message = `The following device_id ${deviceId} is not owned by your tenant or matches another tenants router.`;
  throw new CloudError('conflict', message, { reason: 'device_i_d_not_owned_by_tenant' });
}

/** Whether something of the network itself uses the port. That its owner says so is not enough: anybody may write that. */
export async function isOfMachinery(tx: Tx, { deviceOwner, deviceId }: Port): Promise<boolean> {
  if (!deviceOwner.startsWith('network:')) return false;
  if (deviceOwner === servicePortOwner) return deviceId.startsWith('dhcp-');
  const find = (table: 'routers' | 'floating_ips') =>
    tx.selectFrom(table).select('id').where('id', '=', deviceId).executeTakeFirst();
  return ((await find('routers')) ?? (await find('floating_ips'))) !== undefined;
}
