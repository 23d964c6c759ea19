import type { Tx } from '../../database/database.ts';
import type { ImagesTable } from '../../database/schema.ts';
import { newId, withDashes } from '../../env/env.ts';
import type { ImageStore } from '../../image-stores/store.ts';
import { CloudError } from '../errors.ts';
import type { Subject } from '../identity/subject.ts';
import type { Copies } from './copies.ts';
import { discardBytes } from './discard-bytes.ts';
import { expungeImage } from './expunge-action.ts';
import { type Image, type ImageReplica, isGone, propertiesJson } from './model.ts';
import type { ImageParts } from './parts.ts';
import { mayKnow, noSuchImage, requireOwner } from './rights.ts';
import { dropReplicas } from './rows.ts';

const second = 1_000_000;
/** Ways of `imageDeletion` besides the usual one. */
const direct = 0;
const never = 2;
/** Images whose retention has ended that one run removes. */
const maxExpungedPerActivation = 100;

/**
 * The end of images. `delete` hides an image and keeps its bytes until its retention ends, or as the cloud's policy has
 * it; `recover` takes that back; `expunge` removes the bytes and leaves a row, so that the id is never used again.
 */
export class Deletion {
  readonly #parts: ImageParts;
  readonly #copies: Copies;
  readonly #endUploads: (imageId: string) => void;

  constructor(parts: ImageParts, copies: Copies, endUploads: (imageId: string) => void) {
    this.#parts = parts;
    this.#copies = copies;
    this.#endUploads = endUploads;
  }

  /**
   * Deletes the image, or only its copies in the given stores: with the last one the image goes. One without bytes is
   * gone for good at once. Throws `not_found`, `forbidden` (not the owner; `protected`), `invalid` (a store without it).
   */
  async delete(subject: Subject, id: string, storeIds?: readonly string[]): Promise<void> {
    const { core, rows } = this.#parts;
    await core.db.write(async (tx) => {
      const found = await rows.imageForUpdate(id, tx);
      const { image, replicas, chosen, left } = await this.#chosen(subject, { id, image: found }, storeIds, tx);
      const empty = chosen.filter(({ state }) => state !== 'active' && state !== 'deleted');
      await dropReplicas(
        tx,
        id,
        empty.map(({ storeId }) => storeId),
      );
      await this.#setReplicas(tx, id, chosen, 'active', 'deleted');
      if (left.length > 0) await this.#noteExpungeTime(tx, id, {});
      else {
        await core.runner.cancel(tx, id);
        await this.#markDeleted(tx, image, replicas);
        await this.#removeStaged(tx, image, replicas, subject);
        tx.onCommit(() => this.#endUploads(id));
      }
      if (core.settings.imageDeletion === direct) await this.#expungeDeleted(tx, id, subject);
    });
  }

  /** Whether the image would be gone if the subject deleted it so. Throws as `delete` does, and changes nothing. */
  async wouldBeGone(subject: Subject, id: string, storeIds?: readonly string[]): Promise<boolean> {
    const found = await this.#parts.rows.image(id);
    return (await this.#chosen(subject, { id, image: found }, storeIds)).left.length === 0;
  }

  /** The copies that would go, and those that would be left. */
  async #chosen(
    subject: Subject,
    { id, image }: { id: string; image: Image | undefined },
    storeIds: readonly string[] = [],
    tx?: Tx,
  ) {
    const { rows } = this.#parts;
    if (!image || isGone(image) || !(await mayKnow(rows, subject, image, tx))) throw noSuchImage(id);
    requireOwner(subject, image, 'delete');
    if (image.isProtected) throw isProtected(id);
    const replicas = await rows.replicas([id], tx);
    const chosen = storeIds.length > 0 ? storeIds.map((store) => copyIn(image, replicas, store)) : replicas;
    const left = replicas.filter((replica) => replica.state === 'active' && !chosen.includes(replica));
    return { image, replicas, chosen, left };
  }

  async #expungeDeleted(tx: Tx, id: string, by: Subject): Promise<void> {
    const { rows } = this.#parts;
    const image = (await rows.image(id, tx))!;
    const deleted = (await rows.replicas([id], tx)).filter(({ state }) => state === 'deleted');
    if (deleted.length > 0) await this.#expunge(tx, image, deleted, by);
  }

  /**
   * Brings a deleted image back: all of its deleted copies, and those that zones lack since its deletion cut them off, or no
   * more than those in the given stores. Throws `not_found` (never there, or its bytes are gone), `conflict` (`not_deleted`), and for a store of the list `invalid`: `not_on_store` or
   * `copy_not_deleted`, with the store's id as `field`. The first bad one decides, and nothing is changed.
   */
  async recover(subject: Subject, id: string, storeIds?: readonly string[]): Promise<Image> {
    const { core, rows } = this.#parts;
    return await core.db.write(async (tx) => {
      const image = await this.#known(subject, id, tx);
      const chosen = deletedCopies(image, await rows.replicas([id], tx), storeIds);
      await this.#setReplicas(tx, id, chosen, 'deleted', 'active');
      const comesBack = image.status === 'deleted';
      await this.#noteExpungeTime(tx, id, {
        status: comesBack ? (image.wasDeactivated ? 'deactivated' : 'active') : image.status,
        deleted_at: null,
        properties: propertiesJson(image.properties),
      });
      const back = (await rows.image(id, tx))!;
      if (!storeIds?.length) await this.#copies.requestMissing(tx, back, subject);
      return back;
    });
  }

  /** Removes the bytes of deleted copies for good. Which ones, and what it throws, is as with `recover`. */
  async expunge(subject: Subject, id: string, storeIds?: readonly string[]): Promise<{ actionId: string }> {
    const { core, rows } = this.#parts;
    return await core.db.write(async (tx) => {
      const image = await this.#known(subject, id, tx);
      const chosen = deletedCopies(image, await rows.replicas([id], tx), storeIds);
      return { actionId: await this.#expunge(tx, image, chosen, subject) };
    });
  }

  /** Deletes the copy in a store of an image that is in another one, too: as `delete` does, for the cloud itself. */
  async leaveStore(tx: Tx, id: string, storeId: string): Promise<void> {
    const { core, rows } = this.#parts;
    const image = await rows.imageForUpdate(id, tx);
    const active = (await rows.replicas([id], tx)).filter(({ state }) => state === 'active');
    const copy = active.find((one) => one.storeId === storeId);
    if (!image || !copy || active.length < 2) return;
    await this.#setReplicas(tx, id, [copy], 'active', 'deleted');
    await this.#noteExpungeTime(tx, id, {});
    if (core.settings.imageDeletion === direct) await this.#expunge(tx, image, [copy], this.#itself(image));
  }

  /** Removes an image and its bytes without a way back. Does nothing when it is expunged already. */
  async retire(tx: Tx, id: string): Promise<void> {
    const { core, rows } = this.#parts;
    const image = await rows.imageForUpdate(id, tx);
    if (!image || image.status === 'expunged') return;
    await core.runner.cancel(tx, id);
    const now = core.env.now();
    await tx.updateTable('images').set({ deleted_at: now, updated_at: now }).where('id', '=', id).execute();
    await this.#expunge(tx, image, await rows.replicas([id], tx), this.#itself(image));
    tx.onCommit(() => this.#endUploads(id));
  }

  /** Expunges what has been deleted for longer than the retention. */
  async expungeDue(): Promise<{ expunged: number; isComplete: boolean }> {
    const { core, rows } = this.#parts;
    const now = core.env.now();
    const due = await core.db.read
      .selectFrom('images')
      .select('id')
      .where('expunge_at', '<=', now)
      .orderBy('expunge_at')
      .limit(maxExpungedPerActivation)
      .execute();
    for (const { id } of due) {
      await core.db.write(async (tx) => {
        const image = await rows.imageForUpdate(id, tx);
        if (!image || image.expungeAt === null || image.expungeAt > now) return;
        const before = now - core.settings.imageRetention * second;
        const replicas = await rows.replicas([id], tx);
        const chosen = replicas.filter(({ state, updatedAt }) => state === 'deleted' && updatedAt <= before);
        await this.#expunge(tx, image, chosen, this.#itself(image));
      });
    }
    return { expunged: due.length, isComplete: due.length < maxExpungedPerActivation };
  }

  /**
   * The step of `image.expunge`: a store that is no longer part of the cloud has nothing to remove. The copy's row went when
   * this was asked for, so that one which is there is of a later copy.
   */
  async removeBytes(imageId: string, storeId: string): Promise<void> {
    await discardBytes(this.#parts, { imageId, storeId }, { isLate: true });
  }

  /**
   * Removes from the stores what belongs to images without bytes: left by a process that died between a store and the
   * database. Files of images that the database does not know are never touched. To be called before work begins.
   */
  async sweep(): Promise<number> {
    const { core, stores } = this.#parts;
    let removed = 0;
    for (const store of stores.list()) {
      if (store.status !== 'connected') continue;
      const driver = stores.driver(store.id);
      try {
        removed += await this.#sweepStore(driver);
      } catch (error) {
        core.log.warn({ err: error, store: store.name }, 'an image store could not be looked through at the start');
      }
    }
    return removed;
  }

  async #sweepStore(driver: ImageStore): Promise<number> {
    const { core, rows } = this.#parts;
    const { images, others } = await driver.list();
    const ids = new Set([...images, ...others.filter(({ isLive }) => !isLive)].flatMap(({ imageId }) => imageId ?? []));
    let removed = 0;
    for (const id of ids) {
      const row = await rows.row(id);
      if (row?.status !== 'expunged' && row?.status !== 'queued') continue;
      await driver.delete(id);
      removed += 1;
      core.log.warn({ imageId: id, store: driver.name }, 'removed bytes that no image owns');
    }
    return removed;
  }

  /** For actions that nobody asked for. */
  #itself(image: Image): { userId: string; requestId: string } {
    return { userId: image.userId, requestId: `req-${withDashes(newId(this.#parts.core.env))}` };
  }

  async #known(subject: Subject, id: string, tx: Tx): Promise<Image> {
    const { rows } = this.#parts;
    const image = await rows.imageForUpdate(id, tx);
    if (!image || image.status === 'expunged' || !(await mayKnow(rows, subject, image, tx))) throw noSuchImage(id);
    requireOwner(subject, image, 'recover or expunge');
    return image;
  }

  /** What lies in a store, or beside it, without being an image yet. */
  async #removeStaged(tx: Tx, image: Image, replicas: readonly ImageReplica[], by: Subject): Promise<void> {
    const upload = await tx
      .deleteFrom('image_uploads')
      .where('image_id', '=', image.id)
      .returning('store_id')
      .executeTakeFirst();
    const pending = replicas.filter(({ state }) => state === 'pending').map(({ storeId }) => storeId);
    const storeIds = upload ? [upload.store_id] : image.status === 'uploading' ? pending : [];
    if (storeIds.length > 0) await this.#submitExpunge(tx, image, storeIds, by);
  }

  async #markDeleted(tx: Tx, image: Image, replicas: readonly ImageReplica[]): Promise<void> {
    const { core } = this.#parts;
    const now = core.env.now();
    const hasBytes = replicas.some(({ state }) => state === 'active' || state === 'deleted');
    const properties = propertiesJson(image.properties, image.status === 'deactivated');
    const end = { deleted_at: now, updated_at: now, properties };
    if (hasBytes) return await this.#noteExpungeTime(tx, image.id, { status: 'deleted', ...end });
    await tx
      .updateTable('images')
      .set({ status: 'expunged', expunge_at: null, ...end })
      .where('id', '=', image.id)
      .execute();
  }

  async #expunge(
    tx: Tx,
    image: Image,
    chosen: readonly ImageReplica[],
    by: { userId: string; requestId: string },
  ): Promise<string> {
    const { rows } = this.#parts;
    const storeIds = chosen.map(({ storeId }) => storeId);
    await dropReplicas(tx, image.id, storeIds);
    const isLast = (await rows.replicas([image.id], tx)).length === 0;
    await this.#noteExpungeTime(tx, image.id, isLast ? { status: 'expunged' } : {});
    return await this.#submitExpunge(tx, image, storeIds, by);
  }

  async #submitExpunge(
    tx: Tx,
    image: Image,
    storeIds: string[],
    by: { userId: string; requestId: string },
  ): Promise<string> {
    return await this.#parts.core.runner.submit(tx, expungeImage, {
      input: { imageId: image.id, storeIds },
      name: 'expungeImage',
      resourceType: 'image',
      resourceId: image.id,
      projectId: image.projectId,
      userId: by.userId,
      requestId: by.requestId,
    });
  }

  /** Changes the image's row, and notes when the first of its deleted copies is due. */
  async #noteExpungeTime(
    tx: Tx,
    id: string,
    set: Partial<Pick<ImagesTable, 'status' | 'deleted_at' | 'updated_at' | 'properties'>>,
  ): Promise<void> {
    const { core, rows } = this.#parts;
    const deleted = (await rows.replicas([id], tx)).filter(({ state }) => state === 'deleted');
    const first = Math.min(...deleted.map(({ updatedAt }) => updatedAt));
    const isDue = deleted.length > 0 && core.settings.imageDeletion !== never;
    const expungeAt = isDue ? first + core.settings.imageRetention * second : null;
    await tx
      .updateTable('images')
      .set({ updated_at: core.env.now(), ...set, expunge_at: expungeAt })
      .where('id', '=', id)
      .execute();
  }

  async #setReplicas(
    tx: Tx,
    id: string,
    chosen: readonly ImageReplica[],
    from: 'active' | 'deleted',
    to: 'active' | 'deleted',
  ): Promise<void> {
    const storeIds = chosen.filter(({ state }) => state === from).map(({ storeId }) => storeId);
    if (storeIds.length === 0) return;
    await tx
      .updateTable('image_replicas')
      .set({ state: to, updated_at: this.#parts.core.env.now() })
      .where('image_id', '=', id)
      .where('store_id', 'in', storeIds)
      .execute();
  }
}

function deletedCopies(
  image: Image,
  replicas: readonly ImageReplica[],
  storeIds: readonly string[] | undefined,
): ImageReplica[] {
  if (!storeIds || storeIds.length === 0) {
    const deleted = replicas.filter(({ state }) => state === 'deleted');
    if (deleted.length > 0) return deleted;
    throw new CloudError('conflict', `Image ${image.id} is not deleted in any image store.`, {
      reason: 'not_deleted',
      id: image.id,
    });
  }
  return [...new Set(storeIds)].map((storeId) => {
    const replica = copyIn(image, replicas, storeId);
    if (replica.state === 'deleted') return replica;
    throw new CloudError(
      'invalid',
      `The copy of image ${image.id} in store ${storeId} is ${replica.state}, not deleted.`,
      {
        reason: 'copy_not_deleted',
        id: image.id,
        field: storeId,
      },
    );
  });
}

function copyIn(image: Image, replicas: readonly ImageReplica[], storeId: string): ImageReplica {
  const replica = replicas.find((one) => one.storeId === storeId);
  if (replica) return replica;
  throw new CloudError('invalid', `Image ${image.id} is not in the image store ${storeId}.`, {
    reason: 'not_on_store',
    id: image.id,
    field: storeId,
  });
}

function isProtected(id: string): CloudError {
  return new CloudError('forbidden', `Image ${id} is protected and cannot be deleted.`, { reason: 'protected', id });
}
