import type { DiskLimits, DiskRate } from '../../agent/contract.ts';

/** What is limited of one volume by itself, bytes and requests a second; a total never beside reads or writes. */
export type OwnLimits = Partial<Record<LimitKind, number>>;

/** Null takes a limit away. */
export type OwnLimitChanges = Partial<Record<LimitKind, number | null>>;

const families = [
  { total: 'totalBytes', read: 'readBytes', write: 'writeBytes' },
  { total: 'totalRequests', read: 'readRequests', write: 'writeRequests' },
] as const;
type Family = (typeof families)[number];

export type LimitKind = Family[keyof Family];

export function ownLimitsFrom(json: string | null): OwnLimits {
  return json === null ? {} : (JSON.parse(json) as OwnLimits);
}

/** A total takes the place of what was said of reads and writes, and the other way round. */
export function withChanges(own: OwnLimits, changes: OwnLimitChanges): OwnLimits {
  const changed: OwnLimitChanges = { ...own, ...changes };
  for (const { total, read, write } of families) {
    if (typeof changes[total] === 'number') for (const kind of [read, write]) delete changed[kind];
    else if ([changes[read], changes[write]].some((rate) => typeof rate === 'number')) delete changed[total];
  }
  return Object.fromEntries(Object.entries(changed).filter(([, rate]) => rate !== null)) as OwnLimits;
}

/**
 * What holds for a volume: in each direction the lower of its own limit and of the one above it, which its type or its
 * server's flavor has. QEMU takes no total beside a direction: where one of them says a total and the other a
 * direction, and neither holds the other, the total is shared out between the directions.
 */
export function combinedLimits(above: DiskLimits | undefined, own: OwnLimits): DiskLimits | undefined {
  const limits: DiskLimits = { ...above };
  for (const family of families) {
    const { total, read, write } = family;
    if (own[total] === undefined && own[read] === undefined && own[write] === undefined) continue;
    const rates = combinedFamily(family, above ?? {}, own);
    for (const kind of [total, read, write]) delete limits[kind];
    Object.assign(limits, rates);
  }
  return Object.keys(limits).length === 0 ? undefined : limits;
}

type Rates = Partial<Record<LimitKind, DiskRate>>;

function combinedFamily({ total, read, write }: Family, above: DiskLimits, own: OwnLimits): Rates {
  const lowest = (kind: LimitKind): DiskRate | undefined => {
    const [rate, limit] = [own[kind], above[kind]];
    return rate === undefined || (limit && limit.rate <= rate) ? limit : { rate };
  };
  const [all, reads, writes] = [lowest(total), lowest(read), lowest(write)];
  if (!all) return { ...(reads ? { [read]: reads } : {}), ...(writes ? { [write]: writes } : {}) };
  const most = {
    reads: Math.min(reads?.rate ?? all.rate, all.rate),
    writes: Math.min(writes?.rate ?? all.rate, all.rate),
  };
  if (most.reads === all.rate && most.writes === all.rate) return { [total]: all };
  const share = Math.min(1, all.rate / (most.reads + most.writes));
  const part = (rate: number): DiskRate => ({ rate: Math.max(1, Math.floor(rate * share)) });
  return { [read]: part(most.reads), [write]: part(most.writes) };
}
