import type { FastifyRequest } from 'fastify';
import type { Cloud } from '../../../cloud/cloud.ts';
import type { Subject } from '../../../cloud/identity/subject.ts';
import { parseId, withDashes } from '../../../env/env.ts';
import { authenticateBySignature } from './access-key.ts';
import { rememberFacts } from './request-facts.ts';

/**
 * Who asks, by `Authorization: OAuth <session>`, or by the signature of an access key. A session that is no good counts as none, because some operations take
 * whatever comes along; the others then say what was wrong with it.
 */
export async function authenticateBySession(
  request: FastifyRequest,
  cloud: Cloud,
  requestId: string,
): Promise<Subject | undefined> {
  const id = jobIdOf(request) ?? requestId;
  const header = request.headers.authorization?.trim();
  if (!header) {
    rememberFacts(request, { cloud, sessionProblem: 'missing' });
    return undefined;
  }
  if (/^ZStack\s/.test(header)) {
    const signed = await authenticateBySignature(request, cloud, header.slice('ZStack'.length).trim(), id);
    const signer = 'subject' in signed ? signed.subject : undefined;
    const problem = 'problem' in signed ? signed.problem : undefined;
    rememberFacts(request, { cloud, subject: signer, sessionProblem: problem });
    return signer;
  }
  const session = /^OAuth\s+(\S+)$/.exec(header)?.[1];
  const subject = session ? await cloud.identity.sessions.sessionSubject(session, id) : undefined;
  const sessionProblem = subject ? undefined : header.startsWith('OAuth') ? 'expired' : 'wrong scheme';
  rememberFacts(request, { cloud, subject, sessionProblem });
  return subject;
}

/** A job id that the client chose is the request's id too: the action that it leads to is then found by it. */
function jobIdOf(request: FastifyRequest): string | undefined {
  const chosen = request.headers['x-job-uuid'];
  const id = typeof chosen === 'string' ? parseId(chosen.trim()) : undefined;
  return id && `req-${withDashes(id)}`;
}
