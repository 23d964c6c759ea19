import { collectDefaultMetrics, Histogram, Registry } from 'prom-client';
import type { Cloud } from '../cloud/cloud.ts';
import type { AnyOperation } from './operation.ts';

/** What `/metrics` shows, in Prometheus' text format. */
export interface Metrics {
  observe(operation: AnyOperation, status: number, seconds: number): void;
  contentType: string;
  text(): Promise<string>;
}

export function createMetrics(cloud: Cloud): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: 'unkai_' });
  const requests = new Histogram({
    name: 'unkai_request_seconds',
    help: 'Time from the arrival of a request to its answer, by operation.',
    labelNames: ['dialect', 'operation', 'status'],
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
    registers: [registry],
  });
  cloud.registerMetrics(registry);
  // Looking a label set up costs more than counting, so each one is looked up once.
  const children = new Map<AnyOperation, Map<number, Histogram.Internal<string>>>();
  return {
    observe(operation, status, seconds) {
      const byStatus = children.get(operation) ?? new Map<number, Histogram.Internal<string>>();
      children.set(operation, byStatus);
      let child = byStatus.get(status);
      if (!child) {
        child = requests.labels(operation.dialect, operation.id, String(status));
        byStatus.set(status, child);
      }
      child.observe(seconds);
    },
    contentType: registry.contentType,
    text: () => registry.metrics(),
  };
}
