import type { FastifyRequest } from 'fastify';
import type { Cloud } from '../../cloud/cloud.ts';
import { CloudError } from '../../cloud/errors.ts';
import type { Subject } from '../../cloud/identity/subject.ts';

/**
 * Who asks, by the token in `X-Auth-Token`, or as `Authorization: Bearer`. Reads no database. Throws `unauthenticated`, and
 * `forbidden` for a token that is good for some requests only: Keystone's access rules can name none of these here.
 */
export function authenticate(
  request: Pick<FastifyRequest, 'headers'>,
  cloud: Pick<Cloud, 'identity'>,
  requestId: string,
): Subject | undefined {
  const token = request.headers['x-auth-token'] ?? bearerOf(request);
  if (typeof token !== 'string' || token === '') return undefined;
  const subject = cloud.identity.subjectOf(token, requestId);
  if (subject.via?.kind === 'application_credential' && subject.via.accessRules) {
    throw new CloudError('forbidden', 'The application credential has no access rule for this request.', {
      reason: 'access_rules',
    });
  }
  return subject;
}

function bearerOf({ headers }: Pick<FastifyRequest, 'headers'>): string | undefined {
  return /^Bearer\s+(\S+)$/i.exec(headers.authorization ?? '')?.[1];
}
