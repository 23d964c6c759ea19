import type { FastifyRequest } from 'fastify';
import { MalformedRequest } from './zstack-error.ts';

/** What the headers of a request say about how its job is to be run and answered. */
export interface JobHeaders {
  /** The client's own id for the job (`X-Job-UUID`): also what makes a repeated request recognisable. */
  chosenJobId?: string;
  /** Where to POST the result (`X-Web-Hook`). The answer is then always 202. */
  webHook?: string;
  /** Seconds after which the job counts as failed (`X-API-Timeout`). */
  timeoutSeconds?: number;
  /** Milliseconds to wait for the result before answering 202 (`Prefer: wait=n`). */
  waitMs: number;
  /** The caller types its answers by the `schema` member (`X-JSON-Schema: true`): the Java SDK does. */
  wantsSchema: boolean;
}

/** How long an answer waits for its job when the client says nothing: well below every client's read time-out. */
const defaultWaitMs = 1000;
const maxWaitSeconds = 60;
const jobId = /^[0-9a-fA-F]{32}$/;

/** Reads the headers. Throws `MalformedRequest` for a job id or web hook that can't be one. */
export function readJobHeaders(request: FastifyRequest): JobHeaders {
  const headers: JobHeaders = { waitMs: waitOf(single(request, 'prefer')), wantsSchema: wantsSchema(request) };
  const chosen = single(request, 'x-job-uuid');
  if (chosen !== undefined) {
    if (!jobId.test(chosen)) {
      throw new MalformedRequest("Invalid header[X-Job-UUID], it must be a UUID with '-' stripped");
    }
    headers.chosenJobId = chosen.toLowerCase();
  }
  const webHook = single(request, 'x-web-hook');
  if (webHook) headers.webHook = checkedWebHook(webHook);
  const timeout = Number(single(request, 'x-api-timeout'));
  if (Number.isInteger(timeout) && timeout > 0) headers.timeoutSeconds = timeout;
  return headers;
}

export function wantsSchema(request: FastifyRequest): boolean {
  return single(request, 'x-json-schema')?.toLowerCase() === 'true';
}

function single(request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name];
  const text = Array.isArray(value) ? value[0] : value;
  return text?.trim();
}

function waitOf(prefer: string | undefined): number {
  const wait = /(?:^|[,;\s])wait=(\d+)/.exec(prefer ?? '')?.[1];
  return wait === undefined ? defaultWaitMs : Math.min(Number(wait), maxWaitSeconds) * 1000;
}

function checkedWebHook(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url.href;
  throw new MalformedRequest('Invalid header[X-Web-Hook], it must be an http or https URL');
}
