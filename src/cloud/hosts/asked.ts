import { AgentError } from '../../agent/contract.ts';
import { CloudError } from '../errors.ts';

/** Does what a user asked of a host at once. Throws `unavailable` (reason `unreachable`) where the host does not do it. */
export async function asked<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    throw new CloudError('unavailable', error.message, { reason: 'unreachable', cause: error });
  }
}
