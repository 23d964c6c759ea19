import type { FastifyRequest } from 'fastify';
import { CloudError } from '../../../cloud/errors.ts';

/** An API microversion, as 2.1. */
export interface Microversion {
  major: number;
  minor: number;
}

/** What a service with microversions offers, and the headers that it uses. */
export interface MicroversionedService {
  /** The word in `OpenStack-API-Version`. */
  type: 'compute' | 'volume' | 'placement';
  /** The older header of the service, as `X-OpenStack-Nova-API-Version`, where it has one. */
  legacyHeader?: string;
  min: Microversion;
  max: Microversion;
}

/**
 * The microversion that a request asks for; the lowest where it asks for none. Throws `invalid` for a malformed one,
 * with reason `microversion_not_acceptable` (406) for one out of range.
 */
export function requestedMicroversion(service: MicroversionedService, request: FastifyRequest): Microversion {
  const text = headerText(service, request);
  if (text === undefined) return service.min;
  if (text === 'latest') return service.max;
  const match = /^(\d{1,4})\.(\d{1,4})$/.exec(text);
  if (!match) {
    throw new CloudError(
      'invalid',
      `API Version String ${text} is of invalid format. Must be of format MajorNum.MinorNum.`,
    );
  }
  const asked = { major: Number(match[1]), minor: Number(match[2]) };
  const { min, max } = service;
  if (compare(asked, min) >= 0 && compare(asked, max) <= 0) return asked;
  throw new CloudError(
    'invalid',
    `Version ${text} is not supported by the API. Minimum is ${print(min)} and maximum is ${print(max)}.`,
    { reason: 'microversion_not_acceptable' },
  );
}

/** The headers that tell the microversion of an answer. */
export function microversionHeaders(
  service: MicroversionedService,
  context: Record<string, unknown>,
): Record<string, string> {
  const used = print(microversionOf(context) ?? service.min);
  const key = `${service.type} ${used}`;
  const known = answerHeaders.get(key);
  if (known) return known;
  const headers = headersFor(service, used);
  answerHeaders.set(key, headers);
  return headers;
}

/** By service and microversion: there are a few hundred at the most. */
const answerHeaders = new Map<string, Record<string, string>>();

function headersFor(service: MicroversionedService, used: string): Record<string, string> {
  const { legacyHeader } = service;
  const vary = ['OpenStack-API-Version', ...(legacyHeader ? [legacyHeader] : [])].join(', ');
  return {
    'OpenStack-API-Version': `${service.type} ${used}`,
    ...(legacyHeader ? { [legacyHeader]: used } : {}),
    vary,
  };
}

/** Whether the request's microversion is `major.minor` or newer; requests without one are of the oldest. */
export function atLeast(context: Record<string, unknown>, major: number, minor: number): boolean {
  const used = microversionOf(context);
  return used !== undefined && compare(used, { major, minor }) >= 0;
}

function microversionOf(context: Record<string, unknown>): Microversion | undefined {
  return context['microversion'] as Microversion | undefined;
}

/** `OpenStack-API-Version: compute 2.27` among several services' entries, or else the older header. */
function headerText(service: MicroversionedService, request: FastifyRequest): string | undefined {
  const entries = [request.headers['openstack-api-version'] ?? []].flat().join(',').split(',');
  for (const entry of entries.reverse()) {
    const [type, version] = entry.trim().split(/\s+/, 2);
    if (type?.toLowerCase() === service.type && version) return version.toLowerCase();
  }
  const legacy = service.legacyHeader && request.headers[service.legacyHeader.toLowerCase()];
  return typeof legacy === 'string' && legacy !== '' ? legacy.trim().toLowerCase() : undefined;
}

function compare(a: Microversion, b: Microversion): number {
  return a.major - b.major || a.minor - b.minor;
}

function print({ major, minor }: Microversion): string {
  return `${major}.${minor}`;
}
