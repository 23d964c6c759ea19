import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { DiskLimits } from '../../agent/contract.ts';
import { combinedLimits, type OwnLimits, withChanges } from './own-limits.ts';

test('a total takes the place of the directions, and they of it; bytes and requests are apart', () => {
  const own: OwnLimits = { readBytes: 5, totalRequests: 9 };
  expect(withChanges(own, { writeBytes: 6 })).toEqual({ readBytes: 5, writeBytes: 6, totalRequests: 9 });
  expect(withChanges(own, { totalBytes: 7 })).toEqual({ totalBytes: 7, totalRequests: 9 });
  expect(withChanges(own, { readRequests: 1 })).toEqual({ readBytes: 5, readRequests: 1 });
  expect(withChanges(own, { readBytes: null, totalRequests: null })).toEqual({});
  expect(withChanges(own, { totalBytes: null })).toEqual(own);
});

test('the lower limit holds, and bursts only with the limit that they are of', () => {
  const above: DiskLimits = { totalRequests: { rate: 100, burst: 200 }, requestBytes: 4096 };
  expect(combinedLimits(above, {})).toEqual(above);
  expect(combinedLimits(above, { totalRequests: 500 })).toEqual(above);
  expect(combinedLimits(above, { totalRequests: 50, readBytes: 9 })).toEqual({
    ...{ totalRequests: { rate: 50 }, readBytes: { rate: 9 }, requestBytes: 4096 },
  });
  expect(combinedLimits(undefined, {})).toBe(undefined);
  expect(combinedLimits(undefined, { writeBytes: 3 })).toEqual({ writeBytes: { rate: 3 } });
});

test('no direction and no sum is ever above what either of the two says', () => {
  const rate = fc.option(fc.integer({ min: 2, max: 10_000 }), { nil: undefined });
  const said = fc.oneof(
    fc.record({ total: fc.integer({ min: 2, max: 10_000 }) }),
    fc.record({ read: rate, write: rate }),
  ) as fc.Arbitrary<{ total?: number; read?: number; write?: number }>;
  const property = fc.property(said, said, (own, above) => {
    const own_ = kept({ totalBytes: own.total, readBytes: own.read, writeBytes: own.write });
    const above_ = kept({ totalBytes: above.total, readBytes: above.read, writeBytes: above.write });
    const limits = combinedLimits(
      Object.fromEntries(Object.entries(above_).map(([kind, value]) => [kind, { rate: value }])),
      own_,
    );
    const most = (kind: 'read' | 'write') => limits?.totalBytes?.rate ?? limits?.[`${kind}Bytes`]?.rate ?? Infinity;
    const sum = limits?.totalBytes?.rate ?? most('read') + most('write');
    for (const one of [own, above]) {
      expect(most('read')).toBeLessThanOrEqual(one.read ?? Infinity);
      expect(most('write')).toBeLessThanOrEqual(one.write ?? Infinity);
      expect(sum).toBeLessThanOrEqual(one.total ?? Infinity);
    }
    expect(limits?.totalBytes === undefined || (limits.readBytes ?? limits.writeBytes) === undefined).toBe(true);
  });
  fc.assert(property);
});

function kept(limits: Record<string, number | undefined>): OwnLimits {
  return Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined)) as OwnLimits;
}
