import { Type } from 'typebox';
import type { Call } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';
import { requireAdmin } from '../../../cloud/identity/subject.ts';
import { invalidField, minorOf } from './microversions.ts';

/** Members of create, update and rebuild requests that came with later microversions, and what they mean here. */

export const TrustedCertificates = Type.Unsafe<string[] | null>({
  type: ['array', 'null'],
  minItems: 1,
  maxItems: 50,
  uniqueItems: true,
  items: { type: 'string', minLength: 1 },
  description: 'From 2.63 on. Only null is taken: signatures of images are not checked here.',
});

/** Throws `forbidden`, as a Nova whose policy allows nobody to name certificates. */
export function refuseCertificates(certificates: string[] | null | undefined): void {
  if (certificates === null || certificates === undefined) return;
  throw new CloudError(
    'forbidden',
    "Policy doesn't allow os_compute_api:servers:create:trusted_certs to be performed.",
  );
}

export const Hostname = Type.String({
  minLength: 2,
  maxLength: 255,
  description: 'What the guest calls itself; from 2.90 on, and of several labels from 2.94 on.',
});

const label = '[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?';
const shortName = new RegExp(`^${label}$`);
const fullName = new RegExp(`^${label}(?:\\.${label})*$`);

/** Throws `invalid` for what is no name of a host. */
export function hostnameOf(context: Call['context'], text: string): string {
  const pattern = minorOf(context) >= 94 ? fullName : shortName;
  if (pattern.test(text) && !/^\d+$/.test(text)) return text;
  throw invalidField('hostname', text, `'${text}' is not a 'hostname'`);
}

type Asked = Pick<Call, 'cloud' | 'subject'>;

/**
 * Zone and host out of what a create request says: `zone`, or by an administrator `zone:host`, or `host` and
 * `hypervisor_hostname` from 2.74 on. Throws `invalid` and `forbidden`.
 */
export async function placeOf(
  { cloud, subject }: Asked,
  wanted: { availability_zone?: string; host?: string; hypervisor_hostname?: string },
): Promise<{ zone: string | undefined; hostId: string | undefined }> {
  const { availability_zone, host, hypervisor_hostname } = wanted;
  const [zone, hostOfZone, node] = availability_zone?.split(':') ?? [];
  const name = host ?? hypervisor_hostname ?? (hostOfZone || node || undefined);
  if (name === undefined) return { zone: zone || undefined, hostId: undefined };
  requireAdmin(subject, host || hypervisor_hostname ? createOnHost : forcedHost);
  if (host !== undefined && hypervisor_hostname !== undefined && host !== hypervisor_hostname) throw noSuchHost(host);
  const found = (await cloud.hosts.list()).find((one) => one.name === name);
  if (!found) throw noSuchHost(name);
  const own = (await cloud.zones.names()).get(found.zoneId);
  return { zone: zone || own, hostId: found.id };
}

const createOnHost = 'compute:servers:create:requested_destination';
const forcedHost = 'os_compute_api:servers:create:forced_host';

function noSuchHost(name: string): CloudError {
  return new CloudError('invalid', `Compute host ${name} could not be found.`, { reason: 'host_not_found' });
}

/** The shortest form of an IPv6 address, all in hexadecimal (RFC 5952), as Nova keeps it. */
export function canonicalIpv6(address: string): string {
  return new URL(`http://[${address}]/`).hostname.slice(1, -1);
}
