import type { Tx } from '../../../database/database.ts';
import { withStagedFile } from '../../../image-stores/part-file.ts';
import { StoreError } from '../../../image-stores/store.ts';
import { notFound } from '../../errors.ts';
import { activateAsReceived } from '../activation.ts';
import type { Copies } from '../copies.ts';
import { discardBytes } from '../discard-bytes.ts';
import { importFailure } from '../import-failure.ts';
import { inspectStored } from '../inspect-stored.ts';
import { inspectFile, type ReadableFile } from '../inspection/inspect-file.ts';
import type { Inspection } from '../inspection/policy.ts';
import type { ImageParts } from '../parts.ts';
import type { ReceivedImage } from '../receive.ts';
import { dropReplicas } from '../rows.ts';
import type { AssembleInput } from './upload-action.ts';

/** Makes images of uploads that have come in parts and are complete. */
export class Assembly {
  readonly #parts: ImageParts;
  readonly #copies: Copies;

  constructor(parts: ImageParts, copies: Copies) {
    this.#parts = parts;
    this.#copies = copies;
  }

  /** Inspects what is staged before anything else opens it, then hashes it and puts it into the store. May be repeated. */
  async takeIn({ imageId, storeId, size }: AssembleInput, signal: AbortSignal): Promise<ReceivedImage> {
    const { rows, stores } = this.#parts;
    const image = await rows.image(imageId);
    if (!image) throw notFound('image', imageId);
    const driver = stores.driver(storeId);
    const { path } = await driver.stage(imageId);
    try {
      const staged = await withStagedFile(path, async (file) => await this.#inspect(file, image.diskFormat));
      const stored = await driver.adopt(imageId, path, { signal });
      if (stored.size !== size)
        throw new StoreError('size_mismatch', `The upload has ${stored.size} bytes, not ${size}.`);
      const declared = image.diskFormat ?? 'raw';
      const inspection = staged ?? (await inspectStored(driver, imageId, size, declared, 'upload'));
      return { ...stored, inspection };
    } catch (error) {
      throw importFailure(error);
    }
  }

  /** Bytes that nobody said the format of are held against the rules of what they look like. */
  async #inspect(file: ReadableFile, declared: string | null): Promise<Inspection> {
    const { maxImageSize: maxVirtualSize } = this.#parts.core.settings;
    const options = { policy: 'upload', maxVirtualSize } as const;
    if (declared !== null) return await inspectFile(file, { ...options, declaredFormat: declared });
    const found = await inspectFile(file, { ...options, declaredFormat: 'raw' });
    const [format = 'raw', ...others] = found.detected;
    if (format === 'raw' || format === 'gpt' || others.length > 0) return found;
    return await inspectFile(file, { ...options, declaredFormat: format });
  }

  /** Makes the image active, and asks for its copies. Throws `conflict` (`deleted_meanwhile`). */
  async finish(
    tx: Tx,
    { imageId, storeId }: AssembleInput,
    by: { requestId: string },
    received: ReceivedImage,
  ): Promise<void> {
    const at = { imageId, storeId, from: 'saving' as const, requestId: by.requestId };
    const { image, storeIds } = await activateAsReceived(
      tx,
      { parts: this.#parts, copies: this.#copies },
      at,
      received,
    );
    await tx.deleteFrom('image_uploads').where('image_id', '=', imageId).execute();
    for (const other of storeIds) if (other !== storeId) await this.#copies.request(tx, image, other, by);
  }

  /** Takes back what has come, and what was made of it; see `discardBytes`. */
  async discard(at: Pick<AssembleInput, 'imageId' | 'storeId'>, when: { isLate: boolean }): Promise<void> {
    await discardBytes(this.#parts, at, when);
  }

  /** Forgets the upload; its image is queued again, or goes where it was made for the upload. */
  async fail(
    tx: Tx,
    { imageId, removeOnFailure }: Pick<AssembleInput, 'imageId' | 'removeOnFailure'>,
    reason: string,
  ): Promise<void> {
    const now = this.#parts.core.env.now();
    await tx.deleteFrom('image_uploads').where('image_id', '=', imageId).execute();
    const end = removeOnFailure ? { status: 'expunged' as const, deleted_at: now } : { status: 'queued' as const };
    const changed = await tx
      .updateTable('images')
      .set({ ...end, size: null, virtual_size: null, last_error: reason, updated_at: now })
      .where('id', '=', imageId)
      .where('status', '=', 'saving')
      .executeTakeFirst();
    if (changed.numUpdatedRows > 0n) await dropReplicas(tx, imageId);
  }
}
