import { expect, it } from 'vitest';
import { eachDatabase } from '../../../tests/support/postgres.ts';
import { ControlPlanes } from './control-planes.ts';

const second = 1_000_000;

eachDatabase('control planes', (open) => {
  it('are known by what they last said, as far as several share a database', async () => {
    const db = await open();
    let now = 1_000 * second;
    const env = { now: () => now } as ConstructorParameters<typeof ControlPlanes>[0]['env'];
    const [one, other] = ['one', 'other'].map((name) => new ControlPlanes({ db, env }, name)) as [
      ControlPlanes,
      ControlPlanes,
    ];
    for (const each of [one, other]) await each.beat();
    await expect(one.forget('nobody')).rejects.toMatchObject({ code: 'not_found' });
    await expect(one.forget('one')).rejects.toMatchObject({ code: 'conflict' });
    if (db.kind === 'sqlite') {
      expect(await one.list()).toEqual([{ name: 'one', isUp: true, seenAt: now }]);
      expect(await db.read.selectFrom('control_planes').selectAll().execute()).toEqual([]);
      return;
    }
    const before = now;
    expect(await one.list()).toEqual([
      { name: 'one', isUp: true, seenAt: before },
      { name: 'other', isUp: true, seenAt: before },
    ]);
    now += 61 * second;
    await one.beat();
    expect(await one.list()).toEqual([
      { name: 'one', isUp: true, seenAt: now },
      { name: 'other', isUp: false, seenAt: before },
    ]);
    // Who answers is there, whatever came of its last words.
    expect((await other.list()).map(({ isUp }) => isUp)).toEqual([true, true]);
    await one.forget('other');
    expect((await one.list()).map(({ name }) => name)).toEqual(['one']);
    await other.beat();
    await expect(one.forget('other')).rejects.toMatchObject({ code: 'conflict' });
  });
});
