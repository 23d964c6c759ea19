import { CloudError } from '../errors.ts';

/** Who gets something. */
export interface NewOwner {
  projectId: string;
  userId: string;
}

/** Throws where the project has it already. */
export function refuseSame(projectId: string, to: NewOwner): void {
  if (projectId !== to.projectId) return;
  throw new CloudError('conflict', `The project ${projectId} has it already.`, { reason: 'same_owner' });
}

/** Something stays behind that it can't be without. */
export function tied(message: string): CloudError {
  return new CloudError('conflict', message, { reason: 'tied' });
}

/** Something is under way with it. */
export function busy(message: string): CloudError {
  return new CloudError('conflict', message, { reason: 'busy' });
}
