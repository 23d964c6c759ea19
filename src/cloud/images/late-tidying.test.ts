import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { CloudError } from '../errors.ts';
import { inPieces, TestCloud, testSubject } from './test-cloud.ts';

const admin = testSubject('admin', { isAdmin: true });
const raw = { diskFormat: 'raw', containerFormat: 'bare' } as const;
const bytes = randomBytes(100_000);

/** An action that could not take its bytes back does so a minute later, or at the next start: by then others may be there. */
let cloud: TestCloud;
beforeEach(async () => {
  cloud = await TestCloud.start();
});
afterEach(() => cloud.stop());

/** No line to the store until the function that is given is called. */
function cutOff(storeId: string): () => void {
  const driver = cloud.stores.driver(storeId);
  const verbs = { copyIn: driver.copyIn!, put: driver.put, delete: driver.delete };
  const cut = () => Promise.reject(new CloudError('invalid', 'The line is cut.'));
  Object.assign(driver, { copyIn: cut, put: cut, delete: cut });
  return () => Object.assign(driver, verbs);
}

async function ended(): Promise<string[]> {
  await cloud.core.runner.idle();
  const actions = await cloud.core.db.read
    .selectFrom('actions')
    .select(['name', 'state'])
    .orderBy('created_at')
    .execute();
  return actions.map(({ name, state }) => `${name} ${state}`);
}

/** What is parked goes on at the start. */
async function restart(): Promise<void> {
  await cloud.stop({ keepFolder: true });
  cloud = await TestCloud.start({ folder: cloud.folder });
}

const bytesIn = async (storeId: string, id: string) => await buffer(await cloud.stores.driver(storeId).read(id));

it('what is left of a failed copy goes, and not the copy that was made since', async () => {
  const second = await cloud.addStore();
  const mend = cutOff(second);
  const { id } = await cloud.images.create(admin, { ...raw, name: 'i' });
  await cloud.images.upload(admin, id, inPieces(bytes));
  expect(await ended()).toEqual(['copyImage parked']);
  mend();
  await cloud.images.copies.resync(admin, id);
  expect(await ended()).toEqual(['copyImage parked', 'copyImage succeeded']);
  await restart();
  expect(await ended()).toEqual(['copyImage failed', 'copyImage succeeded']);
  expect(await bytesIn(second, id)).toEqual(bytes);
});

it('what is left of a failed import goes, and not what was uploaded or staged since', async () => {
  const file = join(cloud.folder, 'source.raw');
  await writeFile(file, bytes);
  const mend = cutOff(cloud.storeId);
  const ids: string[] = [];
  for (const name of ['uploaded', 'staged', 'queued']) {
    const { id } = await cloud.images.create(admin, { ...raw, name });
    await cloud.images.importFromUrl(admin, id, { url: `file://${file}` });
    ids.push(id);
  }
  expect(await ended()).toEqual(Array(3).fill('importImage parked'));
  mend();
  const [uploaded, staged, queued] = ids as [string, string, string];
  const other = randomBytes(1000);
  await cloud.images.upload(admin, uploaded, inPieces(other), {});
  await cloud.images.stage(admin, staged, inPieces(other), {});
  await writeFile(join(cloud.folder, 'store', 'images', queued), 'left');
  await restart();
  expect(await ended()).toEqual(Array(3).fill('importImage failed'));
  expect(await bytesIn(cloud.storeId, uploaded)).toEqual(other);
  expect(await cloud.files()).toEqual(expect.arrayContaining([uploaded, staged]));
  expect(await cloud.files()).toHaveLength(2);
  const { actionId } = await cloud.images.importFromUrl(admin, staged, {});
  expect(await cloud.core.runner.wait(actionId, { timeoutMs: 60_000 })).toEqual({ state: 'succeeded' });
});

it('a copy that could not be removed at once goes, and not the one that was made since', async () => {
  const second = await cloud.addStore();
  const ids: string[] = [];
  for (const name of ['kept', 'copied again']) {
    const { id } = await cloud.images.create(admin, { ...raw, name });
    await cloud.images.upload(admin, id, inPieces(bytes));
    ids.push(id);
  }
  await cloud.core.runner.idle();
  const mend = cutOff(second);
  cloud.core.settings.imageDeletion = 0;
  for (const id of ids) await cloud.images.delete(admin, id, [second]);
  expect((await ended()).filter((one) => one === 'expungeImage parked')).toHaveLength(2);
  mend();
  const [gone, again] = ids as [string, string];
  await cloud.images.copies.copyTo(admin, again, [second]);
  await cloud.core.runner.idle();
  expect((await cloud.files('second')).toSorted()).toEqual([gone, again].toSorted());
  await restart();
  expect((await ended()).filter((one) => one.startsWith('expunge'))).toEqual(Array(2).fill('expungeImage succeeded'));
  expect(await cloud.files('second')).toEqual([again]);
});
