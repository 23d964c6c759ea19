import { ConstraintViolation } from '../../database/database.ts';
import { CloudError } from '../errors.ts';

export type IdentityResource =
  | 'domain'
  | 'project'
  | 'user'
  | 'role'
  | 'group'
  | 'application credential'
  | 'access rule'
  | 'trust'
  | 'consumer'
  | 'request token'
  | 'access token'
  | 'credential'
  | 'region'
  | 'service'
  | 'endpoint'
  | 'endpoint group'
  | 'policy'
  | 'registered_limit'
  | 'limit';

/** Keystone's words for something that is not there. */
export function missing(resource: IdentityResource, id: string): CloudError {
  if (resource === 'registered_limit' || resource === 'limit') {
    return new CloudError('not_found', `Could not find ${resource.replace('_', ' ')} for ${id}.`, { resource, id });
  }
  return new CloudError('not_found', `Could not find ${resource}: ${id}.`, { resource, id });
}

/** A handler for a failed insert or update: a taken name becomes `duplicate`, in Keystone's words. */
export function conflictOn(resource: IdentityResource, why: string): (error: unknown) => never {
  return (error) => {
    if (!(error instanceof ConstraintViolation)) throw error;
    if (error.kind === 'foreign_key') {
      throw new CloudError('not_found', `Could not find domain: the one named for the ${resource} is not there.`, {
        resource: 'domain',
        cause: error,
      });
    }
    throw new CloudError('duplicate', `Conflict occurred attempting to store ${resource} - ${why}`, {
      resource,
      cause: error,
    });
  };
}

/** Who asks is not who they say, or may not come in. The same for every cause: attackers learn nothing from it. */
export function notAuthenticated(reason: 'wrong_credentials' | 'session_expired' = 'wrong_credentials'): CloudError {
  return new CloudError('unauthenticated', 'The request you have made requires authentication.', { reason });
}
