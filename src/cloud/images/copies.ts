import type { Tx } from '../../database/database.ts';
import { newId, withDashes } from '../../env/env.ts';
import { letGo } from '../../image-stores/receive.ts';
import { type CopyOptions, type ImageStore, type StoredUpload, StoreError } from '../../image-stores/store.ts';
import { CloudError, notFound } from '../errors.ts';
import type { Subject } from '../identity/subject.ts';
import { copyImage } from './copy-action.ts';
import { discardBytes } from './discard-bytes.ts';
import { fromAnyCopy } from './from-any-copy.ts';
import { type Image, isGone } from './model.ts';
import { moveImage } from './move-action.ts';
import type { ImageParts } from './parts.ts';
import { mayKnow, noSuchImage, requireOwner } from './rights.ts';
import { dropReplicas, finishReplica, putReplica } from './rows.ts';
import { copyTimedOut } from './sync-status.ts';

const longestStallCheckMs = 10_000;

/** Pauses before failed copies are tried again by themselves, microseconds. */
const firstPause = 120_000_000;
const longestPause = 6 * 3600 * 1_000_000;
/** After so many tries only somebody who asks for it brings another one. */
const maxAttempts = 20;
const maxRetriedPerActivation = 50;

/** Keeps images in more stores than one: every zone is to have a copy, and each copy is an action of its own. */
export class Copies {
  readonly #parts: ImageParts;
  readonly #timeout: number;

  /** @param timeout a copy that moves no bytes for so many seconds is given up */
  constructor(parts: ImageParts, timeout = 600) {
    this.#parts = parts;
    this.#timeout = timeout;
  }

  /** Asks for a copy in each zone that has none. */
  async requestMissing(tx: Tx, image: Image, by: { requestId: string }): Promise<void> {
    const replicas = await this.#parts.rows.replicas([image.id], tx);
    const holding = replicas.filter(({ state }) => state !== 'error').map(({ storeId }) => storeId);
    for (const store of this.#parts.stores.missingFor(holding)) await this.request(tx, image, store.id, by);
  }

  /** Asks for a copy in the store; gives the action's id. */
  async request(tx: Tx, image: Image, storeId: string, by: { requestId: string }): Promise<string> {
    const { core } = this.#parts;
    await putReplica(tx, { imageId: image.id, storeId, now: core.env.now() }, 'pending');
    return await core.runner.submit(tx, copyImage, {
      input: { imageId: image.id, storeId },
      name: 'copyImage',
      resourceType: 'image',
      resourceId: image.id,
      projectId: image.projectId,
      userId: image.userId,
      requestId: by.requestId,
    });
  }

  /**
   * Tries failed copies once more and makes those that zones lack, or makes one in each of the given stores. Gives the
   * ids of the actions.
   */
  async resync(subject: Subject, imageId: string, storeIds?: readonly string[]): Promise<string[]> {
    const { core, rows, stores } = this.#parts;
    for (const id of storeIds ?? []) stores.get(id);
    return await core.db.write(async (tx) => {
      const image = await rows.imageForUpdate(imageId, tx);
      if (image?.status !== 'active' || !(await mayKnow(rows, subject, image, tx))) throw noSuchImage(imageId);
      requireOwner(subject, image, 'synchronize');
      const replicas = await rows.replicas([imageId], tx);
      const failed = replicas.filter(({ state }) => state === 'error').map(({ storeId }) => storeId);
      const held = replicas.filter(({ state }) => state !== 'error').map(({ storeId }) => storeId);
      const missing = stores.missingFor(held).map(({ id }) => id);
      const wanted = (storeIds ?? [...new Set([...failed, ...missing])]).filter((id) => !held.includes(id));
      const actions: string[] = [];
      for (const id of wanted) actions.push(await this.request(tx, image, id, { requestId: subject.requestId }));
      return actions;
    });
  }

  /**
   * Glance's `copy-image`: brings an active image into further stores, or into all that can be used. Throws what
   * `resync` throws, and `invalid` for a named store that has the image.
   */
  async copyTo(subject: Subject, imageId: string, wanted: readonly string[] | 'all'): Promise<string[]> {
    const { core, rows, stores } = this.#parts;
    const usable = stores.list().filter((store) => stores.takesImages(store));
    const named = wanted === 'all' ? usable : wanted.map((id) => stores.get(id));
    return await core.db.write(async (tx) => {
      const image = await rows.imageForUpdate(imageId, tx);
      if (!image || isGone(image) || !(await mayKnow(rows, subject, image, tx))) throw noSuchImage(imageId);
      requireOwner(subject, image, 'copy');
      if (image.status !== 'active') {
        throw new CloudError('conflict', 'Only images with status active can be targeted for copying', {
          reason: 'image_not_active',
          id: imageId,
        });
      }
      const held = new Set(
        (await rows.replicas([imageId], tx))
          .filter(({ state }) => state !== 'error' && state !== 'deleted')
          .map(({ storeId }) => storeId),
      );
      const present = wanted === 'all' ? undefined : named.find(({ id }) => held.has(id));
      if (present) {
        throw new CloudError('invalid', `Image is already present at store '${present.name}'`, {
          reason: 'bad_import',
        });
      }
      const actions: string[] = [];
      for (const { id } of named) {
        if (!held.has(id)) actions.push(await this.request(tx, image, id, { requestId: subject.requestId }));
      }
      const task = { import_task_id: actions[0] ?? newId(core.env), updated_at: core.env.now() };
      await tx.updateTable('images').set(task).where('id', '=', imageId).execute();
      return actions;
    });
  }

  /**
   * Brings an active image into another store, and takes it out of the one where it is. Throws `not_found` as `copyTo`
   * does, `conflict` (`not_on_store`) where the first has no copy to take, and `invalid` (`bad_import`) where the other has one.
   */
  async move(subject: Subject, imageId: string, { from, to }: { from: string; to: string }): Promise<string> {
    const { core, rows, stores } = this.#parts;
    const { id: storeId, name } = stores.get(to);
    return await core.db.write(async (tx) => {
      const image = await rows.imageForUpdate(imageId, tx);
      if (!image || isGone(image) || !(await mayKnow(rows, subject, image, tx))) throw noSuchImage(imageId);
      requireOwner(subject, image, 'move');
      const replicas = await rows.replicas([imageId], tx);
      if (image.status !== 'active' || !replicas.some((one) => one.storeId === from && one.state === 'active')) {
        throw new CloudError('conflict', `Image ${imageId} is not active in store ${from}.`, {
          reason: 'not_on_store',
        });
      }
      const other = replicas.find((one) => one.storeId === storeId);
      if (other && other.state !== 'error') {
        const message = `Image is already present at store '${name}'`;
        throw new CloudError('invalid', message, { reason: 'bad_import' });
      }
      await putReplica(tx, { imageId, storeId, now: core.env.now() }, 'pending');
      return await core.runner.submit(tx, moveImage, {
        input: { imageId, storeId, fromStoreId: from },
        name: 'moveImage',
        resourceType: 'image',
        resourceId: imageId,
        projectId: image.projectId,
        userId: subject.userId,
        requestId: subject.requestId,
      });
    });
  }

  /**
   * Asks again for copies that failed some time ago: the pauses grow with the number of tries. Tells how many there
   * were.
   */
  async retryFailed(): Promise<number> {
    const { core, rows, stores } = this.#parts;
    const now = core.env.now();
    const failed = await core.db.read
      .selectFrom('image_replicas')
      .innerJoin('images', 'images.id', 'image_replicas.image_id')
      .select(['image_id', 'store_id', 'attempts', 'image_replicas.updated_at'])
      .where('state', '=', 'error')
      .where('images.status', '=', 'active')
      .where('attempts', '<', maxAttempts)
      .orderBy('image_replicas.updated_at')
      .limit(maxRetriedPerActivation)
      .execute();
    const due = failed.filter(({ store_id, attempts, updated_at }) => {
      const store = stores.find(store_id);
      const pause = Math.min(firstPause * 2 ** (attempts - 1), longestPause);
      return store !== undefined && stores.takesImages(store) && now - updated_at >= pause;
    });
    for (const { image_id, store_id } of due) {
      await core.db.write(async (tx) => {
        const image = await rows.imageForUpdate(image_id, tx);
        const replica = (await rows.replicas([image_id], tx)).find(({ storeId }) => storeId === store_id);
        if (image?.status !== 'active' || replica?.state !== 'error') return;
        await this.request(tx, image, store_id, { requestId: `req-${withDashes(newId(core.env))}` });
      });
    }
    return due.length;
  }

  /** Copies the bytes from a store that has them. May be repeated. */
  async copy(
    imageId: string,
    storeId: string,
    options: { signal: AbortSignal; progress(percent: number): void },
  ): Promise<{ size: number; installPath: string }> {
    const { core, rows, stores } = this.#parts;
    const image = await rows.image(imageId);
    const replicas = await rows.replicas([imageId]);
    if (!image || !replicas.some(({ state }) => state === 'active')) throw notFound('image', imageId);
    const stall = new AbortController();
    let copied = 0;
    let seen = 0;
    let seenAt = core.env.now();
    const stopChecking = core.env.every(Math.min(longestStallCheckMs, this.#timeout * 250), () => {
      if (copied !== seen) [seen, seenAt] = [copied, core.env.now()];
      if (core.env.now() - seenAt > this.#timeout * 1_000_000) stall.abort();
    });
    try {
      const source = (await fromAnyCopy(this.#parts, replicas, async (driver) => {
        if (await driver.stat(imageId)) return driver;
        throw new StoreError('not_found', `The image store ${driver.name} does not have the image.`);
      }))!;
      return await copyBetween(source, stores.driver(storeId), image, {
        signal: AbortSignal.any([options.signal, stall.signal]),
        onBytes: (bytes) => {
          copied = bytes;
          options.progress(image.size ? (bytes / image.size) * 100 : 0);
        },
      });
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      if (stall.signal.aborted) throw new CopyTimedOut('unavailable', `${copyTimedOut}: ${message}`, { cause: error });
      const reason = error instanceof StoreError ? error.code : 'copy_failed';
      throw new CloudError('unavailable', message, { reason, cause: error });
    } finally {
      stopChecking();
    }
  }

  /** Notes a copy that was made. Throws when nobody wants it any more, as after a deletion. */
  async finish(tx: Tx, at: { imageId: string; storeId: string }, stored: { size: number; installPath: string }) {
    const wanted = await this.#wanted(tx, at);
    if (!wanted) throw notFound('image', at.imageId);
    await finishReplica(tx, { ...at, now: this.#parts.core.env.now() }, stored);
  }

  /** Notes a copy that could not be made: users see it as the image's `sync_status_reason`. */
  async fail(tx: Tx, at: { imageId: string; storeId: string }, message: string): Promise<void> {
    if (!(await this.#wanted(tx, at))) return;
    await tx
      .updateTable('image_replicas')
      .set({ state: 'error', last_error: message, progress: 0, updated_at: this.#parts.core.env.now() })
      .where('image_id', '=', at.imageId)
      .where('store_id', '=', at.storeId)
      .execute();
  }

  /** Nobody wants the copy any more. */
  async giveUp(tx: Tx, at: { imageId: string; storeId: string }): Promise<void> {
    if (await this.#wanted(tx, at)) await dropReplicas(tx, at.imageId, [at.storeId]);
  }

  /** Takes back what a copy has brought; see `discardBytes`. */
  async discard(at: { imageId: string; storeId: string }, when: { isLate: boolean }): Promise<void> {
    await discardBytes(this.#parts, at, when);
  }

  async #wanted(tx: Tx, { imageId, storeId }: { imageId: string; storeId: string }): Promise<boolean> {
    const row = await tx
      .selectFrom('image_replicas')
      .select('state')
      .where('image_id', '=', imageId)
      .where('store_id', '=', storeId)
      .where('state', '=', 'pending')
      .executeTakeFirst();
    return row !== undefined;
  }
}

/** Waiting that long once is enough: the next try is a matter of minutes, not of this action. */
class CopyTimedOut extends CloudError {
  readonly retryable = false;
}

/** Copies an image's bytes from store to store; what an earlier try has brought is not brought again. */
async function copyBetween(
  from: ImageStore,
  to: ImageStore,
  image: Image,
  options: Required<CopyOptions>,
): Promise<StoredUpload> {
  const { id, checksum, hashValue } = image;
  const size = image.size!;
  if (to.copyIn) {
    const checksums = { md5: checksum!, sha512: hashValue! };
    const read = async (start: number) => await from.read(id, { start, end: size });
    return await to.copyIn(id, { size, checksums, read }, options);
  }
  let copied = 0;
  const source = await from.read(id);
  const onChunk = (chunk: Buffer) => {
    copied += chunk.length;
    options.onBytes(copied);
  };
  const stored = await to
    .put(id, source, { signal: options.signal, expectedSize: size, onChunk, onTaken: source.release })
    .finally(() => letGo(source));
  if (stored.checksums.sha512 === hashValue) return stored;
  await to.delete(id);
  throw new StoreError('corrupt', 'The copy is not what its original is.');
}
