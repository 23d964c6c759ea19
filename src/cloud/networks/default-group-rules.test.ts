import { expect, test } from 'vitest';
import { eachDatabase } from '../../../tests/support/postgres.ts';
import type { NewDefaultGroupRule } from './default-group-rules.ts';
import { admin, testNetworks } from './test-cloud.ts';

eachDatabase('the rules that new security groups begin with', (open) => {
  test('are there once, also where several administrators make them at the same moment', async () => {
    const cloud = await testNetworks({}, await open());
    const rules = cloud.networks.defaultGroupRules;
    const before = await rules.list();
    const rule: NewDefaultGroupRule = { direction: 'ingress', protocol: 'tcp', portRangeMin: 22, portRangeMax: 22 };
    const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => rules.create(admin, [rule])));
    const refused = outcomes.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []));
    expect(refused).toHaveLength(7);
    for (const one of refused)
      expect(one).toMatchObject({ code: 'duplicate', details: { reason: 'default_security_group_rule_exists' } });
    expect(await rules.list()).toHaveLength(before.length + 1);
    await cloud.db.close();
  });
});
