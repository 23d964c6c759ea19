import { expect, it } from 'vitest';
import { realEnv } from '../../env/real.ts';
import { ReconcilerStatuses } from './status.ts';

it('says of each reconciler what its last activation did', async () => {
  const statuses = new ReconcilerStatuses(realEnv());
  expect(statuses.list()).toEqual([]);
  await statuses.observe('reaper', async () => ({ removed: 3, failed: 0, words: 'not a number' }));
  await statuses.observe('audit', async () => undefined);
  const times = { startedAt: expect.any(Number), duration: expect.any(Number) };
  expect(statuses.list()).toEqual([
    { name: 'audit', runs: 1, failures: 0, items: {}, error: null, ...times },
    { name: 'reaper', runs: 1, failures: 0, items: { removed: 3, failed: 0 }, error: null, ...times },
  ]);
  const failing = statuses.observe('reaper', async () => {
    throw new Error('the host is gone');
  });
  await expect(failing).rejects.toThrow('the host is gone');
  expect(statuses.list()[1]).toMatchObject({ runs: 2, failures: 1, items: {}, error: 'the host is gone' });
  await statuses.observe('reaper', async () => 2);
  expect(statuses.list()[1]).toMatchObject({ runs: 3, failures: 1, items: { items: 2 }, error: null });
});
