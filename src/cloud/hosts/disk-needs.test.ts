import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type DiskNeed, findPlaces, type StorageUsage } from './disk-needs.ts';
import type { Host } from './model.ts';

const host = { id: 'host', diskGb: 10, diskRatio: 1, cpuRatio: 1, memoryRatio: 1 } as Host;
const storage = (storageId: string, totalGb: number, more: Partial<StorageUsage> = {}): StorageUsage => ({
  ...{ storageId, name: storageId, state: 'enabled', status: 'connected', totalGb, usedGb: 0 },
  ...more,
});
const need = (volumeId: string, gb: number, more: Partial<DiskNeed> = {}): DiskNeed => ({ volumeId, gb, ...more });
const find = (disks: DiskNeed[], storages: StorageUsage[] = [], own: { diskGb?: number; used?: number } = {}) => {
  const { diskGb = 0, used = 0 } = own;
  const found = findPlaces({ host, used: { vcpus: 0, memoryMb: 0, diskGb: used }, storages }, { diskGb, disks });
  return 'reason' in found ? found : Object.fromEntries(found);
};
const lacks = (needed: number, free: number) =>
  expect.objectContaining({ reason: 'lacks disk', lacking: { needed, free, unit: ' GB' } });

describe('places of disks on a host', () => {
  it('are where it is said, and there or nowhere', () => {
    const big = [storage('big', 50)];
    expect(find([need('a', 5, { storageId: null })], big)).toEqual({ a: null });
    expect(find([need('a', 5, { storageId: 'big' })], big)).toEqual({ a: 'big' });
    expect(find([need('a', 11, { storageId: null })], big)).toEqual(lacks(11, 10));
    expect(find([need('a', 5, { storageId: 'other' })], big)).toMatchObject({
      reason: 'does not have the storage asked for',
    });
    for (const [change, reason] of [
      [{ state: 'disabled' }, 'has the storage disabled'],
      [{ state: 'maintenance' }, 'has the storage in maintenance'],
      [{ status: 'disconnected' }, 'has the storage not connected'],
    ] as const)
      expect(find([need('a', 5, { storageId: 'big' })], [storage('big', 50, change)])).toMatchObject({ reason });
  });

  it('are near what they were, and where most room is if there is too little', () => {
    const two = [storage('big', 50), storage('small', 5)];
    expect(find([need('a', 5, { nearStorageId: 'small' })], two)).toEqual({ a: 'small' });
    expect(find([need('a', 6, { nearStorageId: 'small' })], two)).toEqual({ a: 'big' });
    expect(find([need('a', 6, { nearStorageId: null })], two)).toEqual({ a: null });
    expect(find([need('a', 6)], two)).toEqual({ a: 'big' });
    expect(find([need('a', 6)], [storage('big', 50, { state: 'disabled' })])).toEqual({ a: null });
    expect(find([need('a', 51)], two)).toEqual(lacks(51, 50));
  });

  it('leave room for what has to be on the own disk of the host, and for one another', () => {
    const near = { nearStorageId: null };
    const big = [storage('big', 8)];
    expect(find([need('a', 5, near)], big, { diskGb: 6 })).toEqual({ a: 'big' });
    expect(find([need('a', 5, near), need('b', 5, near), need('c', 5, near)], big)).toEqual({
      a: null,
      b: null,
      c: 'big',
    });
    expect(find([need('a', 1, { storageId: 'big' })], big, { diskGb: 3, used: 8 })).toEqual(lacks(3, 2));
    // A host without storages says what it lacks altogether.
    expect(find([need('a', 5, near), need('b', 4, near)], [], { diskGb: 2 })).toEqual(lacks(11, 10));
  });

  it('are found on a host whose own disk is overfull, where nothing has to be there', () => {
    const big = [storage('big', 8)];
    expect(find([need('a', 5)], big, { used: 12 })).toEqual({ a: 'big' });
    expect(find([], big, { used: 12 })).toEqual(lacks(0, 0));
  });

  it('are not looked for where a disk stays, and take of the own disk what is promised there', () => {
    expect(find([need('a', 99, { keptOnHostId: 'host' })])).toEqual({});
    expect(find([need('a', 3, { ownGb: 0, storageId: null })], [], { used: 10 })).toEqual({ a: null });
  });

  it('never hold more than there is', () => {
    const disks = fc.array(
      fc.record({
        gb: fc.integer({ min: 1, max: 12 }),
        where: fc.constantFrom<Partial<DiskNeed>>(
          {},
          { nearStorageId: null },
          { nearStorageId: 'x' },
          { storageId: 'y' },
        ),
      }),
      { maxLength: 6 },
    );
    fc.assert(
      fc.property(disks, fc.nat(15), fc.nat(15), fc.nat(12), (all, x, y, diskGb) => {
        const needs = all.map(({ gb, where }, index) => need(String(index), gb, where));
        const found = find(needs, [storage('x', x), storage('y', y)], { diskGb });
        if ('reason' in found) return;
        expect(Object.keys(found)).toHaveLength(needs.length);
        for (const [place, room] of [
          [null, 10 - diskGb],
          ['x', x],
          ['y', y],
        ] as const) {
          const there = needs.filter(({ volumeId }) => (found as Record<string, string | null>)[volumeId] === place);
          if (there.length > 0 || place === null)
            expect(there.reduce((sum, { gb }) => sum + gb, 0)).toBeLessThanOrEqual(Math.max(0, room));
        }
      }),
    );
  });
});
