import { expect, test } from 'vitest';
import { eachDatabase } from '../../../tests/support/postgres.ts';
import { admin, testNetworks } from './test-cloud.ts';

eachDatabase('pools of subnets that are made at the same moment', (open) => {
  test('leave one default for each family, and every address of a scope once', async () => {
    const cloud = await testNetworks({}, await open());
    const { subnetPools, addressScopes } = cloud.networks;
    const defaults = await Promise.allSettled(
      Array.from({ length: 6 }, (_, n) =>
        subnetPools.create(admin, [{ prefixes: [`10.${n}.0.0/16`], isDefault: true, shared: true }]),
      ),
    );
    expect(defaults.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const [scope] = await addressScopes.create(admin, [{ name: 'one', ipVersion: 4 }]);
    const overlapping = await Promise.allSettled(
      Array.from({ length: 6 }, (_, n) =>
        subnetPools.create(admin, [
          { prefixes: [`172.16.${n * 16}.0/${n === 0 ? 16 : 20}`], addressScopeId: scope!.id },
        ]),
      ),
    );
    const prefixes = overlapping.flatMap((one) =>
      one.status === 'fulfilled' ? one.value.flatMap((pool) => pool.prefixes) : [],
    );
    // Whoever has all of it leaves nothing for the others, and whoever has a part leaves not all.
    expect(prefixes.includes('172.16.0.0/16') ? 1 : 5).toBe(prefixes.length);
    await cloud.db.close();
  });
});
