import type { FastifyRequest } from 'fastify';
import { isSignedBy } from '../../../cloud/access-keys/access-keys.ts';
import type { Cloud } from '../../../cloud/cloud.ts';
import type { Subject } from '../../../cloud/identity/subject.ts';
import type { SignatureProblem } from './request-facts.ts';

/** How far a client's clock may be off, seconds. */
const maxSkew = 15 * 60;

type Signed = { subject: Subject } | { problem: SignatureProblem };

/**
 * Who asks, by `ZStack <id>:<signature>`: HMAC-SHA1 of method, `Date` header and path, each on a line of its own. The
 * path begins at `/v1`, whatever stands before it, and ends before the query string.
 */
export async function authenticateBySignature(
  request: FastifyRequest,
  cloud: Cloud,
  credentials: string,
  requestId: string,
): Promise<Signed> {
  const [keyId, signature] = split(credentials);
  if (!keyId || !signature) return { problem: 'ill-formed key' };
  const { date } = request.headers;
  const time = date === undefined ? undefined : wallClock(date);
  if (date === undefined || time === undefined) return { problem: 'no date' };
  if (!isNow(cloud, time)) return { problem: 'skewed' };
  const signer = await cloud.accessKeys.signerOf(keyId);
  if (!signer) return { problem: 'unknown key' };
  if (!isSignedBy(signer, `${request.method}\n${date}\n${signedPath(request.url)}`, signature)) {
    return { problem: 'wrong signature' };
  }
  return { subject: { ...signer.subject, requestId } };
}

function split(credentials: string): [string | undefined, string | undefined] {
  const at = credentials.indexOf(':');
  return at < 0 ? [undefined, undefined] : [credentials.slice(0, at), credentials.slice(at + 1)];
}

function signedPath(url: string): string {
  const path = url.split('?', 1)[0]!.replace(/^\/zstack(?=\/v1)/, '');
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const dateForm = /^\w{3}, (\d{1,2}) (\w{3}) (\d{4}) (\d{2}):(\d{2}):(\d{2})(?:\s+(\S+))?$/;

interface WallClock {
  /** Seconds, as though the clock were in UTC. */
  asUtc: number;
  /** Seconds that the named zone is east of UTC, where it says so. */
  offset: number | undefined;
}

/** `Sat, 21 Nov 2026 10:00:00 CST`: SDKs write their own zone's clock, and call the zone anything. */
function wallClock(text: string): WallClock | undefined {
  const parts = dateForm.exec(text.trim());
  const month = parts ? months.indexOf(parts[2]!) : -1;
  if (!parts || month < 0) return undefined;
  const [day, year, hour, minute, second] = [parts[1], parts[3], parts[4], parts[5], parts[6]].map(Number);
  const asUtc = Date.UTC(year!, month, day, hour, minute, second) / 1000;
  const zone = /^(?:GMT|UTC)?([+-])(\d{2}):?(\d{2})?$/.exec(parts[7] ?? '');
  const offset = zone ? (zone[1] === '-' ? -1 : 1) * (Number(zone[2]) * 3600 + Number(zone[3] ?? 0) * 60) : undefined;
  return { asUtc, offset };
}

/** Whether the clock shows now: in the zone that it names, in UTC, in China's zone, or in this machine's own. */
function isNow(cloud: Cloud, { asUtc, offset }: WallClock): boolean {
  const now = cloud.env.now() / 1e6;
  const here = -new Date(now * 1000).getTimezoneOffset() * 60;
  const zones = offset === undefined ? [0, here, 8 * 3600] : [offset, 0];
  return zones.some((zone) => Math.abs(asUtc - zone - now) <= maxSkew);
}
