import { Type } from 'typebox';
import type { Call } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';

export const AggregateParams = Type.Object({ aggregate_id: Type.String() });
export const exampleAggregate = { aggregate_id: '1' };

/** Throws `not_found` for what can't be one's number. */
export function numberOf({ params }: Pick<Call<{ aggregate_id: string }>, 'params'>): number {
  const { aggregate_id: id } = params;
  if (/^\d{1,15}$/.test(id)) return Number(id);
  throw new CloudError('not_found', `Aggregate ${id} could not be found.`, { resource: 'aggregate' });
}
