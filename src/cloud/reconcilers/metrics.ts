import { Gauge, type Registry } from 'prom-client';
import type { ReconcilerStatus, ReconcilerStatuses } from './status.ts';

const second = 1_000_000;

/** Adds what the reconcilers say of themselves to `/metrics`; what went wrong with them is told to administrators only. */
export function registerReconcilerMetrics(statuses: ReconcilerStatuses, registry: Registry): void {
  const gauge = (name: string, help: string, figureOf: (status: ReconcilerStatus) => number) =>
    new Gauge({
      name: `unkai_reconciler_${name}`,
      help,
      labelNames: ['reconciler'],
      registers: [registry],
      collect() {
        this.reset();
        for (const status of statuses.list()) this.set({ reconciler: status.name }, figureOf(status));
      },
    });
  gauge('runs', 'Activations of a reconciler since this process started.', ({ runs }) => runs);
  gauge('failures', 'Activations that failed.', ({ failures }) => failures);
  gauge('failing', 'Whether the last activation failed.', ({ error }) => (error === null ? 0 : 1));
  gauge('last_run_seconds', 'When the last activation began, since the epoch.', (status) => status.startedAt / second);
  gauge('last_duration_seconds', 'How long it took.', (status) => status.duration / second);
  new Gauge({
    name: 'unkai_reconciler_items',
    help: 'What the last activation dealt with, by what was done with it.',
    labelNames: ['reconciler', 'outcome'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { name, items } of statuses.list()) {
        for (const [outcome, count] of Object.entries(items)) this.set({ reconciler: name, outcome }, count);
      }
    },
  });
}
