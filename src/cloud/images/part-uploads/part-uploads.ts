import type { Queryable, Tx } from '../../../database/database.ts';
import type { ImageUploadsTable } from '../../../database/schema.ts';
import { newId } from '../../../env/env.ts';
import { CloudError, notFound } from '../../errors.ts';
import type { Subject } from '../../identity/subject.ts';
import type { Copies } from '../copies.ts';
import { idTaken, newImageRow } from '../creation.ts';
import { Links, type SignedLink } from '../exports/links.ts';
import { type Image, isGone, type NewImage } from '../model.ts';
import type { ImageParts } from '../parts.ts';
import { checkImageQuota } from '../quota.ts';
import { type ReceivedImage, tooLarge } from '../receive.ts';
import { mayKnow, noSuchImage, requireOwner } from '../rights.ts';
import { dropReplicas, putReplica } from '../rows.ts';
import { Assembly } from './assembly.ts';
import { type NewPartUpload, type Part, type PartUpload, uploadFromRow } from './model.ts';
import { PartWriters } from './part-writers.ts';
import type { AssembleInput } from './upload-action.ts';

const day = 24 * 3600;
const second = 1_000_000;
/** How long a link to an upload is good, seconds; the upload itself usually ends before. */
const linkLifetime = 7 * day;
const maxExpiredPerActivation = 100;

/**
 * Uploads that come in parts and go on where they broke off, also after their process has died: `queued` → `saving` →
 * `active`, or back. The bytes lie where the store has hosts stage files; with the last of them an action begins that
 * makes an image of them.
 */
export class PartUploads {
  readonly #parts: ImageParts;
  readonly #writers: PartWriters;
  readonly #assembly: Assembly;
  readonly #links: Links;

  constructor(parts: ImageParts, copies: Copies) {
    this.#parts = parts;
    this.#writers = new PartWriters(parts);
    this.#assembly = new Assembly(parts, copies);
    this.#links = new Links(parts.core, 'image-upload');
  }

  /**
   * Opens an upload into a queued image; one of the same size that is open already goes on. Throws `not_found`,
   * `forbidden`, `conflict` (not queued), `invalid` (`formats_missing`), `too_large`, `quota_exceeded`, `unavailable`.
   */
  async begin(subject: Subject, imageId: string, wanted: NewPartUpload): Promise<PartUpload> {
    const { core, rows } = this.#parts;
    return await core.db.write(async (tx) => {
      const image = await rows.imageForUpdate(imageId, tx);
      if (!image || isGone(image) || !(await mayKnow(rows, subject, image, tx))) throw noSuchImage(imageId);
      requireOwner(subject, image, 'upload data for');
      const open = await uploadRow(tx, imageId);
      if (open && open.size === (wanted.size ?? null)) return uploadFromRow(open);
      if (image.status !== 'queued') {
        throw new CloudError('conflict', `Image status transition from ${image.status} to saving is not allowed`, {
          reason: 'image_not_queued',
          id: imageId,
        });
      }
      if (!(image.diskFormat && image.containerFormat) && !wanted.removeOnFailure) {
        throw new CloudError('invalid', 'Properties disk_format, container_format must be set prior to saving data.', {
          reason: 'formats_missing',
        });
      }
      return await this.#open(tx, subject, image, wanted);
    });
  }

  /**
   * Makes an image that waits for an upload: when nothing comes, or what comes is refused, nothing of it stays. Its format
   * may be left open. Throws what `create` and `begin` throw.
   */
  async add(subject: Subject, image: NewImage, wanted: NewPartUpload): Promise<Image> {
    const { core, rows } = this.#parts;
    const id = image.id ?? newId(core.env);
    const url = wanted.origin === undefined ? undefined : await this.#urlOf(id, wanted.origin);
    const added = core.db.write(async (tx) => {
      await newImageRow(tx, core, subject, { ...image, id }, 'queued');
      await this.#open(tx, subject, (await rows.image(id, tx))!, { ...wanted, removeOnFailure: true }, url);
      return (await rows.image(id, tx))!;
    });
    return await added.catch(idTaken(id));
  }

  async #urlOf(id: string, origin: string): Promise<string> {
    const { expires, signature } = await this.sign(id);
    return `${origin}/unkai/v1/image-uploads/${id}?expires=${expires}&signature=${signature}`;
  }

  async #open(tx: Tx, subject: Subject, image: Image, wanted: NewPartUpload, url?: string): Promise<PartUpload> {
    const { core, stores } = this.#parts;
    const { size, storeIds, idleSeconds = day, removeOnFailure = false } = wanted;
    if (size !== undefined && size > core.settings.maxImageSize) throw tooLarge(core.settings.maxImageSize);
    await checkImageQuota(core, tx, image.projectId, size ?? 0);
    const now = core.env.now();
    const chosen = stores.choose(storeIds ? { storeIds } : {});
    await tx
      .updateTable('images')
      .set({ status: 'saving', size: size ?? null, last_error: null, updated_at: now })
      .where('id', '=', image.id)
      .execute();
    await dropReplicas(tx, image.id);
    for (const [index, { id }] of chosen.entries()) {
      await putReplica(tx, { imageId: image.id, storeId: id, now }, index === 0 ? 'copying' : 'pending');
    }
    if (url !== undefined) {
      const place = tx.updateTable('image_replicas').set({ install_path: url });
      await place.where('image_id', '=', image.id).where('store_id', '=', chosen[0].id).execute();
    }
    const row: ImageUploadsTable = {
      image_id: image.id,
      store_id: chosen[0].id,
      user_id: subject.userId,
      request_id: subject.requestId,
      size: size ?? null,
      received: 0,
      state: 'receiving',
      idle_limit: idleSeconds * second,
      remove_on_failure: removeOnFailure ? 1 : 0,
      writer: null,
      writing_until: 0,
      created_at: now,
      updated_at: now,
      expires_at: now + idleSeconds * second,
    };
    await tx.insertInto('image_uploads').values(row).execute();
    return uploadFromRow(row);
  }

  /** How far an upload is; `done` or `failed` after its end. Throws `not_found` (also of an image without one). */
  async get(subject: Subject, imageId: string): Promise<PartUpload> {
    const { core, rows } = this.#parts;
    const image = await rows.image(imageId);
    if (!image || isGone(image) || !(await mayKnow(rows, subject, image))) throw noSuchImage(imageId);
    requireOwner(subject, image, 'see uploads of');
    const row = await uploadRow(core.db.read, imageId);
    return row ? uploadFromRow(row) : ended(image);
  }

  /** The upload of an image that is open, if one is. Whoever calls decides who may know. */
  async find(imageId: string): Promise<PartUpload | undefined> {
    const row = await uploadRow(this.#parts.core.db.read, imageId);
    return row && uploadFromRow(row);
  }

  /**
   * Takes a part. What has come of it counts also when it breaks off, unless it names its md5. With the last byte the
   * image is made: `checking`. Throws `not_found`, `forbidden`, `conflict` (`wrong_offset`: later than what is missing;
   * `busy`: another part is coming; `upload_complete`), `invalid` (broke off, more than the size, `wrong_md5`,
   * `size_missing`), `too_large`, `quota_exceeded`.
   */
  async write(subject: Subject, imageId: string, part: Part, source: AsyncIterable<Buffer>): Promise<PartUpload> {
    const { rows } = this.#parts;
    const image = await rows.image(imageId);
    if (!image || isGone(image) || !(await mayKnow(rows, subject, image))) throw noSuchImage(imageId);
    requireOwner(subject, image, 'upload data for');
    return await this.#writers.write(imageId, part, source);
  }

  /** What lets whoever has it upload into the image, as long as its upload is open. */
  async sign(imageId: string): Promise<SignedLink> {
    return await this.#links.sign(imageId, this.#parts.core.env.now() + linkLifetime * second);
  }

  /** Takes a part from whoever has a signed link. Throws `forbidden` (`bad_link`), and what `write` throws. */
  async writeByLink(link: SignedLink, part: Part, source: AsyncIterable<Buffer>): Promise<PartUpload> {
    if (!(await this.#links.isGood(link))) {
      throw new CloudError('forbidden', 'The link is not good, or no longer.', { reason: 'bad_link' });
    }
    return await this.#writers.write(link.id, part, source);
  }

  /** Ends an upload before its time: the image is queued again. Throws `not_found`, `forbidden`, `conflict` (complete). */
  async cancel(subject: Subject, imageId: string): Promise<void> {
    await this.get(subject, imageId);
    const row = await uploadRow(this.#parts.core.db.read, imageId);
    if (!row) throw notFound('upload', imageId);
    if (row.state === 'checking') throw complete(imageId);
    await this.#end(row, 'The upload was cancelled.');
  }

  /** Ends what this process writes of a deleted image. */
  abort(imageId: string): void {
    void this.#writers.end(imageId);
  }

  /** Ends uploads for which nothing came for too long, and those of images that are gone. */
  async removeExpired(): Promise<number> {
    const { core } = this.#parts;
    const now = core.env.now();
    const due = await core.db.read
      .selectFrom('image_uploads')
      .innerJoin('images', 'images.id', 'image_uploads.image_id')
      .selectAll('image_uploads')
      .where('state', '=', 'receiving')
      .where('writing_until', '<=', now)
      .where((e) => e.or([e('image_uploads.expires_at', '<=', now), e('images.status', '!=', 'saving')]))
      .limit(maxExpiredPerActivation)
      .execute();
    for (const row of due) {
      const seconds = Math.round(row.idle_limit / second);
      await this.#end(row, `The upload was given up: nothing of it came for ${seconds} seconds.`);
      core.log.info({ imageId: row.image_id }, 'an upload that nobody went on with was given up');
    }
    return due.length;
  }

  /** At a start: nobody writes any more. With PostgreSQL another process may; what its writers hold runs out by itself. */
  async recover(): Promise<void> {
    const { db } = this.#parts.core;
    if (db.kind !== 'sqlite') return;
    await db.write((tx) => tx.updateTable('image_uploads').set({ writer: null, writing_until: 0 }).execute());
  }

  /** Ends all writing of this process; the uploads go on later. */
  stop(): void {
    this.#writers.abortAll();
  }

  async #end(row: ImageUploadsTable, reason: string): Promise<void> {
    const { core, stores } = this.#parts;
    await this.#writers.end(row.image_id);
    // The file goes first: who comes after this must find nothing that looks like their own.
    if (stores.find(row.store_id)) await stores.driver(row.store_id).unstage(row.image_id);
    const input = { imageId: row.image_id, storeId: row.store_id, removeOnFailure: row.remove_on_failure === 1 };
    await core.db.write((tx) => this.#assembly.fail(tx, input, reason));
  }

  /** The step of `image.assemble`. */
  async takeIn(input: AssembleInput, signal: AbortSignal): Promise<ReceivedImage> {
    return await this.#assembly.takeIn(input, signal);
  }

  async finish(tx: Tx, input: AssembleInput, by: { requestId: string }, received: ReceivedImage): Promise<void> {
    await this.#assembly.finish(tx, input, by, received);
  }

  async discard(input: AssembleInput, when: { isLate: boolean }): Promise<void> {
    await this.#assembly.discard(input, when);
  }

  async fail(tx: Tx, input: AssembleInput, reason: string): Promise<void> {
    await this.#assembly.fail(tx, input, reason);
  }
}

async function uploadRow(db: Queryable, imageId: string): Promise<ImageUploadsTable | undefined> {
  return await db.selectFrom('image_uploads').selectAll().where('image_id', '=', imageId).executeTakeFirst();
}

/** What can still be told of an upload that has ended. */
function ended(image: Image): PartUpload {
  const { id: imageId, size, originStoreId, lastError: error } = image;
  const common = { imageId, storeId: originStoreId ?? '', expiresAt: null };
  if (image.status === 'active' || image.status === 'deactivated') {
    return { ...common, size, offset: size ?? 0, state: 'done', error: null };
  }
  if (image.status === 'queued' && error !== null) return { ...common, size: null, offset: 0, state: 'failed', error };
  throw notFound('upload', imageId, `Image ${imageId} has no upload that could go on.`);
}

function complete(id: string): CloudError {
  return new CloudError(
    'conflict',
    `All bytes of image ${id} are there: it can be deleted, but its upload not ended.`,
    {
      reason: 'upload_complete',
      id,
    },
  );
}
