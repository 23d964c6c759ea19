import type { FastifyRequest } from 'fastify';
import { CloudError } from '../../../cloud/errors.ts';
import type { Subject } from '../../../cloud/identity/subject.ts';
import { parseId } from '../../../env/env.ts';

/** A project in the URL must be the token's own. Throws `invalid` with Nova's (or Cinder's) words. */
export function requireOwnProjectInUrl(
  service: 'compute' | 'volume',
  request: FastifyRequest,
  subject: Subject | undefined,
): void {
  const named = (request.params as Record<string, string> | undefined)?.['project_id'];
  if (named === undefined || !subject || parseId(named) === subject.projectId) return;
  throw new CloudError(
    'invalid',
    service === 'volume'
      ? 'Malformed request url'
      : `Malformed request URL: URL's project_id '${named}' doesn't match Context's project_id '${subject.projectId ?? null}'`,
  );
}
