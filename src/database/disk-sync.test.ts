import { expect, test } from 'vitest';
import { DiskSync } from './disk-sync.ts';

/** A disk that takes as long as the test wants. */
function slowDisk() {
  const waiting: Array<PromiseWithResolvers<void>> = [];
  let began = Promise.withResolvers<void>();
  const file = {
    datasync() {
      const one = Promise.withResolvers<void>();
      waiting.push(one);
      began.resolve();
      return one.promise;
    },
    close: async () => {},
  };
  return {
    sync: new DiskSync('', async () => file),
    waiting,
    async nextBegun() {
      await began.promise;
      began = Promise.withResolvers();
      return waiting.at(-1)!;
    },
  };
}

test('who asks while the disk is busy shares the time after it', async () => {
  const disk = slowDisk();
  const done: string[] = [];
  const ask = (name: string) => disk.sync.sync().then(() => done.push(name));
  const asked = [ask('a')];
  const first = await disk.nextBegun();
  asked.push(ask('b'), ask('c'));
  first.resolve();
  const second = await disk.nextBegun();
  expect(done).toEqual(['a']);
  asked.push(ask('d'));
  second.resolve();
  (await disk.nextBegun()).resolve();
  await Promise.all(asked);
  expect(done).toEqual(['a', 'b', 'c', 'd']);
  expect(disk.waiting).toHaveLength(3);
});

test('a disk that fails is told to who asked, and asked again by the next', async () => {
  const disk = slowDisk();
  const failed = disk.sync.sync();
  const later = disk.nextBegun().then((first) => {
    const next = disk.sync.sync();
    first.reject(new Error('EIO'));
    return next;
  });
  await expect(failed).rejects.toThrow('EIO');
  (await disk.nextBegun()).resolve();
  await later;
  await disk.sync.close();
});

test('a file that could not be opened is opened for the next', async () => {
  let isFull = true;
  const sync = new DiskSync('', async () => {
    if (isFull) throw new Error('EMFILE');
    return { datasync: async () => {}, close: async () => {} };
  });
  await expect(sync.sync()).rejects.toThrow('EMFILE');
  isFull = false;
  await sync.sync();
  await sync.close();
});
