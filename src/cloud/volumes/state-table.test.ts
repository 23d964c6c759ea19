import { afterAll, beforeAll, expect, it } from 'vitest';
import { walkLife } from '../lives/life-suite.ts';
import { type VolumeStatus, volumeStatuses } from './rules.ts';
import { volumeStateTable, volumeTransitions } from './state-table.ts';
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
  migrate: async ({ id }) => {
    const { db, hosts } = storage.cloud;
    const to = (await hosts.list()).find(({ state }) => state === 'disabled')!;
    await db.write((tx) => tx.deleteFrom('volume_snapshots').where('volume_id', '=', id).execute());
    await hosts.setState(to.id, 'enabled');
    return await blocks()
      .migrate(admin(), id, { hostId: to.id })
      .finally(() => hosts.setState(to.id, 'disabled'));
  },
  retype: ({ id }) => blocks().retype(admin(), id, typeName),
  reimage: ({ id }) => blocks().reimage(admin(), id, imageId),
  offer: ({ id }) => blocks().transfers.create(admin(), { volumeId: id }),
  delete: ({ id }) => blocks().delete(admin(), id, { cascade: true }),
  'delete (forced)': ({ id }) => blocks().delete(admin(), id, { cascade: true, force: true }),
};

beforeAll(async () => {
  storage = await StorageCloud.start({ hosts: 2 });
  const [, other] = await storage.cloud.hosts.list();
  // Only what is migrated goes there.
  await storage.cloud.hosts.setState(other!.id, 'disabled');
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

walkLife({
  noun: 'a volume',
  states: volumeStatuses,
  life: volumeTransitions,
  ask,
  enter: volumeIn,
  async stateOf({ id }) {
    const row = await rowOf(id);
    return row.deleted_at === null ? (row.status as VolumeStatus) : 'gone';
  },
  rowOf: ({ id }) => rowOf(id),
  done,
  leave,
  // What is being deleted already is deleted, whoever asks again.
  isIgnored: (key, status) => status === 'deleting' && key.startsWith('delete'),
  limit,
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
