import { afterEach, beforeEach, expect, test } from 'vitest';
import { eachDatabase } from '../../../tests/support/postgres.ts';
import type { Database } from '../../database/database.ts';
import { newId } from '../../env/env.ts';
import { gib, StorageCloud } from './test-cloud.ts';

eachDatabase('assisted snapshots', (_open, kind) => assistedSnapshots(kind));

function assistedSnapshots(database: Database['kind']): void {
  let storage: StorageCloud;

  beforeEach(async () => {
    storage = await StorageCloud.start({ database });
  });
  afterEach(() => storage.stop());

  const refused = (code: string, message: RegExp) =>
    expect.objectContaining({ code, message: expect.stringMatching(message) });
  const freshId = () => newId(storage.cloud.env);
  const attached = async () => {
    const [volume, server] = [await storage.volume(), await storage.server()];
    const { actionId } = await storage.cloud.blockStorage.attach(storage.member, server.id, { volumeId: volume.id });
    expect(await storage.ended(actionId)).toBe('succeeded');
    return { volumeId: volume.id, serverId: server.id };
  };
  const actionsOf = (resourceId: string) =>
    storage.cloud.db.read.selectFrom('actions').select(['id', 'kind']).where('resource_id', '=', resourceId).execute();

  test('have the id that was asked for, are the volume’s project’s, and go with their disk', async () => {
    const { volumeId } = await attached();
    const { blockStorage } = storage.cloud;
    const snapshotId = freshId();
    const before = (await storage.host.inventory()).disks;
    expect(await blockStorage.createAssistedSnapshot(storage.admin, { volumeId, snapshotId })).toMatchObject({
      id: snapshotId,
      volumeId,
      status: 'creating',
    });
    const [creation] = await actionsOf(snapshotId);
    expect(await storage.ended(creation?.id)).toBe('succeeded');
    const shown = await blockStorage.snapshot(storage.member, snapshotId);
    expect(shown).toMatchObject({ status: 'available', size: gib, projectId: storage.member.projectId });
    expect((await storage.host.inventory()).disks).toHaveLength(before.length + 1);

    await blockStorage.deleteAssistedSnapshot(storage.admin, { volumeId, snapshotId });
    const deletion = (await actionsOf(snapshotId)).find(({ kind }) => kind === 'snapshot.delete');
    expect(await storage.ended(deletion?.id)).toBe('succeeded');
    expect((await storage.host.inventory()).disks).toEqual(before);
    await expect(blockStorage.snapshot(storage.member, snapshotId)).rejects.toEqual(refused('not_found', /Snapshot/));
  });

  test('are deleted while they are still being made', async () => {
    const { volumeId } = await attached();
    const before = (await storage.host.inventory()).disks;
    const snapshotId = freshId();
    await storage.cloud.blockStorage.createAssistedSnapshot(storage.admin, { volumeId, snapshotId });
    await storage.cloud.blockStorage.deleteAssistedSnapshot(storage.admin, { volumeId, snapshotId });
    for (const { id } of await actionsOf(snapshotId)) await storage.ended(id);
    expect((await storage.host.inventory()).disks).toEqual(before);
  });

  test('are refused where no server has the volume, the server is busy, or the id is taken', async () => {
    const { blockStorage } = storage.cloud;
    const create = (volumeId: string, snapshotId = freshId()) =>
      blockStorage.createAssistedSnapshot(storage.admin, { volumeId, snapshotId });
    const free = await storage.volume();
    const nobodys = refused('invalid', /^No volume Block Device Mapping with id .*-/);
    await expect(create(free.id)).rejects.toEqual(nobodys);
    await expect(create(freshId())).rejects.toEqual(nobodys);

    const { volumeId, serverId } = await attached();
    const snapshotId = freshId();
    await create(volumeId, snapshotId);
    await expect(create(volumeId, snapshotId)).rejects.toEqual(refused('invalid', /already/));
    const { deleteAssistedSnapshot } = blockStorage;
    await expect(deleteAssistedSnapshot(storage.admin, { volumeId: free.id, snapshotId })).rejects.toEqual(nobodys);
    await expect(deleteAssistedSnapshot(storage.admin, { volumeId, snapshotId: freshId() })).rejects.toEqual(
      refused('not_found', /Snapshot/),
    );
    const { snapshot: other, actionId } = await blockStorage.createSnapshot(storage.member, { volumeId: free.id });
    expect(await storage.ended(actionId)).toBe('succeeded');
    await expect(deleteAssistedSnapshot(storage.admin, { volumeId, snapshotId: other.id })).rejects.toEqual(
      refused('not_found', /Snapshot/),
    );

    const { db } = storage.cloud;
    await db.write((tx) =>
      tx.updateTable('servers').set({ task_state: 'resuming' }).where('id', '=', serverId).execute(),
    );
    await expect(create(volumeId)).rejects.toEqual(refused('invalid', /in task_state resuming/));
  });
}
