import type { Tx } from '../../database/database.ts';
import { newId } from '../../env/env.ts';
import { CloudError, notFound } from '../errors.ts';
import type { Subject } from '../identity/subject.ts';
import { activate } from './activation.ts';
import type { Copies } from './copies.ts';
import { newImageRow } from './creation.ts';
import type { Deletion } from './deletion.ts';
import { type EmptyInput, emptyImage } from './empty-action.ts';
import { inspectStored } from './inspect-stored.ts';
import type { Image, NewImage } from './model.ts';
import type { ImageParts } from './parts.ts';
import { type ReceivedImage, receiveFailure, receiveImage } from './receive.ts';
import { dropReplicas, putReplica } from './rows.ts';

export interface NewTemplate extends NewImage {
  diskFormat: 'qcow2' | 'raw';
  /** Where to put it; the default store where nothing is said. The first one takes the bytes, the others copies. */
  storeIds?: readonly string[];
  /** Preferably a store of this zone. */
  zoneId?: string;
}

/**
 * Images that are made of disks. The action that makes one (a server's snapshot, a volume's template) begins it in the
 * transaction in which it is asked for, lets a host export the disk to `stage`, and then either adopts and completes it
 * or lets it fail. An image that is deleted meanwhile makes `complete` throw, so that the action unwinds.
 */
export class Templates {
  readonly #parts: ImageParts;
  readonly #copies: Copies;
  readonly #deletion: Deletion;

  constructor(parts: ImageParts, copies: Copies, deletion: Deletion) {
    this.#parts = parts;
    this.#copies = copies;
    this.#deletion = deletion;
  }

  /** Registers the image, `saving`. Throws `duplicate`, `quota_exceeded`, `unavailable` (no store). */
  async begin(tx: Tx, subject: Subject, template: NewTemplate): Promise<Image> {
    const { core, stores, rows } = this.#parts;
    const { storeIds, zoneId, ...rest } = template;
    const chosen = stores.choose({ storeIds, zoneId });
    const image = { containerFormat: 'bare', visibility: 'private' as const, ...rest };
    const id = rest.id ?? newId(core.env);
    await newImageRow(tx, core, subject, { ...image, id }, 'saving');
    for (const store of chosen) {
      await putReplica(tx, { imageId: id, storeId: store.id, now: core.env.now() }, 'pending');
    }
    return (await rows.image(id, tx))!;
  }

  /**
   * Registers an image of no bytes: one that says by its properties what servers are made of. It is active when its action
   * has ended. Throws as `begin` does.
   */
  async beginEmpty(tx: Tx, subject: Subject, template: NewImage): Promise<{ image: Image; actionId: string }> {
    const image = await this.begin(tx, subject, { ...template, diskFormat: 'raw' });
    const [replica] = await this.#parts.rows.replicas([image.id], tx);
    const actionId = await this.#parts.core.runner.submit(tx, emptyImage, {
      input: { imageId: image.id, storeId: replica!.storeId },
      name: 'emptyImage',
      resourceType: 'image',
      resourceId: image.id,
      projectId: image.projectId,
      userId: image.userId,
      requestId: subject.requestId,
    });
    return { image, actionId };
  }

  /** Puts no bytes into the store, and says what these hash to. May be repeated. */
  async storeNothing({ imageId, storeId }: EmptyInput, signal: AbortSignal): Promise<ReceivedImage> {
    const driver = this.#parts.stores.driver(storeId);
    return await receiveImage(driver, nothing(), { imageId, diskFormat: 'raw', maxSize: 0, signal });
  }

  /** The file that a host is to export the disk to. The same at every call, for the same image. */
  async stage(imageId: string): Promise<{ storeId: string; path: string }> {
    const storeId = await this.#firstStore(imageId);
    return { storeId, ...(await this.#parts.stores.driver(storeId).stage(imageId)) };
  }

  /** Takes in what the host has exported: hashes and inspects it. May be repeated. */
  async adopt(
    imageId: string,
    staged: { storeId: string; path: string },
    signal?: AbortSignal,
  ): Promise<ReceivedImage> {
    const { stores, rows } = this.#parts;
    const image = await rows.image(imageId);
    if (!image?.diskFormat) throw notFound('image', imageId);
    const driver = stores.driver(staged.storeId);
    try {
      const stored = await driver.adopt(imageId, staged.path, { signal });
      return { ...stored, inspection: await inspectStored(driver, imageId, stored.size, image.diskFormat, 'use') };
    } catch (error) {
      throw receiveFailure(error);
    }
  }

  /** Makes the image active, and asks for its copies. Throws `conflict` (`deleted_meanwhile`). */
  async complete(
    tx: Tx,
    imageId: string,
    adopted: ReceivedImage & { storeId: string },
    by: { requestId: string },
  ): Promise<void> {
    const { rows } = this.#parts;
    const registered = await rows.replicas([imageId], tx);
    const at = { imageId, storeId: adopted.storeId, from: 'saving' as const, requestId: by.requestId };
    if (!(await activate(tx, { parts: this.#parts, copies: this.#copies }, at, adopted))) {
      throw new CloudError('conflict', `Image ${imageId} was deleted while it was made.`, {
        reason: 'deleted_meanwhile',
      });
    }
    const image = (await rows.image(imageId, tx))!;
    for (const { storeId } of registered) {
      if (storeId !== adopted.storeId) await this.#copies.request(tx, image, storeId, by);
    }
  }

  /** Takes `complete` back, before `discard` and `fail`: for undo. Does nothing to an image that is not active. */
  async retract(tx: Tx, imageId: string): Promise<void> {
    const { core, rows } = this.#parts;
    const changed = await tx
      .updateTable('images')
      .set({ status: 'saving', updated_at: core.env.now() })
      .where('id', '=', imageId)
      .where('status', 'in', ['active', 'deactivated'])
      .executeTakeFirst();
    if (changed.numUpdatedRows === 0n) return;
    const replicas = await rows.replicas([imageId], tx);
    const made = replicas.find(({ state }) => state === 'active');
    // Copies that are under way find that nobody waits for them, and take themselves back.
    await dropReplicas(
      tx,
      imageId,
      replicas.map(({ storeId }) => storeId).filter((id) => id !== made?.storeId),
    );
    if (made) await putReplica(tx, { imageId, storeId: made.storeId, now: core.env.now() }, 'pending');
  }

  /** Removes an image that only the cloud itself needed, as that of a shelved server, at once and for good. */
  async retire(tx: Tx, imageId: string): Promise<void> {
    await this.#deletion.retire(tx, imageId);
  }

  /** Takes back the registration: of an image that could not be made nothing stays. */
  async fail(tx: Tx, imageId: string, reason: string): Promise<void> {
    const now = this.#parts.core.env.now();
    const changed = await tx
      .updateTable('images')
      .set({ status: 'expunged', deleted_at: now, updated_at: now, last_error: reason })
      .where('id', '=', imageId)
      .where('status', 'in', ['saving', 'importing', 'queued'])
      .executeTakeFirst();
    if (changed.numUpdatedRows > 0n) await dropReplicas(tx, imageId);
  }

  /** Removes what a host has exported, and what was adopted of it: for undo, before `fail`. May be repeated. */
  async discard(imageId: string, staged?: { storeId: string } | null): Promise<void> {
    const { stores, rows } = this.#parts;
    const row = await rows.row(imageId);
    if (row && row.status !== 'saving' && row.status !== 'expunged') return;
    const replicas = await rows.replicas([imageId]);
    const storeIds = staged ? [staged.storeId] : replicas.map(({ storeId }) => storeId);
    for (const id of storeIds) if (stores.find(id)) await stores.driver(id).delete(imageId);
  }

  async #firstStore(imageId: string): Promise<string> {
    const replica = (await this.#parts.rows.replicas([imageId])).find(({ state }) => state === 'pending');
    if (!replica) throw notFound('image', imageId);
    return replica.storeId;
  }
}

async function* nothing(): AsyncGenerator<Buffer> {}
