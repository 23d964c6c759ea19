import { expect, it } from 'vitest';
import { balancersHaveRouters } from './balancers.ts';
import type { Facts } from './facts.ts';

it('finds what serves load balancers of a router that has none', () => {
  const [wanted, other] = ['a1'.repeat(16), 'b2'.repeat(16)];
  const networkDevices = ['unkai-1a2b3c4d', `balancers of ${wanted}`, `balancers of ${other}`];
  const facts = { inventories: new Map([['host', { networkDevices }]]), balancedRouters: new Set([wanted]) };
  const found = balancersHaveRouters(facts as unknown as Facts);
  expect(found).toMatchObject([{ id: other, level: 'remaining work', resource: 'router' }]);
});
