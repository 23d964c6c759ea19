import { Type } from 'typebox';
import { operation } from '../../api/operation.ts';
import { instant, Nullable } from './wire.ts';

const Reconciler = Type.Object({
  name: Type.String(),
  runs: Type.Integer({ description: 'Activations since this control plane started.' }),
  failures: Type.Integer(),
  last_started_at: Type.String({ format: 'date-time' }),
  last_duration_ms: Type.Number(),
  items: Type.Record(Type.String(), Type.Number(), { description: 'What the last activation dealt with.' }),
  error: Nullable(Type.String(), 'Why the last activation failed, if it did.'),
});

export const reconcilerOperations = [
  operation({
    dialect: 'native',
    group: 'overview',
    id: 'ListReconcilers',
    method: 'GET',
    path: '/reconcilers',
    since: '1.0',
    mode: 'sync',
    allow: 'admin',
    responses: { 200: Type.Object({ reconcilers: Type.Array(Reconciler) }) },
    errors: [401, 403],
    title: 'List reconcilers',
    summary:
      'What keeps the cloud as it is meant to be, in the control plane that answers: when each part last ran, for how ' +
      'long, what it dealt with, and what went wrong.',
    examples: [{ title: 'All', status: 200 }],
    async handle({ cloud }) {
      const reconcilers = cloud.reconcilers.list().map((one) => ({
        name: one.name,
        runs: one.runs,
        failures: one.failures,
        last_started_at: instant(one.startedAt),
        last_duration_ms: one.duration / 1000,
        items: one.items,
        error: one.error,
      }));
      return { body: { reconcilers } };
    },
  }),
];
