import type { Cloud } from '../../../cloud/cloud.ts';
import { describeActionFailure } from './describe-error.ts';
import type { ErrorBody } from './error-codes.ts';

/** Waits until none of the servers is being built any more, however that ended. False after `waitMs`. */
export async function allBuilt(cloud: Cloud, serverIds: readonly string[], waitMs: number): Promise<boolean> {
  const deadline = cloud.env.now() + waitMs * 1000;
  for (const id of serverIds) {
    const actionId = await cloud.servers.log.creationOf(id);
    const timeoutMs = Math.max(0, (deadline - cloud.env.now()) / 1000);
    if (actionId && !(await cloud.runner.wait(actionId, { timeoutMs }))) return false;
  }
  return true;
}

/** Why the server could not be built; undefined where it was. */
export async function buildFailureOf(cloud: Cloud, serverId: string): Promise<ErrorBody | undefined> {
  const actionId = await cloud.servers.log.creationOf(serverId);
  const outcome = actionId ? await cloud.runner.outcome(actionId) : undefined;
  return outcome?.state === 'failed' ? describeActionFailure(outcome.failure) : undefined;
}
