import type { FastifyRequest } from 'fastify';
import type { Cloud } from '../cloud/cloud.ts';
import { type DryRunPlan, dryRun } from '../cloud/dry-run/dry-run.ts';
import { CloudError } from '../cloud/errors.ts';
import type { Subject } from '../cloud/identity/subject.ts';
import type { AnyOperation } from './operation.ts';

/**
 * What a client asks for with the header `Unkai-Dry-Run`: `1` for the plan of a change that is then taken back, and
 * `validate` for no more than holding the request against its schema.
 */
export type DryRunMode = 'plan' | 'validate';

/** Throws `invalid` for values of the header that mean nothing: what was meant as a dry run must not happen. */
export function dryRunModeOf(request: FastifyRequest): DryRunMode | undefined {
  const value = request.headers['unkai-dry-run'];
  if (value === undefined) return undefined;
  if (value === '1' || value === 'true') return 'plan';
  if (value === 'validate') return 'validate';
  throw new CloudError('invalid', 'Unkai-Dry-Run must be 1 or validate.', { field: 'Unkai-Dry-Run' });
}

/** Whether what the operation does can be tried and taken back. */
export function canRunDry(operation: AnyOperation): boolean {
  if (operation.dryRun === false || operation.consumes) return false;
  return operation.method !== 'GET' && operation.method !== 'HEAD';
}

/** Runs the operation's handler and takes back what it changed. Throws what the call would be refused with. */
export async function planOf(
  cloud: Cloud,
  operation: AnyOperation,
  call: { subject: Subject | undefined; requestId: string },
  work: () => Promise<unknown>,
): Promise<object> {
  if (!canRunDry(operation)) {
    const why = operation.consumes
      ? 'its body is a stream of bytes'
      : 'it only reads, or its effects can not be taken back';
    throw new CloudError('invalid', `${operation.id} has no dry run: ${why}.`, { reason: 'no_dry_run' });
  }
  const requestId = call.subject?.requestId ?? call.requestId;
  return planView(operation, await dryRun(cloud, call.subject, requestId, work));
}

function planView(operation: AnyOperation, { changes, actions, quota, placement }: DryRunPlan): object {
  return {
    dry_run: true,
    operation: operation.id,
    changes,
    actions,
    quota,
    ...(placement.length > 0
      ? { placement: placement.map(({ serverId, hosts }) => ({ server: serverId, hosts })) }
      : {}),
  };
}
