import type { DiskLimits, DiskRate } from '../../agent/contract.ts';

/**
 * What guests may do with a disk, in the words of QoS specs (for the consumer `front-end`) and, after `quota:disk_`, of
 * flavors: `total_bytes_sec`, `read_iops_sec` and so on, `…_max` for bursts and `…_max_length` for their seconds, as
 * libvirt's `iotune` has them. What QEMU would refuse is left out, so that a word never keeps a guest from starting.
 */

const gibibyte = 2 ** 30;
/** QEMU's `THROTTLE_VALUE_MAX`. */
const largest = 10 ** 15;

const kinds = {
  totalBytes: 'total_bytes_sec',
  readBytes: 'read_bytes_sec',
  writeBytes: 'write_bytes_sec',
  totalRequests: 'total_iops_sec',
  readRequests: 'read_iops_sec',
  writeRequests: 'write_iops_sec',
} as const satisfies Partial<Record<keyof DiskLimits, string>>;
type Kind = keyof typeof kinds;

type Words = Readonly<Record<string, string>>;

/** Undefined where nothing is limited. */
export function limitsFrom(words: Words, prefix = ''): DiskLimits | undefined {
  const limits: DiskLimits = {};
  for (const kind of Object.keys(kinds) as Kind[]) {
    const rate = rateFrom(words, prefix + kinds[kind]);
    if (rate) limits[kind] = rate;
  }
  if (limits.totalBytes) for (const kind of ['readBytes', 'writeBytes'] as const) delete limits[kind];
  if (limits.totalRequests) for (const kind of ['readRequests', 'writeRequests'] as const) delete limits[kind];
  if (Object.keys(limits).length === 0) return undefined;
  const requestBytes = numberIn(words[`${prefix}size_iops_sec`]);
  return requestBytes === undefined ? limits : { ...limits, requestBytes };
}

/** The limits in the same words. */
export function wordsOf({ requestBytes, ...limits }: DiskLimits): Record<string, string> {
  const words: Record<string, string> = {};
  for (const [kind, { rate, burst, burstSeconds }] of Object.entries(limits) as Array<[Kind, DiskRate]>) {
    words[kinds[kind]] = String(rate);
    if (burst !== undefined) words[`${kinds[kind]}_max`] = String(burst);
    if (burstSeconds !== undefined) words[`${kinds[kind]}_max_length`] = String(burstSeconds);
  }
  return requestBytes === undefined ? words : { ...words, size_iops_sec: String(requestBytes) };
}

/**
 * The specs with what they say per GiB (`total_iops_sec_per_gb`, at least `…_per_gb_min`) reckoned for a volume of the
 * size, as Cinder does when a volume is connected.
 * @param size bytes
 */
export function specsForSize(specs: Words, size: number): Words {
  const reckoned: Record<string, string> = { ...specs };
  for (const name of Object.values(kinds)) {
    const perGib = numberIn(specs[`${name}_per_gb`]);
    if (perGib === undefined) continue;
    const least = numberIn(specs[`${name}_per_gb_min`]) ?? 0;
    reckoned[name] = String(Math.max(least, perGib * Math.ceil(size / gibibyte)));
  }
  return reckoned;
}

/** What a flavor says of the disks that are parts of its servers. */
export function limitsOfFlavor(extraSpecs: Words): DiskLimits | undefined {
  return limitsFrom(extraSpecs, 'quota:disk_');
}

function rateFrom(words: Words, name: string): DiskRate | undefined {
  const rate = numberIn(words[name]);
  if (rate === undefined) return undefined;
  const burst = numberIn(words[`${name}_max`]);
  if (burst === undefined || burst < rate) return { rate };
  const burstSeconds = numberIn(words[`${name}_max_length`]);
  if (burstSeconds === undefined || burst * burstSeconds > largest) return { rate, burst };
  return { rate, burst, burstSeconds };
}

function numberIn(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,16}$/.test(text.trim())) return undefined;
  const value = Number(text);
  return value > 0 && value <= largest ? value : undefined;
}
