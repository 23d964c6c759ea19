import type { Facts } from './facts.ts';
import type { Finding } from './finding.ts';

/** How hosts name, among what their networks are made of, what serves the load balancers of a router. */
const served = /^balancers of ([0-9a-f]{32})$/;

/**
 * Hosts serve load balancers of routers that have some. Each round of a host's networks takes away others, so that what is
 * found is either just going, or on a host that can't be told.
 */
export function balancersHaveRouters({ inventories, balancedRouters }: Facts): Finding[] {
  return [...inventories].flatMap(([hostId, { networkDevices }]) =>
    networkDevices.flatMap((name): Finding[] => {
      const routerId = served.exec(name)?.[1];
      if (routerId === undefined || balancedRouters.has(routerId)) return [];
      const text = `Host ${hostId} serves load balancers of router ${routerId}, which has none.`;
      return [{ invariant: 'balancer-has-router', resource: 'router', id: routerId, text, level: 'remaining work' }];
    }),
  );
}
