import { CloudError } from '../errors.ts';

/**
 * The failures of networks that more than one place raises. `reason` is stable; in CamelCase it is the class that
 * Neutron has for the same thing, whose words these are too.
 */

export function invalidInput(message: string, field?: string): CloudError {
  return new CloudError('invalid', `Invalid input for operation: ${message}`, { reason: 'invalid_input', field });
}

export function ipAddressInUse(networkId: string, address: string): CloudError {
  const message = `Unable to complete operation for network ${networkId}. The IP address ${address} is in use.`;
  return new CloudError('conflict', message, { resource: 'network', id: networkId, reason: 'ip_address_in_use' });
}

export function noAddressLeft(networkId: string): CloudError {
  const message = `No more IP addresses available on network ${networkId}.`;
  const reason = 'ip_address_generation_failure';
  return new CloudError('conflict', message, { resource: 'network', id: networkId, reason });
}

export function macAddressInUse(networkId: string, mac: string): CloudError {
  const message = `Unable to complete operation for network ${networkId}. The mac address ${mac} is in use.`;
  return new CloudError('conflict', message, { resource: 'network', id: networkId, reason: 'mac_address_in_use' });
}

export function noMacAddressLeft(networkId: string): CloudError {
  const message = `Unable to generate unique mac on network ${networkId}.`;
  return new CloudError('unavailable', message, { id: networkId, reason: 'host_mac_address_generation_failure' });
}

export function networkInUse(networkId: string, portIds: readonly string[] = []): CloudError {
  const which = portIds.length > 0 ? `, id for these ports is ${portIds.join(', ')}` : '';
  const message =
    `Unable to complete operation on network ${networkId}. ` +
    `There are one or more ports still in use on the network${which}.`;
  return new CloudError('conflict', message, { resource: 'network', id: networkId, reason: 'network_in_use' });
}

export function subnetInUse(subnetId: string): CloudError {
  const message =
    `Unable to complete operation on subnet ${subnetId}: ` +
    'One or more ports have an IP allocation from this subnet.';
  return new CloudError('conflict', message, { resource: 'subnet', id: subnetId, reason: 'subnet_in_use' });
}

export function portInUse(portId: string, deviceId: string): CloudError {
  const message = `Port ${portId} is still in use by ${deviceId}.`;
  return new CloudError('conflict', message, { resource: 'port', id: portId, reason: 'port_in_use' });
}

/** Somebody else changed the resource since the client read it. */
export function revisionMismatch(expected: number): CloudError {
  const message = `Constrained to ${expected}, but the resource has another revision number by now.`;
  return new CloudError('conflict', message, { reason: 'revision_number_constraint_failed' });
}

/** Things of another project may only be made by an administrator. */
export function foreignProject(): CloudError {
  return new CloudError('forbidden', 'Only an administrator may name a project other than his own.', {
    reason: 'admin_required',
  });
}

export function adminOnly(what: string): CloudError {
  return new CloudError('forbidden', `Only an administrator may ${what}.`, { reason: 'policy_not_authorized' });
}
