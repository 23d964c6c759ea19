import type { FastifyRequest } from 'fastify';
import type { Cloud } from '../../../cloud/cloud.ts';
import { CloudError } from '../../../cloud/errors.ts';
import type { Subject } from '../../../cloud/identity/subject.ts';
import { requireAccessRule } from './access-rules.ts';

/**
 * Who asks, by the token in `X-Auth-Token`. Reads no database. Undefined without a token; throws `unauthenticated` for
 * one that is forged, expired or revoked.
 */
export function authenticateByToken(request: FastifyRequest, cloud: Cloud, requestId: string): Subject | undefined {
  const token = request.headers['x-auth-token'];
  if (typeof token !== 'string' || token === '') return undefined;
  const subject = cloud.identity.subjectOf(token, requestId);
  if (subject.via?.kind === 'application_credential' && subject.via.accessRules) {
    requireAccessRule(subject.via.accessRules, request);
  }
  return subject;
}

/**
 * As `authenticateByToken`, but a bad token counts as none. So Keystone does it: clients may send a stale token along
 * with the request for a new one.
 */
export function authenticateLeniently(request: FastifyRequest, cloud: Cloud, requestId: string): Subject | undefined {
  try {
    return authenticateByToken(request, cloud, requestId);
  } catch (error) {
    if (error instanceof CloudError && error.code === 'unauthenticated') return undefined;
    throw error;
  }
}

/** For discovery documents: they are the same for everyone, whatever token comes along. */
export function authenticateNobody(): undefined {
  return undefined;
}
