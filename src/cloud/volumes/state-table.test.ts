import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CloudError } from '../errors.ts';
import { type VolumeStatus, volumeStatuses } from './rules.ts';
import { type VolumeTransition, volumeStateTable, volumeTransitions } from './state-table.ts';
import { gib, StorageCloud } from './test-cloud.ts';

type Key = keyof typeof volumeTransitions;
interface Scene {
  id: string;
  serverId: string;
}

const limit = 300_000;
const keys = Object.keys(volumeTransitions) as Key[];
let storage: StorageCloud;
let serverId: string;
let imageId: string;
let typeName: string;

const blocks = () => storage.cloud.blockStorage;
const admin = () => storage.admin;
const template = { name: 'template', diskFormat: 'qcow2', containerFormat: 'bare' } as const;

/** How each is asked for. */
const ask: Record<Key, (scene: Scene) => Promise<unknown>> = {
  attach: ({ id, serverId }) => blocks().attach(admin(), serverId, { volumeId: id }),
  detach: ({ id, serverId }) => blocks().detach(admin(), serverId, id),
  reserve: ({ id }) => blocks().attachments.create(admin(), { volumeId: id }),
  extend: ({ id }) => blocks().extend(admin(), id, 2 * gib, { evenIfAttached: false }),
  'extend (also attached, 3.42)': ({ id }) => blocks().extend(admin(), id, 2 * gib, { evenIfAttached: true }),
  snapshot: ({ id }) => blocks().createSnapshot(admin(), { volumeId: id }),
  'snapshot (forced)': ({ id }) => blocks().createSnapshot(admin(), { volumeId: id, force: true }),
  'upload as an image': ({ id }) => blocks().uploadImage(admin(), id, template),
  'upload as an image (forced)': ({ id }) => blocks().uploadImage(admin(), id, template, { force: true }),
  backup: ({ id }) => blocks().backups.create(admin(), { volumeId: id }),
  'backup (forced)': ({ id }) => blocks().backups.create(admin(), { volumeId: id, force: true }),
  revert: async ({ id }) => {
    const [snapshot] = await storage.cloud.db.read
      .selectFrom('volume_snapshots')
      .select('id')
      .where('volume_id', '=', id)
      .execute();
    return await blocks().revert(admin(), id, snapshot!.id);
  },
  retype: ({ id }) => blocks().retype(admin(), id, typeName),
  reimage: ({ id }) => blocks().reimage(admin(), id, imageId),
  offer: ({ id }) => blocks().transfers.create(admin(), { volumeId: id }),
  delete: ({ id }) => blocks().delete(admin(), id, { cascade: true }),
  'delete (forced)': ({ id }) => blocks().delete(admin(), id, { cascade: true, force: true }),
};

beforeAll(async () => {
  storage = await StorageCloud.start();
  serverId = (await storage.server()).id;
  imageId = await storage.image();
  typeName = (await blocks().types.create(admin(), { name: 'other' })).name;
}, limit);
afterAll(() => storage.stop());

const write = (id: string, status: VolumeStatus) =>
  storage.cloud.db.write((tx) => tx.updateTable('volumes').set({ status }).where('id', '=', id).execute());
const rowOf = (id: string) =>
  storage.cloud.db.read.selectFrom('volumes').selectAll().where('id', '=', id).executeTakeFirstOrThrow();

/** A volume with a snapshot, in the status. One that is in use is some server's. */
async function volumeIn(status: VolumeStatus): Promise<Scene> {
  const { id } = await storage.volume();
  await done(await blocks().createSnapshot(admin(), { volumeId: id }));
  if (status === 'in-use') await done(await ask.attach({ id, serverId }));
  else await write(id, status);
  return { id, serverId };
}

async function done(begun: unknown): Promise<void> {
  const { actionId } = begun as { actionId?: string };
  if (!actionId) return;
  expect(await storage.cloud.runner.wait(actionId, { timeoutMs: limit })).toEqual({ state: 'succeeded' });
}

async function leave({ id }: Scene): Promise<void> {
  const row = await rowOf(id);
  if (row.deleted_at !== null) return;
  await write(id, row.server_id === null ? 'available' : 'in-use');
  if (row.server_id !== null) await done(await ask.detach({ id, serverId: row.server_id }));
}

it('docs/state-table-volumes.md says what is so', async () => {
  await expect(volumeStateTable()).toMatchFileSnapshot('../../../docs/state-table-volumes.md');
});

describe.each(volumeStatuses)('a volume that is %s', (status) => {
  const allowed = keys.filter((key) => (volumeTransitions[key] as VolumeTransition).from.includes(status));

  it(
    'refuses what is not allowed, and nothing changes',
    async () => {
      const scene = await volumeIn(status);
      const before = await rowOf(scene.id);
      for (const key of keys) {
        if (allowed.includes(key) || (status === 'deleting' && key.startsWith('delete'))) continue;
        const refusal = await ask[key](scene).then(
          () => 'it was not refused',
          (error: unknown) => error,
        );
        expect(refusal, key).toBeInstanceOf(CloudError);
        expect((refusal as CloudError).code, key).toMatch(/^(invalid|conflict|not_found)$/);
        expect(await rowOf(scene.id), key).toEqual(before);
      }
      await leave(scene);
    },
    limit,
  );

  it.each(allowed)(
    'takes %s, and comes to what it leads to',
    async (key) => {
      const scene = await volumeIn(status);
      await done(await ask[key](scene));
      const { after } = volumeTransitions[key] as VolumeTransition;
      const row = await rowOf(scene.id);
      if (after === 'gone') expect(row.deleted_at).not.toBeNull();
      else expect(row.status).toBe(after === 'as before' ? status : after);
      await leave(scene);
    },
    limit,
  );
});

it(
  'a volume that is gone is not found, whatever is asked',
  async () => {
    const scene = await volumeIn('available');
    await done(await ask.delete(scene));
    for (const key of keys.filter((one) => one !== 'revert'))
      await expect(ask[key](scene), key).rejects.toMatchObject({ code: 'not_found' });
  },
  limit,
);
