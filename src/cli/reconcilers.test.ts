import { Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { registerReconcilerMetrics } from '../cloud/reconcilers/metrics.ts';
import { ReconcilerStatuses } from '../cloud/reconcilers/status.ts';
import { realEnv } from '../env/real.ts';
import { reconcilersIn } from './reconcilers.ts';

it('reads from the metrics what the reconcilers have put there', async () => {
  const statuses = new ReconcilerStatuses(realEnv());
  const registry = new Registry();
  registerReconcilerMetrics(statuses, registry);
  expect(reconcilersIn(await registry.metrics())).toEqual([]);
  await statuses.observe('disk reaper', async () => ({ removed: 2 }));
  await statuses.observe('jobs', () => Promise.reject(new Error('no'))).catch(() => {});
  const text = await registry.metrics();
  expect(text).toContain('unkai_reconciler_items{reconciler="disk reaper",outcome="removed"} 2');
  const lastRun = expect.any(Number);
  expect(reconcilersIn(text)).toEqual([
    { name: 'disk reaper', runs: 1, failures: 0, isFailing: false, lastRun },
    { name: 'jobs', runs: 1, failures: 1, isFailing: true, lastRun },
  ]);
});
