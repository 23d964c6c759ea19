import { CloudError } from '../errors.ts';
import { invalidInput } from './failures.ts';
import { type Cidr, formatIp, isWithin, parseCidr, rangesOverlap } from './ip.ts';

/** What makes a pool of subnets sound, and which subnet is cut from it, in Neutron's words. Needs no database. */

export interface PoolPlan {
  ipVersion: 4 | 6;
  /** CIDRs in canonical form. */
  prefixes: string[];
  minPrefixLength: number;
  maxPrefixLength: number;
  defaultPrefixLength: number;
}

const usual = { 4: { min: 8, max: 32 }, 6: { min: 64, max: 128 } } as const;

/** Reads what a client wants of a pool, and fills in what it did not say. */
export function planOf(wanted: {
  prefixes: readonly string[];
  minPrefixLength?: number;
  maxPrefixLength?: number;
  defaultPrefixLength?: number;
}): PoolPlan {
  const cidrs = wanted.prefixes.map((text) => {
    const cidr = parseCidr(text);
    if (!cidr) throw invalidInput(`'${text}' is not a valid IP subnet`, 'prefixes');
    return cidr;
  });
  const [first] = cidrs;
  if (!first) {
    throw new CloudError('invalid', 'Empty subnet pool prefix list.', { reason: 'empty_subnet_pool_prefix_list' });
  }
  if (cidrs.some(({ version }) => version !== first.version)) {
    const message = 'Cannot mix IPv4 and IPv6 prefixes in a subnet pool.';
    throw new CloudError('invalid', message, { reason: 'prefix_version_mismatch' });
  }
  const { min, max } = usual[first.version];
  const minPrefixLength = wanted.minPrefixLength ?? min;
  const maxPrefixLength = wanted.maxPrefixLength ?? max;
  const defaultPrefixLength = wanted.defaultPrefixLength ?? minPrefixLength;
  refuseBounds('min_prefixlen', minPrefixLength, 'max_prefixlen', maxPrefixLength);
  refuseBounds('max_prefixlen', maxPrefixLength, 'the length of an address', usual[first.version].max);
  refuseBounds('min_prefixlen', minPrefixLength, 'default_prefixlen', defaultPrefixLength);
  refuseBounds('default_prefixlen', defaultPrefixLength, 'max_prefixlen', maxPrefixLength);
  return { ipVersion: first.version, prefixes: merged(cidrs), minPrefixLength, maxPrefixLength, defaultPrefixLength };
}

export interface WantedCidr {
  ipVersion: number;
  cidr?: string;
  prefixLength?: number;
}

/** The CIDR asked for, if the pool has it left, or the first one that it has left. */
export function chooseCidr(pool: PoolPlan, wanted: WantedCidr, taken: readonly string[]): string {
  if (wanted.ipVersion !== pool.ipVersion) {
    throw invalidInput(`a subnet of IPv${wanted.ipVersion} can't be of a subnet pool of IPv${pool.ipVersion}`);
  }
  const used = taken.map((text) => parseCidr(text)!);
  const prefixes = pool.prefixes.map((text) => parseCidr(text)!);
  if (wanted.cidr !== undefined) {
    const cidr = parseCidr(wanted.cidr);
    if (!cidr) throw invalidInput(`'${wanted.cidr}' is not a valid IP subnet`, 'cidr');
    refuseLength(pool, cidr.prefix);
    const isFree = prefixes.some((prefix) => isWithin(cidr, prefix)) && !used.some((one) => rangesOverlap(one, cidr));
    if (isFree) return wanted.cidr;
    throw noneLeft('Cannot allocate requested subnet from the available set of prefixes');
  }
  const length = wanted.prefixLength ?? pool.defaultPrefixLength;
  refuseLength(pool, length);
  for (const prefix of prefixes) {
    const found = firstFree(prefix, length, used);
    if (found) return found;
  }
  throw noneLeft(`Insufficient prefix space to allocate subnet size /${length}`);
}

function firstFree(within: Cidr, length: number, used: readonly Cidr[]): string | undefined {
  if (length < within.prefix) return undefined;
  const size = 1n << BigInt((within.version === 4 ? 32 : 128) - length);
  for (let first = within.first; first <= within.last; ) {
    const candidate = { version: within.version, first, last: first + size - 1n };
    const inTheWay = used.find((one) => rangesOverlap(one, candidate));
    if (!inTheWay) return `${formatIp({ version: within.version, value: first })}/${length}`;
    const after = inTheWay.last + 1n;
    first = after % size === 0n ? after : after + size - (after % size);
  }
  return undefined;
}

/** Prefixes that lie within others say nothing. */
function merged(cidrs: readonly Cidr[]): string[] {
  const needed = cidrs.filter((cidr, index) =>
    cidrs.every((other, at) => {
      const isInside = other !== cidr && isWithin(cidr, other);
      return !isInside || (other.text === cidr.text && index < at);
    }),
  );
  return needed.map(({ text }) => text);
}

function refuseBounds(lowName: string, low: number, highName: string, high: number): void {
  if (low <= high) return;
  const message = `Illegal prefix bounds: ${lowName}=${low}, ${highName}=${high}.`;
  throw new CloudError('invalid', message, { reason: 'illegal_subnet_pool_prefix_bounds' });
}

function refuseLength({ minPrefixLength, maxPrefixLength }: PoolPlan, length: number): void {
  if (length < minPrefixLength) {
    const message = `Unable to allocate subnet with prefix length ${length}, minimum allowed prefix is ${minPrefixLength}.`;
    throw new CloudError('invalid', message, { reason: 'min_prefix_subnet_allocation_error' });
  }
  if (length > maxPrefixLength) {
    const message = `Unable to allocate subnet with prefix length ${length}, maximum allowed prefix is ${maxPrefixLength}.`;
    throw new CloudError('invalid', message, { reason: 'max_prefix_subnet_allocation_error' });
  }
}

function noneLeft(why: string): CloudError {
  return new CloudError('conflict', `Failed to allocate subnet: ${why}.`, { reason: 'subnet_allocation_error' });
}
