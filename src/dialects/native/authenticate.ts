import type { FastifyRequest } from 'fastify';
import type { Cloud } from '../../cloud/cloud.ts';
import type { Subject } from '../../cloud/identity/subject.ts';

/** Who asks, by the token in `X-Auth-Token`, or as `Authorization: Bearer`. Reads no database. */
export function authenticate(request: FastifyRequest, cloud: Cloud, requestId: string): Subject | undefined {
  const token = request.headers['x-auth-token'] ?? bearerOf(request);
  if (typeof token !== 'string' || token === '') return undefined;
  return cloud.identity.subjectOf(token, requestId);
}

function bearerOf({ headers }: FastifyRequest): string | undefined {
  return /^Bearer\s+(\S+)$/i.exec(headers.authorization ?? '')?.[1];
}
