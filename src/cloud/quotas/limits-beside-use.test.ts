import { afterEach, expect, it } from 'vitest';
import { holdWrites, untilBlocked } from '../../../tests/support/held-writes.ts';
import { eachDatabase } from '../../../tests/support/postgres.ts';
import { newId } from '../../env/env.ts';
import { operator } from '../identity/subject.ts';
import { testCore } from '../identity/test-identity.ts';
import { Quotas } from './quotas.ts';

const admin = operator();
const project = 'a'.repeat(32);

eachDatabase('limits that must not be below what a project has', (openDatabase) => {
  let made: Awaited<ReturnType<typeof testCore>>;
  afterEach(() => made.db.close());

  it.each([-1, 100])('wait for those who take something meanwhile, whose limit was %i', async (before) => {
    made = await testCore({ db: await openDatabase() });
    const { core, db } = made;
    const quotas = new Quotas(core);
    await quotas.setLimits(admin, project, { server_groups: before });
    const slow = holdWrites(db);
    const taken = slow.db.write(async (tx) => {
      await quotas.check(tx, project, { server_groups: 1 });
      const about = { name: 'g', policy: 'affinity', zone_id: null, description: null, enabled: 1 } as const;
      const row = { id: newId(core.env), project_id: project, user_id: admin.userId, created_at: 0, updated_at: 0 };
      await tx
        .insertInto('server_groups')
        .values({ ...row, ...about })
        .execute();
    });
    await slow.held;
    const judge = ({ server_groups = 0 }) => {
      if (server_groups > 0) throw new Error('below');
    };
    const set = quotas.setLimits(admin, project, { server_groups: 0 }, judge);
    const refused = expect(set).rejects.toThrow('below');
    await untilBlocked(db);
    slow.commit();
    await taken;
    await refused;
    expect(await quotas.limits(admin, project)).toMatchObject({ server_groups: before });
    expect((await quotas.setLimits(admin, project, { server_groups: 1 }, () => {})).server_groups).toBe(1);
  });
});
