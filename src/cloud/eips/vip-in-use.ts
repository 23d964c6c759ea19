import { CloudError } from '../errors.ts';

/** The VIP is used by something else: an EIP has it whole, rules have single ports of it. */
export function vipInUse(id: string, service: 'Eip' | 'PortForwarding' | 'LoadBalancer'): CloudError {
  const words = `vip[uuid:${id}] has been occupied other network service entity[${service}]`;
  return new CloudError('conflict', words, { resource: 'floating_ip', id, reason: 'vip_in_use' });
}
