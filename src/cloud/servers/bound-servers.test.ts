import { afterEach, beforeEach, expect, test } from 'vitest';
import { gib, StorageCloud } from '../volumes/test-cloud.ts';

let storage: StorageCloud;
beforeEach(async () => {
  storage = await StorageCloud.start({ hosts: 2 });
});
afterEach(() => storage.stop());

/** A server with a volume beside the disk that it boots from. */
async function serverWithVolume(wanted: { multiattach?: boolean } = {}) {
  const server = await storage.server();
  const volume = await storage.volume({ size: gib, ...wanted });
  const { blockStorage } = storage.cloud;
  const begun = await blockStorage.attach(storage.member, server.id, { volumeId: volume.id });
  expect(await storage.ended(begun.actionId)).toBe('succeeded');
  return { id: server.id, hostId: server.hostId!, volumeId: volume.id };
}

const moves = (id: string) => ({
  migrate: () => storage.cloud.servers.migrate(storage.admin, id),
  liveMigrate: () => storage.cloud.servers.liveMigrate(storage.admin, id),
});

/** All that the database has of the server and its disks. */
async function rowsOf(id: string) {
  const { read } = storage.cloud.db;
  return {
    server: await read.selectFrom('servers').selectAll().where('id', '=', id).execute(),
    allocations: await read.selectFrom('allocations').selectAll().where('server_id', '=', id).execute(),
    disks: await read.selectFrom('disks').selectAll().orderBy('id').execute(),
    actions: await read.selectFrom('actions').select('id').orderBy('id').execute(),
  };
}

test('a server takes its volumes along to another host', async () => {
  const { id, hostId, volumeId } = await serverWithVolume();
  const begun = await storage.cloud.servers.migrate(storage.admin, id);
  expect(await storage.ended(begun.actionId)).toBe('succeeded');
  const moved = await storage.cloud.servers.get(storage.admin, id);
  expect(moved).toMatchObject({ vmState: 'resized', hostId: expect.not.stringMatching(hostId) });
  expect((await storage.cloud.blockStorage.get(storage.admin, volumeId)).hostId).toBe(moved.hostId);
});

test('one whose volume can not move is refused at once, in words, and nothing changes', async () => {
  const withSnapshot = await serverWithVolume();
  const snapshot = { volumeId: withSnapshot.volumeId, force: true };
  const begun = await storage.cloud.blockStorage.createSnapshot(storage.member, snapshot);
  expect(await storage.ended(begun.actionId)).toBe('succeeded');
  const withShared = await serverWithVolume({ multiattach: true });
  for (const [{ id }, why] of [
    [withSnapshot, 'has snapshots, which do not move'],
    [withShared, 'is one that several servers may have there'],
  ] as const) {
    const before = await rowsOf(id);
    for (const [verb, move] of Object.entries(moves(id))) {
      const message = expect.stringContaining(`can't leave its host: its volume`);
      await expect(move(), verb).rejects.toMatchObject({ code: 'no_valid_host', message });
      await expect(move(), verb).rejects.toThrow(why);
    }
    expect(await rowsOf(id)).toEqual(before);
  }
});

test('one with volumes is not evacuated from a host that is down, where they are; one without is', async () => {
  const [plain, shared] = [await serverWithVolume(), await serverWithVolume({ multiattach: true })];
  const one = await storage.server({ hostId: plain.hostId });
  for (const { hostId } of [plain, shared]) await storage.cloud.hosts.setForcedDown(hostId, true);
  for (const { id } of [plain, shared]) {
    const before = await rowsOf(id);
    const evacuation = storage.cloud.servers.evacuate(storage.admin, id);
    await expect(evacuation).rejects.toMatchObject({ code: 'conflict', details: { reason: 'volumes' } });
    expect(await rowsOf(id)).toEqual(before);
  }
  const other = (await storage.cloud.hosts.list()).find(({ id }) => id !== plain.hostId)!;
  await storage.cloud.hosts.setForcedDown(other.id, false);
  const begun = await storage.cloud.servers.evacuate(storage.admin, one.id);
  expect(await storage.ended(begun.actionId)).toBe('succeeded');
  expect((await storage.cloud.servers.get(storage.admin, one.id)).hostId).toBe(other.id);
});
