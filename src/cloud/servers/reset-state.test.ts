import { afterEach, beforeEach, expect, test } from 'vitest';
import { eachDatabase } from '../../../tests/support/postgres.ts';
import type { Database } from '../../database/database.ts';
import { reapDisks } from '../volumes/disk-reaper.ts';
import { StorageCloud } from '../volumes/test-cloud.ts';

eachDatabase('states that are reset', (_open, kind) => resettingStates(kind));

function resettingStates(database: Database['kind']): void {
  let storage: StorageCloud;
  beforeEach(async () => {
    storage = await StorageCloud.start({ database });
  });
  afterEach(() => storage.stop());

  const servers = () => storage.cloud.servers;
  const rescued = async () => {
    const { id } = await storage.server();
    const root = storage.disksOf(id);
    expect(await storage.ended((await servers().rescue(storage.member, id)).actionId)).toBe('succeeded');
    const { rescueDiskId, rootVolumeId } = await servers().get(storage.member, id);
    expect(storage.disksOf(id)).toEqual([rescueDiskId, rootVolumeId]);
    return { id, root, rescueDiskId: rescueDiskId! };
  };

  test.each(['active', 'error'] as const)(
    'a rescued server that is said to be %s boots from its own disk the next time, and the rescue disk goes',
    async (state) => {
      const { id, root, rescueDiskId } = await rescued();
      await servers().resetState(storage.admin, id, state);
      const shown = await servers().get(storage.member, id);
      expect(shown).toMatchObject({ vmState: state, taskState: null, rescueDiskId: null });
      await expect(servers().unrescue(storage.member, id)).rejects.toMatchObject({ code: 'conflict' });
      expect(storage.disksOf(id)).toContain(rescueDiskId);

      expect(await storage.ended((await servers().reboot(storage.member, id, 'hard')).actionId)).toBe('succeeded');
      expect(storage.disksOf(id)).toEqual(root);
      expect(await servers().get(storage.member, id)).toMatchObject({ vmState: 'active' });
      await reapDisks(storage.cloud);
      expect((await storage.host.inventory()).disks).not.toContain(rescueDiskId);
      const disks = await storage.cloud.db.read.selectFrom('disks').select('id').execute();
      expect(disks.map((disk) => disk.id)).not.toContain(rescueDiskId);
    },
  );

  test('it can be rescued anew, also before its guest was started again', async () => {
    const { id, rescueDiskId } = await rescued();
    await servers().resetState(storage.admin, id, 'active');
    expect(await storage.ended((await servers().rescue(storage.member, id)).actionId)).toBe('succeeded');
    const again = await servers().get(storage.member, id);
    expect(again.rescueDiskId).not.toBe(rescueDiskId);
    expect(storage.disksOf(id)).toEqual([again.rescueDiskId, again.rootVolumeId]);
    expect(await storage.ended((await servers().unrescue(storage.member, id)).actionId)).toBe('succeeded');
    expect(storage.disksOf(id)).toEqual([again.rootVolumeId]);
  });

  test('nothing is said of a server that is busy', async () => {
    const { id, rescueDiskId } = await rescued();
    await storage.cloud.db.write((tx) =>
      tx.updateTable('servers').set({ task_state: 'unrescuing' }).where('id', '=', id).execute(),
    );
    await expect(servers().resetState(storage.admin, id, 'active')).rejects.toMatchObject({ code: 'conflict' });
    expect(await servers().get(storage.member, id)).toMatchObject({ vmState: 'rescued', rescueDiskId });
  });
}
