import { CloudError } from '../errors.ts';

/** The failures of routers and floating IPs, named and worded as Neutron has them. */

export function routerInUse(routerId: string): CloudError {
  const message = `Router ${routerId} still has ports.`;
  return new CloudError('conflict', message, { resource: 'router', id: routerId, reason: 'router_in_use' });
}

/** What Neutron refuses without a name of its own. */
export function badRouterRequest(resource: 'router' | 'floatingip', what: string): CloudError {
  return new CloudError('invalid', `Bad ${resource} request: ${what}.`, { reason: 'bad_request' });
}

export function interfaceNotFound(routerId: string, portId: string): CloudError {
  const message = `Router ${routerId} does not have an interface with id ${portId}`;
  return new CloudError('not_found', message, { resource: 'port', id: portId, reason: 'router_interface_not_found' });
}

export function interfaceNotFoundForSubnet(routerId: string, subnetId: string): CloudError {
  const message = `Router ${routerId} has no interface on subnet ${subnetId}`;
  const reason = 'router_interface_not_found_for_subnet';
  return new CloudError('not_found', message, { resource: 'subnet', id: subnetId, reason });
}

export function interfaceInUseByFloatingIp(routerId: string, subnetId: string): CloudError {
  const message = `Router interface for subnet ${subnetId} on router ${routerId} cannot be deleted, as it is required by one or more floating IPs.`;
  const reason = 'router_interface_in_use_by_floating_i_p';
  return new CloudError('conflict', message, { resource: 'subnet', id: subnetId, reason });
}

export function interfaceInUseByRoute(routerId: string, subnetId: string): CloudError {
  const message = `Router interface for subnet ${subnetId} on router ${routerId} cannot be deleted, as it is required by one or more routes.`;
  const reason = 'router_interface_in_use_by_route';
  return new CloudError('conflict', message, { resource: 'subnet', id: subnetId, reason });
}

export function gatewayInUseByFloatingIp(routerId: string, networkId: string): CloudError {
  const message = `Gateway cannot be updated for router ${routerId}, since a gateway to external network ${networkId} is required by one or more floating IPs.`;
  const reason = 'router_external_gateway_in_use_by_floating_ip';
  return new CloudError('conflict', message, { resource: 'router', id: routerId, reason });
}

export function subnetMismatch(portId: string, subnetId: string): CloudError {
  const message = `Subnet on port ${portId} does not match the requested subnet ${subnetId}.`;
  return new CloudError('invalid', message, { reason: 'subnet_mismatch_for_port' });
}

export function invalidRoutes(routes: unknown, why: string): CloudError {
  const message = `Invalid format for routes: ${JSON.stringify(routes)}, ${why}`;
  return new CloudError('invalid', message, { reason: 'invalid_routes', field: 'routes' });
}

export function notReachable(networkId: string, subnetId: string, portId: string): CloudError {
  const message = `External network ${networkId} is not reachable from subnet ${subnetId}. Therefore, cannot associate Port ${portId} with a Floating IP.`;
  const reason = 'external_gateway_for_floating_i_p_not_found';
  return new CloudError('not_found', message, { resource: 'subnet', id: subnetId, reason });
}

export function alreadyAssociated(
  floating: { id: string; address: string; networkId: string },
  portId: string,
  fixed: string,
) {
  const message = `Cannot associate floating IP ${floating.address} (${floating.id}) with port ${portId} using fixed IP ${fixed}, as that fixed IP already has a floating IP on external network ${floating.networkId}.`;
  const reason = 'floating_i_p_port_already_associated';
  return new CloudError('conflict', message, { resource: 'floatingip', id: floating.id, reason });
}

export function inUseByForwarding(floatingIpId: string): CloudError {
  const message = `Floating IP ${floatingIpId} in use by Port Forwarding resources.`;
  return new CloudError('conflict', message, {
    resource: 'floatingip',
    id: floatingIpId,
    reason: 'fip_in_use_by_port_forwarding',
  });
}

export function portHasForwarding(floating: { id: string; address: string }, portId: string): CloudError {
  const message = `Cannot associate floating IP ${floating.address} (${floating.id}) with port ${portId}, as that port already has a port forwarding.`;
  return new CloudError('conflict', message, { resource: 'port', id: portId, reason: 'port_has_port_forwarding' });
}
