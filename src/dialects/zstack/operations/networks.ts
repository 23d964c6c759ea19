import { certificateOperations } from './certificates.ts';
import { eipOperations } from './eips.ts';
import { ipAddressOperations } from './ip-addresses.ts';
import { ipRangeOperations } from './ip-ranges.ts';
import { l2NetworkOperations } from './l2-networks.ts';
import { l3NetworkOperations } from './l3-networks.ts';
import { loadBalancerListenerOperations } from './load-balancer-listeners.ts';
import { loadBalancerServerOperations } from './load-balancer-servers.ts';
import { loadBalancerOperations } from './load-balancers.ts';
import { networkServiceOperations } from './network-services.ts';
import { nicOperations } from './nics.ts';
import { portForwardingRuleOperations } from './port-forwarding-rules.ts';
import { reservedIpRangeOperations } from './reserved-ip-ranges.ts';
import { securityGroupRuleOperations } from './security-group-rules.ts';
import { securityGroupOperations } from './security-groups.ts';

/** All that networks are made of. */
export const networkOperations = [
  ...l2NetworkOperations,
  ...l3NetworkOperations,
  ...ipRangeOperations,
  ...reservedIpRangeOperations,
  ...ipAddressOperations,
  ...networkServiceOperations,
  ...nicOperations,
  ...eipOperations,
  ...portForwardingRuleOperations,
  ...loadBalancerOperations,
  ...loadBalancerListenerOperations,
  ...loadBalancerServerOperations,
  ...certificateOperations,
  ...securityGroupOperations,
  ...securityGroupRuleOperations,
];
