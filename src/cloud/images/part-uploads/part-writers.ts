import type { Tx } from '../../../database/database.ts';
import type { ImageUploadsTable } from '../../../database/schema.ts';
import { newId } from '../../../env/env.ts';
import { createHasher } from '../../../image-stores/hashing/hasher.ts';
import { PartFile, partFileSize } from '../../../image-stores/part-file.ts';
import { ChunkReader } from '../../../image-stores/receive.ts';
import { CloudError, notFound } from '../../errors.ts';
import type { ImageParts } from '../parts.ts';
import { checkImageQuota } from '../quota.ts';
import { goneMeanwhile, receiveFailure, tooLarge } from '../receive.ts';
import { type Part, type PartUpload, uploadFromRow } from './model.ts';
import { assembleImage } from './upload-action.ts';

/** After so many bytes they are brought to stable storage, and count. */
const noteLength = 32 * 1024 * 1024;
/** A writer renews its claim so often, milliseconds, and loses it after so long, microseconds. */
const beatMs = 5000;
const claimLength = 60_000_000;
/** A connection that brings nothing for so long is given up, microseconds; the upload itself goes on later. */
const silenceLimit = 300_000_000;

/** Whoever writes a part: one at a time for each image, over all processes. */
export class PartWriters {
  readonly #parts: ImageParts;
  readonly #live = new Map<string, { abort: AbortController; ended: Promise<unknown> }>();

  constructor(parts: ImageParts) {
    this.#parts = parts;
  }

  async write(imageId: string, part: Part, source: AsyncIterable<Buffer>): Promise<PartUpload> {
    if (this.#live.has(imageId)) throw busy(imageId);
    const abort = new AbortController();
    const work = this.#claimAndWrite(imageId, part, source, abort);
    this.#live.set(imageId, { abort, ended: work.catch(() => {}) });
    try {
      return await work;
    } catch (error) {
      throw receiveFailure(error);
    } finally {
      this.#live.delete(imageId);
    }
  }

  /** Ends the writing of an image's upload by this process, and waits for that. */
  async end(imageId: string): Promise<void> {
    const live = this.#live.get(imageId);
    live?.abort.abort(goneMeanwhile());
    await live?.ended;
  }

  abortAll(): void {
    const reason = new CloudError('unavailable', 'The cloud is being stopped.');
    for (const { abort } of this.#live.values()) abort.abort(reason);
  }

  async #claimAndWrite(
    imageId: string,
    part: Part,
    source: AsyncIterable<Buffer>,
    abort: AbortController,
  ): Promise<PartUpload> {
    const { core, stores } = this.#parts;
    const writer = newId(core.env);
    const { row, isThere } = await this.#claim(imageId, writer, part);
    if (isThere) return uploadFromRow(row);
    const arrival = { lastAt: core.env.now() };
    const stopBeating = core.env.every(beatMs, () => {
      if (core.env.now() - arrival.lastAt > silenceLimit) abort.abort(silent());
      else void this.#beat(row, writer, abort);
    });
    const onBytes = () => {
      arrival.lastAt = core.env.now();
    };
    try {
      const { path } = await stores.driver(row.store_id).stage(imageId);
      return await this.#writeAt(path, { row, writer, part, onBytes }, source, abort.signal);
    } finally {
      stopBeating();
      await this.#release(imageId, writer);
    }
  }

  /** Takes the upload for this writer, at the offset at which it goes on. */
  async #claim(imageId: string, writer: string, part: Part): Promise<{ row: ImageUploadsTable; isThere: boolean }> {
    const { core, stores } = this.#parts;
    const known = await core.db.read
      .selectFrom('image_uploads')
      .selectAll()
      .where('image_id', '=', imageId)
      .executeTakeFirst();
    if (!known) throw notFound('upload', imageId, `Image ${imageId} has no upload that could go on.`);
    // Where the file was lost, as with the disk of the process that took it, the upload begins anew.
    const there = await partFileSize((await stores.driver(known.store_id).stage(imageId)).path);
    return await core.db.write(async (tx) => {
      const row = await this.#rowForUpdate(tx, imageId);
      if (!row) throw notFound('upload', imageId, `Image ${imageId} has no upload that could go on.`);
      const now = core.env.now();
      if (row.writing_until > now) throw busy(imageId);
      const size = row.size ?? (await this.#sized(tx, row, part.size));
      const received = row.state === 'receiving' && there < row.received ? 0 : row.received;
      if (part.offset > received) throw wrongOffset(imageId, received);
      // A client that did not hear of its success says the same again.
      if (row.state === 'checking' || (received === size && received > 0)) return { row, isThere: true };
      const set = { size, received, writer, writing_until: now + claimLength, expires_at: now + row.idle_limit };
      await tx.updateTable('image_uploads').set(set).where('image_id', '=', imageId).execute();
      return { row: { ...row, ...set }, isThere: false };
    });
  }

  /** The size that a first part announces. */
  async #sized(tx: Tx, row: ImageUploadsTable, size: number | undefined): Promise<number> {
    const { core } = this.#parts;
    if (size === undefined) {
      throw new CloudError('invalid', 'The first part has to say the size of the whole upload.', {
        reason: 'size_missing',
        field: 'size',
      });
    }
    if (size > core.settings.maxImageSize) throw tooLarge(core.settings.maxImageSize);
    const image = await tx.selectFrom('images').select('project_id').where('id', '=', row.image_id).executeTakeFirst();
    if (!image) throw goneMeanwhile();
    await tx.updateTable('images').set({ size }).where('id', '=', row.image_id).execute();
    await checkImageQuota(core, tx, image.project_id);
    return size;
  }

  async #writeAt(
    path: string,
    { row, writer, part, onBytes }: { row: ImageUploadsTable; writer: string; part: Part; onBytes: () => void },
    source: AsyncIterable<Buffer>,
    signal: AbortSignal,
  ): Promise<PartUpload> {
    const size = row.size!;
    const file = await PartFile.open(path, row.received);
    const chunks = new ChunkReader(source, signal);
    const hasher = part.md5 === undefined ? undefined : createHasher(['md5']);
    let noted = row.received;
    let at = part.offset;
    let isWhole = false;
    const note = async () => {
      await file.sync();
      if (file.position === noted) return;
      noted = file.position;
      await this.#note(row.image_id, writer, noted, size);
    };
    try {
      for (let chunk = await chunks.next(); chunk; chunk = await chunks.next()) {
        await hasher?.update(chunk);
        at += chunk.length;
        if (at > size) throw tooMuch(size);
        // What is there already comes once more where its answer was lost.
        if (at <= file.position) continue;
        await file.append(chunk.subarray(Math.max(0, chunk.length - (at - file.position))));
        onBytes();
        if (!hasher && file.position - noted >= noteLength) await note();
      }
      if (hasher && (await hasher.digest()).md5 !== part.md5) throw wrongMd5();
      isWhole = true;
    } finally {
      chunks.close();
      hasher?.close();
      // Also what came of a part that broke off counts, unless it was to be held against its md5.
      try {
        if (isWhole || !hasher) await note();
      } finally {
        await file.close();
      }
    }
    return uploadFromRow({ ...row, received: noted, state: noted === size ? 'checking' : 'receiving' });
  }

  /** Writes down how far the upload is; with its last byte the action begins that makes an image of it. */
  async #note(imageId: string, writer: string, received: number, size: number): Promise<void> {
    const { core } = this.#parts;
    await core.db.write(async (tx) => {
      const row = await this.#rowForUpdate(tx, imageId);
      // Deleted, or taken over by another writer after this one was silent for too long.
      if (!row || row.writer !== writer) throw goneMeanwhile();
      const now = core.env.now();
      const state = received === size ? ('checking' as const) : row.state;
      const expires_at = now + row.idle_limit;
      await tx
        .updateTable('image_uploads')
        .set({ received, state, updated_at: now, expires_at })
        .where('image_id', '=', imageId)
        .execute();
      const progress = size === 0 ? 0 : Math.floor((received / size) * 100);
      await tx
        .updateTable('image_replicas')
        .set({ progress, updated_at: now })
        .where('image_id', '=', imageId)
        .where('store_id', '=', row.store_id)
        .execute();
      if (state === 'checking') await this.#assemble(tx, row, size);
    });
  }

  async #assemble(tx: Tx, row: ImageUploadsTable, size: number): Promise<void> {
    const { project_id } = await tx
      .selectFrom('images')
      .select('project_id')
      .where('id', '=', row.image_id)
      .executeTakeFirstOrThrow();
    await this.#parts.core.runner.submit(tx, assembleImage, {
      input: {
        imageId: row.image_id,
        storeId: row.store_id,
        size,
        removeOnFailure: row.remove_on_failure === 1,
      },
      name: 'uploadImage',
      resourceType: 'image',
      resourceId: row.image_id,
      projectId: project_id,
      userId: row.user_id,
      requestId: row.request_id,
    });
  }

  async #rowForUpdate(tx: Tx, imageId: string): Promise<ImageUploadsTable | undefined> {
    const query = tx.selectFrom('image_uploads').selectAll().where('image_id', '=', imageId);
    return await query.forUpdate().executeTakeFirst();
  }

  async #beat(row: ImageUploadsTable, writer: string, abort: AbortController): Promise<void> {
    const { core } = this.#parts;
    const now = core.env.now();
    try {
      const alive = await core.db.write((tx) =>
        tx
          .updateTable('image_uploads')
          .set({ writing_until: now + claimLength })
          .where('image_id', '=', row.image_id)
          .where('writer', '=', writer)
          .executeTakeFirst(),
      );
      if (alive.numUpdatedRows === 0n) abort.abort(goneMeanwhile());
    } catch (error) {
      core.log.warn({ err: error, imageId: row.image_id }, 'an upload could not show that it is alive');
    }
  }

  async #release(imageId: string, writer: string): Promise<void> {
    await this.#parts.core.db.write((tx) =>
      tx
        .updateTable('image_uploads')
        .set({ writer: null, writing_until: 0 })
        .where('image_id', '=', imageId)
        .where('writer', '=', writer)
        .execute(),
    );
  }
}

function busy(id: string): CloudError {
  return new CloudError('conflict', `Another part of the upload of image ${id} is coming.`, { reason: 'busy', id });
}

function wrongOffset(id: string, offset: number): CloudError {
  return new CloudError('conflict', `The upload of image ${id} goes on at byte ${offset}.`, {
    reason: 'wrong_offset',
    id,
  });
}

function tooMuch(size: number): CloudError {
  return new CloudError('invalid', `The upload has ${size} bytes, and more have come.`, { reason: 'size_mismatch' });
}

function wrongMd5(): CloudError {
  return new CloudError('invalid', 'The part is not what its md5 says: send it again.', { reason: 'wrong_md5' });
}

function silent(): CloudError {
  return new CloudError('invalid', 'The image data stopped coming.', { reason: 'source_failed' });
}
