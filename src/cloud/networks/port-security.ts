import type { Tx } from '../../database/database.ts';
import { CloudError } from '../errors.ts';
import { invalidInput } from './failures.ts';
import { parseCidr, parseIp } from './ip.ts';
import { normalMac } from './mac-addresses.ts';
import type { AddressPair } from './model.ts';

/** Address pairs of one port at most, as Neutron has it by default. */
const maxPairs = 10;

/** Throws `conflict` when a port that is not filtered has what only filters need. */
export function checkSecurity(portSecurity: boolean, groups: readonly unknown[], pairs: readonly unknown[]): void {
  if (portSecurity) return;
  if (groups.length > 0) {
    const message =
      'Port has security group associated. Cannot disable port security or IP address until security group is removed.';
    throw new CloudError('conflict', message, { reason: 'port_security_port_has_security_group' });
  }
  if (pairs.length > 0) {
    const message = 'Port Security must be enabled in order to have allowed address pairs on a port.';
    throw new CloudError('conflict', message, { reason: 'address_pair_and_port_security_required' });
  }
}

/** What Nova says where a server is to have groups on a port that is not filtered. */
export function groupsCannotBeApplied(): CloudError {
  const message = 'Network requires port_security_enabled and subnet associated in order to apply security groups.';
  return new CloudError('invalid', message, { reason: 'security_group_cannot_be_applied' });
}

/** Replaces the address pairs of a port. Throws `invalid` for what are none. */
export async function setPairs(
  tx: Tx,
  port: { id: string; macAddress: string },
  asked: ReadonlyArray<{ ipAddress: string; macAddress?: string }>,
): Promise<void> {
  if (asked.length > maxPairs) {
    const message = `Exceeded maximum number of allowed address pairs per port: ${maxPairs}.`;
    throw new CloudError('invalid', message, { reason: 'allowed_address_pair_exhausted' });
  }
  const pairs = asked.map(({ ipAddress, macAddress }): AddressPair => {
    if (!parseIp(ipAddress) && !parseCidr(ipAddress)) {
      throw invalidInput(`'${ipAddress}' is not a valid IP address or network`, 'allowed_address_pairs');
    }
    return { ipAddress, macAddress: macAddress === undefined ? port.macAddress : normalMac(macAddress) };
  });
  if (new Set(pairs.map((pair) => JSON.stringify(pair))).size < pairs.length) {
    const message = 'Request contains duplicate address pair.';
    throw new CloudError('invalid', message, { reason: 'duplicate_address_pair_in_request' });
  }
  await tx
    .updateTable('ports')
    .set({ allowed_address_pairs: JSON.stringify(pairs) })
    .where('id', '=', port.id)
    .execute();
}
