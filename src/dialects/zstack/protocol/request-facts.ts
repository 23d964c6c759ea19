import type { FastifyRequest } from 'fastify';
import type { Cloud } from '../../../cloud/cloud.ts';
import type { Subject } from '../../../cloud/identity/subject.ts';

/** What was learnt of a request before its operation ran. */
export interface RequestFacts {
  cloud: Cloud;
  /** Who asks, where that is known. */
  subject?: Subject;
  /** Why there is no good session. */
  sessionProblem: SessionProblem | undefined;
}

export type SessionProblem = 'missing' | 'wrong scheme' | 'expired' | SignatureProblem;

/** What is wrong with a request that is signed by an access key. */
export type SignatureProblem = 'ill-formed key' | 'no date' | 'skewed' | 'unknown key' | 'wrong signature';

const facts = new WeakMap<FastifyRequest, RequestFacts>();

export function rememberFacts(request: FastifyRequest, learnt: RequestFacts): void {
  facts.set(request, learnt);
}

/** Undefined for requests that no route of the dialect took. */
export function factsOf(request: FastifyRequest): RequestFacts | undefined {
  return facts.get(request);
}
