import type { Tx } from '../../database/database.ts';
import { newId } from '../../env/env.ts';
import { StoreError } from '../../image-stores/store.ts';
import { CloudError, notFound } from '../errors.ts';
import type { Subject } from '../identity/subject.ts';
import { copyImage } from './copy-action.ts';
import { type Image, isGone } from './model.ts';
import type { ImageParts } from './parts.ts';
import { mayKnow, noSuchImage, requireOwner } from './rights.ts';
import { finishReplica, putReplica } from './rows.ts';
import { copyTimedOut } from './sync-status.ts';

/** A copy that moves no bytes for so long is given up, microseconds. */
const stallLimit = 600_000_000;
const stallCheckMs = 10_000;

/** Keeps images in more stores than one: every zone is to have a copy, and each copy is an action of its own. */
export class Copies {
  readonly #parts: ImageParts;

  constructor(parts: ImageParts) {
    this.#parts = parts;
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

  /** Tries failed copies once more, or makes one in the given store. Gives the ids of the actions. */
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
      const wanted = (storeIds ?? failed).filter((id) => !held.includes(id));
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

  /** Copies the bytes from a store that has them. May be repeated. */
  async copy(
    imageId: string,
    storeId: string,
    options: { signal: AbortSignal; progress(percent: number): void },
  ): Promise<{ size: number; installPath: string }> {
    const { core, rows, stores } = this.#parts;
    const image = await rows.image(imageId);
    const source = (await rows.replicas([imageId])).find(({ state }) => state === 'active');
    if (!image || !source) throw notFound('image', imageId);
    const stall = new AbortController();
    let copied = 0;
    let seen = 0;
    let seenAt = core.env.now();
    const stopChecking = core.env.every(stallCheckMs, () => {
      if (copied !== seen) [seen, seenAt] = [copied, core.env.now()];
      if (core.env.now() - seenAt > stallLimit) stall.abort();
    });
    try {
      const stored = await stores.driver(storeId).put(imageId, await stores.driver(source.storeId).read(imageId), {
        signal: AbortSignal.any([options.signal, stall.signal]),
        expectedSize: image.size ?? undefined,
        onChunk: (chunk) => {
          copied += chunk.length;
          options.progress(image.size ? (copied / image.size) * 100 : 0);
        },
      });
      if (stored.checksums.sha512 !== image.hashValue) throw new Error('the copy is not what the original is');
      return stored;
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      throw new CloudError('unavailable', stall.signal.aborted ? `${copyTimedOut}: ${message}` : message, {
        reason: error instanceof StoreError ? error.code : 'copy_failed',
        cause: error,
      });
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

  async discard({ imageId, storeId }: { imageId: string; storeId: string }): Promise<void> {
    if (this.#parts.stores.find(storeId)) await this.#parts.stores.driver(storeId).delete(imageId);
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
