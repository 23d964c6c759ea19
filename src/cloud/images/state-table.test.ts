import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { CloudError } from '../errors.ts';
import { walkLife } from '../lives/life-suite.ts';
import {
  type CopyState,
  copyStates,
  copyTransitions,
  type ImageLifeStatus,
  imageStateTable,
  imageStatuses,
  imageTransitions,
} from './state-table.ts';
import { inPieces, TestCloud, testSubject } from './test-cloud.ts';

interface Scene {
  id: string;
}

const limit = 300_000;
const alice = testSubject('alice');
const bob = testSubject('bob');
const admin = testSubject('root', { isAdmin: true });
const raw = { name: 'image', diskFormat: 'raw', containerFormat: 'bare' } as const;
const bytes = randomBytes(1000);

let cloud: TestCloud;
/** A store that serves no zone, so that nothing is copied to it unasked. */
let further: string;

beforeAll(async () => {
  cloud = await TestCloud.start();
  further = (await cloud.stores.add({ name: 'further', url: join(cloud.folder, 'further'), zoneIds: [] })).id;
  await writeFile(join(cloud.folder, 'disk.raw'), bytes);
});
afterAll(() => cloud.stop());

const images = () => cloud.images;
const rowOf = (id: string) =>
  cloud.core.db.read.selectFrom('images').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
const copiesOf = (id: string) =>
  cloud.core.db.read.selectFrom('image_replicas').selectAll().where('image_id', '=', id).orderBy('store_id').execute();
const actionsOf = async (id: string) =>
  (await cloud.core.db.read.selectFrom('actions').select('id').where('resource_id', '=', id).execute()).length;

async function download(subject: typeof alice, id: string): Promise<unknown> {
  const found = await images().download(subject, id);
  if (found) return found;
  throw new CloudError('conflict', 'The image has no bytes: the answer is one without content.');
}

const remove = ({ id }: Scene) => images().delete(alice, id);

/** How each is asked for. */
const ask: Record<keyof typeof imageTransitions, (scene: Scene) => Promise<unknown>> = {
  upload: ({ id }) => images().upload(alice, id, inPieces(bytes)),
  stage: ({ id }) => images().stage(alice, id, inPieces(bytes)),
  'import what was staged': ({ id }) => images().importFromUrl(alice, id, {}),
  'import from an address': ({ id }) =>
    images().importFromUrl(admin, id, { url: `file://${join(cloud.folder, 'disk.raw')}` }),
  'copy to a store': async ({ id }) => actionIn(await images().copies.copyTo(alice, id, [further])),
  synchronize: async ({ id }) => actionIn(await images().copies.resync(alice, id)),
  'boot a server or make a volume of it': ({ id }) => images().forBoot(alice, id),
  export: ({ id }) => images().exports.create(alice, id, { origin: 'http://cloud' }),
  download: ({ id }) => download(alice, id),
  'download (administrators)': ({ id }) => download(admin, id),
  deactivate: ({ id }) => images().deactivate(alice, id),
  reactivate: ({ id }) => images().reactivate(alice, id),
  change: ({ id }) => images().update(alice, id, { name: 'other' }),
  'change the format': ({ id }) => images().update(alice, id, { diskFormat: 'qcow2' }),
  'share with a project': ({ id }) => images().members.add(alice, id, bob.projectId!),
  'delete (has no bytes yet)': remove,
  delete: remove,
  recover: ({ id }) => images().recover(alice, id),
  expunge: ({ id }) => images().expunge(alice, id),
};

function actionIn([actionId]: readonly string[]): { actionId?: string } {
  return actionId === undefined ? {} : { actionId };
}

async function done(begun: unknown): Promise<void> {
  const { actionId } = (begun ?? {}) as { actionId?: string };
  if (!actionId) return;
  expect(await cloud.core.runner.wait(actionId, { timeoutMs: limit })).toMatchObject({ state: 'succeeded' });
}

async function imageIn(status: ImageLifeStatus): Promise<Scene> {
  if (status === 'saving') {
    // As the template of a disk that a host is about to export.
    const { id } = await cloud.core.db.write((tx) =>
      images().templates.begin(tx, alice, { ...raw, visibility: 'shared' }),
    );
    return { id };
  }
  const { id } = await images().create(alice, raw);
  if (status === 'queued') return { id };
  if (status === 'uploading' || status === 'importing') {
    await images().stage(alice, id, inPieces(bytes));
    if (status === 'uploading') return { id };
    await cloud.core.db.write((tx) => tx.updateTable('images').set({ status }).where('id', '=', id).execute());
    return { id };
  }
  await images().upload(alice, id, inPieces(bytes));
  if (status === 'deactivated') await images().deactivate(alice, id);
  if (status === 'deleted' || status === 'expunged') await images().delete(alice, id);
  if (status === 'expunged') await done(await images().expunge(alice, id));
  return { id };
}

it('docs/state-table-images.md says what is so', async () => {
  await expect(imageStateTable()).toMatchFileSnapshot('../../../docs/state-table-images.md');
});

walkLife({
  noun: 'an image',
  states: imageStatuses,
  life: imageTransitions,
  ask,
  enter: imageIn,
  stateOf: async ({ id }) => (await rowOf(id)).status as ImageLifeStatus,
  rowOf: async ({ id }) => [await rowOf(id), await copiesOf(id), await actionsOf(id)],
  done,
  limit,
});

async function copyIn(state: CopyState): Promise<Scene> {
  const scene = await imageIn('active');
  const { id } = scene;
  if (state === 'none') return scene;
  await done(await ask['copy to a store'](scene));
  if (state === 'deleted') await images().delete(alice, id, [further]);
  if (state === 'pending' || state === 'error') {
    await cloud.core.db.write((tx) =>
      tx
        .updateTable('image_replicas')
        .set({ state, attempts: 1, updated_at: 0 })
        .where('image_id', '=', id)
        .where('store_id', '=', further)
        .execute(),
    );
  }
  return scene;
}

const removeThere = ({ id }: Scene) => images().delete(alice, id, [further]);

walkLife({
  noun: 'a copy',
  states: copyStates,
  life: copyTransitions,
  ask: {
    'copy to a store': ask['copy to a store'],
    'synchronize a store': async ({ id }) => actionIn(await images().copies.resync(alice, id, [further])),
    synchronize: ask.synchronize,
    'try again (by itself)': async ({ id }) => {
      const known = await actionsOf(id);
      await images().copies.retryFailed();
      if ((await actionsOf(id)) > known) await cloud.core.runner.idle();
    },
    'delete there (has no bytes yet)': removeThere,
    'delete there': removeThere,
    'recover there': ({ id }) => images().recover(alice, id, [further]),
    'expunge there': ({ id }) => images().expunge(alice, id, [further]),
  },
  enter: copyIn,
  async stateOf({ id }) {
    const found = (await copiesOf(id)).find((copy) => copy.store_id === further);
    return (found?.state as CopyState | undefined) ?? 'none';
  },
  rowOf: async ({ id }) => [await rowOf(id), await copiesOf(id), await actionsOf(id)],
  done,
  isIgnored: (key) => key.startsWith('synchronize') || key.startsWith('try again'),
  limit,
});

it('an image that was deactivated when it was deleted is so when it comes back', async () => {
  const scene = await imageIn('deactivated');
  await ask.delete(scene);
  await ask.recover(scene);
  expect((await rowOf(scene.id)).status).toBe('deactivated');
});
