import type { Cloud } from '../../../cloud/cloud.ts';
import { CloudError } from '../../../cloud/errors.ts';
import type { Subject } from '../../../cloud/identity/subject.ts';
import { vmInstance } from '../inventories/vm-instance.ts';
import type { ErrorBody, ErrorCode } from '../protocol/error-codes.ts';
import { errorBody, resourceNotFound, ZStackError } from '../protocol/zstack-error.ts';
import { readInventory } from '../query/query.ts';

/** The two innermost causes of what a server's state does not allow. */
export function stateProblem(state: string, message: string, allowed: readonly string[]): ErrorBody {
  const details =
    `current vm instance state[${state}] doesn't allow to proceed message[${message}], ` +
    `allowed states are [${allowed.join(', ')}]`;
  return errorBody('SYS.1006', details, { cause: errorBody('VM.1010', details) });
}

/** The server's state in the dialect's words. Throws for a server that the subject does not have. */
export async function stateOf(cloud: Cloud, subject: Subject, uuid: string, field = 'uuid'): Promise<string> {
  await cloud.servers.get(subject, uuid).catch((error: unknown) => {
    if (error instanceof CloudError && error.code === 'not_found') throw resourceNotFound(field, uuid, 'VmInstanceVO');
    throw error;
  });
  const inventory = await readInventory(cloud, vmInstance, uuid);
  if (!inventory) throw resourceNotFound(field, uuid, 'VmInstanceVO');
  return String(inventory['state']);
}

/** What an operation needs of a server's state, and how it says that it is not so. */
export interface StateRule {
  /** The Java class of the request. */
  message: string;
  allowed: readonly string[];
  code: ErrorCode;
}

/** Runs what changes a server's state; a state that does not allow it is told as the dialect does. */
export async function inAllowedState<Result>(
  cloud: Cloud,
  subject: Subject,
  uuid: string,
  rule: StateRule,
  work: (state: string) => Promise<Result>,
): Promise<Result> {
  const state = await stateOf(cloud, subject, uuid);
  if (!rule.allowed.includes(state)) throw refused(state, rule);
  try {
    return await work(state);
  } catch (error) {
    if (!(error instanceof CloudError && error.code === 'conflict' && error.details.reason === 'state')) throw error;
    // It changed in between; or the engine is stricter, as while something else is done with the server, and says why.
    const now = await stateOf(cloud, subject, uuid);
    if (rule.allowed.includes(now))
      throw new ZStackError(rule.code, error.message, { cause: errorBody('VM.1010', error.message) });
    throw refused(now, rule);
  }
}

function refused(state: string, { message, allowed, code }: StateRule): ZStackError {
  const problem = stateProblem(state, message, allowed);
  return new ZStackError(code, problem.details, { cause: problem.cause });
}
