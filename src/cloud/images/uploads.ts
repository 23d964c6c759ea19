import type { StoredUpload } from '../../image-stores/store.ts';
import { CloudError } from '../errors.ts';
import type { Subject } from '../identity/subject.ts';
import { activateAsReceived } from './activation.ts';
import type { Copies } from './copies.ts';
import { type Image, isGone } from './model.ts';
import type { ImageParts } from './parts.ts';
import { checkImageQuota } from './quota.ts';
import {
  goneMeanwhile,
  type ReceivedImage,
  type ReceiveOptions,
  receiveFailure,
  receiveImage,
  tooLarge,
} from './receive.ts';
import { mayKnow, noSuchImage, requireOwner } from './rights.ts';
import { dropReplicas, putReplica } from './rows.ts';

export interface UploadOptions {
  /** What the client says the size will be; another one ends the upload. */
  sizeHint?: number;
  /** The store to put it in, where it is not the default. */
  storeId?: string;
  signal?: AbortSignal;
  /** Told of every chunk of the source that is not needed any more; it may be of none. */
  onTaken?: (chunk: Buffer) => void;
}

/** Bytes that are in a store and not judged yet. */
export type StagedImage = StoredUpload & { storeId: string };

type TakeOptions = Omit<ReceiveOptions, 'diskFormat'> & Required<Pick<ReceiveOptions, 'onBytes'>>;

/** An upload shows every so often that it is alive, milliseconds. */
const heartbeatMs = 5000;
/** An upload whose process has not shown this for so long is dead, microseconds. */
const deadAfter = 60_000_000;
/** An upload that brings no bytes for so long is given up, microseconds. */
const idleLimit = 300_000_000;

/** One upload under way in this process. */
interface Live {
  abort: AbortController;
  /** What the image is meanwhile: `uploading` where the bytes are only staged for an import. */
  status: 'saving' | 'uploading';
  storeId: string;
  /** Tells this upload from another one of the same image. */
  startedAt: number;
  bytes: number;
  lastBytesAt: number;
}

/** Brings the bytes that users send into a store: `queued` → `saving` → `active`, or back to `queued`. */
export class Uploads {
  readonly #parts: ImageParts;
  readonly #copies: Copies;
  readonly #live = new Map<string, Live>();

  constructor(parts: ImageParts, copies: Copies) {
    this.#parts = parts;
    this.#copies = copies;
  }

  /**
   * Takes the image's bytes. All that can be checked before is checked before the first of them is read. Throws
   * `not_found`, `forbidden`, `conflict` (not queued; `deleted_meanwhile`), `too_large`, `quota_exceeded`,
   * `unsupported_media`, `invalid` (the data broke off, or has another size), `unavailable`.
   */
  async upload(subject: Subject, id: string, source: AsyncIterable<Buffer>, options: UploadOptions): Promise<Image> {
    return await this.#take(subject, id, 'saving', options, async (live, diskFormat, receiveOptions) => {
      const driver = this.#parts.stores.driver(live.storeId);
      const received = await receiveImage(driver, source, { ...receiveOptions, diskFormat });
      return await this.#finish(subject, id, live, received);
    });
  }

  /**
   * Takes bytes that an import will judge (Glance's `stage`): the image is `uploading` from the first of them until it
   * is imported. Throws what `upload` throws.
   */
  async stage(subject: Subject, id: string, source: AsyncIterable<Buffer>, options: UploadOptions): Promise<Image> {
    return await this.#take(subject, id, 'uploading', options, async (live, _format, receiveOptions) => {
      const { stores } = this.#parts;
      const { maxSize, expectedSize, signal, onBytes, onTaken } = receiveOptions;
      let bytes = 0;
      const stored = await stores.driver(live.storeId).put(id, source, {
        signal,
        expectedSize,
        onTaken,
        onChunk(chunk) {
          bytes += chunk.length;
          if (bytes > maxSize) throw tooLarge(maxSize);
          onBytes(bytes);
        },
      });
      return await this.#finishStage(id, live, stored);
    });
  }

  async #take(
    subject: Subject,
    id: string,
    status: Live['status'],
    options: UploadOptions,
    receive: (live: Live, diskFormat: string, options: TakeOptions) => Promise<Image>,
  ): Promise<Image> {
    const { core, stores } = this.#parts;
    const { sizeHint, storeId } = options;
    if (sizeHint !== undefined && sizeHint > core.settings.maxImageSize) throw tooLarge(core.settings.maxImageSize);
    const [store] = stores.choose(storeId === undefined ? {} : { storeIds: [storeId] });
    const startedAt = core.env.now();
    const diskFormat = await this.#begin(subject, id, { status, storeId: store.id, startedAt, sizeHint });
    const live: Live = {
      abort: new AbortController(),
      status,
      storeId: store.id,
      startedAt,
      bytes: 0,
      lastBytesAt: startedAt,
    };
    this.#live.set(id, live);
    const stopBeating = core.env.every(heartbeatMs, () => void this.#beat(id, live, sizeHint));
    try {
      return await receive(live, diskFormat, {
        imageId: id,
        maxSize: core.settings.maxImageSize,
        expectedSize: sizeHint,
        onTaken: options.onTaken,
        signal: options.signal ? AbortSignal.any([options.signal, live.abort.signal]) : live.abort.signal,
        onBytes: (bytes) => {
          live.bytes = bytes;
          live.lastBytesAt = core.env.now();
        },
      });
    } catch (error) {
      throw await this.#giveUp(id, live, receiveFailure(error));
    } finally {
      stopBeating();
      this.#live.delete(id);
    }
  }

  /** Ends the upload of a deleted image, if it is this process that does it. */
  abort(id: string): void {
    this.#live.get(id)?.abort.abort(goneMeanwhile());
  }

  /** Ends all uploads of this process: their images are queued again. */
  abortAll(): void {
    const reason = new CloudError('unavailable', 'The cloud is being stopped.');
    for (const { abort } of this.#live.values()) abort.abort(reason);
  }

  /**
   * Puts images back to `queued` whose upload died with its process, and takes back what it brought. With SQLite there is
   * one process, so every upload that is not its own is dead. Returns how many there were.
   */
  async recoverInterrupted(): Promise<number> {
    const { core } = this.#parts;
    const deadline = core.env.now() - deadAfter;
    const rows = await core.db.read
      .selectFrom('images')
      .innerJoin('image_replicas', 'image_replicas.image_id', 'images.id')
      .select(['images.id', 'image_replicas.store_id', 'image_replicas.created_at', 'image_replicas.updated_at'])
      .where('images.status', 'in', ['saving', 'uploading'])
      .where('image_replicas.state', '=', 'copying')
      // What comes in parts waits for whoever goes on.
      .where((e) =>
        e.not(e.exists(e.selectFrom('image_uploads').select('image_id').whereRef('image_id', '=', 'images.id'))),
      )
      .limit(1000)
      .execute();
    let recovered = 0;
    for (const row of rows) {
      if (this.#live.has(row.id) || (core.db.kind === 'postgres' && row.updated_at > deadline)) continue;
      // As long as the image waits for these bytes, nobody else begins an upload whose bytes these could be.
      await this.#takeBack(row.id, row.store_id);
      const isMine = await this.#requeue(row.id, row.store_id, row.created_at, 'The upload was interrupted.');
      if (!isMine) continue;
      recovered += 1;
      core.log.warn({ imageId: row.id }, 'an upload was cut off by the end of its process; the image is queued again');
    }
    return recovered;
  }

  async #begin(
    subject: Subject,
    id: string,
    upload: Pick<Live, 'status' | 'storeId' | 'startedAt'> & { sizeHint?: number },
  ): Promise<string> {
    const { core, rows } = this.#parts;
    return await core.db.write(async (tx) => {
      const image = await rows.imageForUpdate(id, tx);
      if (!image || isGone(image) || !(await mayKnow(rows, subject, image, tx))) throw noSuchImage(id);
      requireOwner(subject, image, 'upload data for');
      if (image.status !== 'queued') throw notQueued(image, upload.status);
      if (upload.status === 'saving' && !(image.diskFormat && image.containerFormat)) {
        throw new CloudError('invalid', 'Properties disk_format, container_format must be set prior to saving data.', {
          reason: 'formats_missing',
        });
      }
      await checkImageQuota(core, tx, image.projectId, upload.sizeHint ?? 0);
      await tx
        .updateTable('images')
        .set({
          status: upload.status,
          size: upload.sizeHint ?? null,
          last_error: null,
          failed_import: null,
          updated_at: upload.startedAt,
        })
        .where('id', '=', id)
        .execute();
      await dropReplicas(tx, id);
      await putReplica(tx, { imageId: id, storeId: upload.storeId, now: upload.startedAt }, 'copying');
      return image.diskFormat ?? 'raw';
    });
  }

  async #finish(subject: Subject, id: string, live: Live, received: ReceivedImage): Promise<Image> {
    const { core } = this.#parts;
    const { storeId, startedAt } = live;
    return await core.db.write(async (tx) => {
      if (!(await this.#holds(tx, id, storeId, startedAt))) throw goneMeanwhile();
      const at = { imageId: id, storeId, from: 'saving' as const, requestId: subject.requestId };
      const { image } = await activateAsReceived(tx, { parts: this.#parts, copies: this.#copies }, at, received);
      return image;
    });
  }

  async #finishStage(id: string, live: Live, stored: StoredUpload): Promise<Image> {
    const { core, rows } = this.#parts;
    const { storeId, startedAt } = live;
    const staged: StagedImage = { ...stored, storeId };
    return await core.db.write(async (tx) => {
      if (!(await this.#holds(tx, id, storeId, startedAt))) throw goneMeanwhile();
      const now = core.env.now();
      const changed = await tx
        .updateTable('images')
        .set({ staged: JSON.stringify(staged), size: stored.size, updated_at: now })
        .where('id', '=', id)
        .where('status', '=', 'uploading')
        .executeTakeFirst();
      if (changed.numUpdatedRows === 0n) throw goneMeanwhile();
      await tx
        .updateTable('image_replicas')
        .set({ state: 'pending', progress: 0, updated_at: now })
        .where('image_id', '=', id)
        .where('store_id', '=', storeId)
        .execute();
      const image = (await rows.image(id, tx))!;
      await checkImageQuota(core, tx, image.projectId);
      return image;
    });
  }

  /** Leaves nothing of a failed upload behind; gives the error to throw. */
  async #giveUp(id: string, live: Live, error: CloudError): Promise<CloudError> {
    const { core, rows } = this.#parts;
    try {
      const isMine = await core.db.read
        .selectFrom('image_replicas')
        .select('state')
        .where('image_id', '=', id)
        .where('created_at', '=', live.startedAt)
        .executeTakeFirst();
      const row = await rows.row(id);
      if (isMine || !row || isGone(row)) await this.#takeBack(id, live.storeId);
      const requeued = await this.#requeue(id, live.storeId, live.startedAt, error.message);
      return requeued || error.code === 'unavailable' ? error : goneMeanwhile(error);
    } catch (cleanup) {
      core.log.error({ err: cleanup, imageId: id }, 'a failed upload could not be put back; that is tried again soon');
      return error;
    }
  }

  /**
   * Removes what an upload has brought. A store that is away keeps neither the image nor the cloud from going on: once the
   * copy's row is gone the bytes are nobody's, and are removed as such later.
   */
  async #takeBack(id: string, storeId: string): Promise<void> {
    const { core, stores } = this.#parts;
    try {
      if (stores.find(storeId)) await stores.driver(storeId).delete(id);
    } catch (error) {
      core.log.warn({ err: error, imageId: id, storeId }, 'what an upload has left in its store is removed later');
    }
  }

  async #requeue(id: string, storeId: string, startedAt: number, reason: string): Promise<boolean> {
    const { core } = this.#parts;
    return await core.db.write(async (tx) => {
      if (!(await this.#holds(tx, id, storeId, startedAt))) return false;
      await dropReplicas(tx, id);
      const changed = await tx
        .updateTable('images')
        .set({ status: 'queued', size: null, virtual_size: null, last_error: reason, updated_at: core.env.now() })
        .where('id', '=', id)
        .where('status', 'in', ['saving', 'uploading'])
        .executeTakeFirst();
      return changed.numUpdatedRows > 0n;
    });
  }

  /** Whether the image still waits for this very upload. */
  async #holds(
    tx: Parameters<typeof dropReplicas>[0],
    id: string,
    storeId: string,
    startedAt: number,
  ): Promise<boolean> {
    const row = await tx
      .selectFrom('image_replicas')
      .select('state')
      .where('image_id', '=', id)
      .where('store_id', '=', storeId)
      .where('created_at', '=', startedAt)
      .where('state', '=', 'copying')
      .executeTakeFirst();
    return row !== undefined;
  }

  async #beat(id: string, live: Live, sizeHint: number | undefined): Promise<void> {
    const { core } = this.#parts;
    const now = core.env.now();
    if (now - live.lastBytesAt > idleLimit) {
      live.abort.abort(new CloudError('invalid', 'The image data stopped coming.', { reason: 'source_failed' }));
      return;
    }
    const progress = sizeHint ? Math.floor((live.bytes / sizeHint) * 100) : 0;
    try {
      const alive = await core.db.write((tx) =>
        tx
          .updateTable('image_replicas')
          .set({ updated_at: now, progress })
          .where('image_id', '=', id)
          .where('created_at', '=', live.startedAt)
          .where('state', '=', 'copying')
          .executeTakeFirst(),
      );
      // Deleted by another process; or finished this very moment, when there is nothing left to end.
      if (alive.numUpdatedRows === 0n) live.abort.abort(goneMeanwhile());
    } catch (error) {
      core.log.warn({ err: error, imageId: id }, 'an upload could not show that it is alive');
    }
  }
}

function notQueued(image: Image, wanted: string): CloudError {
  return new CloudError('conflict', `Image status transition from ${image.status} to ${wanted} is not allowed`, {
    reason: 'image_not_queued',
    id: image.id,
  });
}
