import { expect, test } from 'vitest';
import { eachDatabase } from '../../../tests/support/postgres.ts';
import { admin, testNetworks } from './test-cloud.ts';

eachDatabase('a rule that names a group which is being deleted', (open) => {
  test('goes with it, or is not made', async () => {
    const cloud = await testNetworks({}, await open());
    const { securityGroups, securityGroupRules } = cloud.networks;
    const named = async (name: string) => (await securityGroups.create(admin, [{ name }]))[0]!;
    for (let round = 0; round < 12; round += 1) {
      const [own, peer] = [await named('own'), await named('peer')];
      const rule = { securityGroupId: own.id, direction: 'ingress', remoteGroupId: peer.id } as const;
      const [made, gone] = await Promise.allSettled([
        securityGroupRules.create(admin, [rule]),
        securityGroups.delete(admin, peer.id),
      ]);
      expect(gone).toMatchObject({ status: 'fulfilled' });
      if (made.status === 'rejected') expect(made.reason).toMatchObject({ code: 'not_found' });
      const { rules } = await securityGroups.get(admin, own.id);
      expect(rules.filter(({ remoteGroupId }) => remoteGroupId !== null)).toEqual([]);
    }
    await cloud.db.close();
  });
});
