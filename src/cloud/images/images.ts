import type { Readable } from 'node:stream';
import type { CachedImage } from '../../agent/contract.ts';
import type { Tx } from '../../database/database.ts';
import { newId } from '../../env/env.ts';
import type { Chunks } from '../../env/lent-pieces.ts';
import { ObjectFolder } from '../../image-sources/object-folder.ts';
import type { CloudCore } from '../core.ts';
import { CloudError, notFound } from '../errors.ts';
import { ownsOrAdmin, type Subject } from '../identity/subject.ts';
import type { ImageStores } from '../image-stores/image-stores.ts';
import { type Limits, limitsIn } from '../quotas/quotas.ts';
import { type BootImage, BootImages } from './boot.ts';
import { Copies } from './copies.ts';
import { checkChanges, idTaken, newImageRow } from './creation.ts';
import { Deletion } from './deletion.ts';
import { Exports } from './exports/exports.ts';
import { fromAnyCopy } from './from-any-copy.ts';
import { type ImportRequest, Imports, type InternalSources } from './imports.ts';
import { conditionsOf, type ImageFilter, type ImageList, selectImages, unknownMarker } from './listing.ts';
import { Members } from './members.ts';
import { Metadefs } from './metadefs.ts';
import { columnsOf, type Image, type ImageChanges, type ImageReplica, isGone, type NewImage } from './model.ts';
import { PartUploads } from './part-uploads/part-uploads.ts';
import type { ImageParts } from './parts.ts';
import { type ImageUsage, imageUsage } from './quota.ts';
import { receiveFailure } from './receive.ts';
import { mayKnow, noSuchImage, requireOwner } from './rights.ts';
import { ImageRows, setTags } from './rows.ts';
import { ImageTasks } from './tasks.ts';
import { Templates } from './templates.ts';
import { type UploadOptions, Uploads } from './uploads.ts';

export interface ImagesOptions {
  /** Default: administrators. */
  internalSources?: InternalSources;
  /** A copy that moves no bytes for so many seconds is given up. Default: 600. */
  copyTimeout?: number;
  /** Where containers of objects are kept; without it there are none to import from and export to. */
  objectFolder?: string;
  /** A token by which images of another region are looked at for a user; without it, no region is asked. */
  readerToken?: ImageParts['readerToken'];
}

const reconcileMs = 60_000;

/** The images of the cloud: what they are, who may see them, and their bytes from the first to the last. */
export class Images {
  /** Copies in further stores. */
  readonly copies: Copies;
  /** Projects that images are shared with. */
  readonly members: Members;
  /** Imports, as lists of what was asked for. */
  readonly tasks: ImageTasks;
  /** The catalogue of properties. */
  readonly metadefs: Metadefs;
  /** Images made of disks. */
  readonly templates: Templates;
  /** Images fetched from URLs. */
  readonly imports: Imports;
  /** Uploads that come in parts. */
  readonly partUploads: PartUploads;
  /** Images on their way out: signed links, and files in containers. */
  readonly exports: Exports;
  /** Containers of objects, to import from and to export to. */
  readonly objects: ObjectFolder | undefined;
  readonly #parts: ImageParts;
  readonly #uploads: Uploads;
  readonly #deletion: Deletion;
  readonly #boot: BootImages;
  #stopTimer: (() => void) | undefined;

  constructor(core: CloudCore, stores: ImageStores, options: ImagesOptions = {}) {
    this.objects = options.objectFolder === undefined ? undefined : new ObjectFolder(options.objectFolder);
    this.#parts = {
      core,
      stores,
      rows: new ImageRows(core.db),
      objects: this.objects,
      readerToken: options.readerToken,
    };
    this.copies = new Copies(this.#parts, options.copyTimeout);
    this.members = new Members(this.#parts);
    this.tasks = new ImageTasks(this.#parts);
    this.metadefs = new Metadefs(this.#parts);
    this.imports = new Imports(this.#parts, this.copies, options.internalSources ?? 'admins');
    this.exports = new Exports(this.#parts);
    this.#uploads = new Uploads(this.#parts, this.copies);
    this.partUploads = new PartUploads(this.#parts, this.copies);
    this.#deletion = new Deletion(this.#parts, this.copies, (id) => {
      this.#uploads.abort(id);
      this.partUploads.abort(id);
    });
    this.templates = new Templates(this.#parts, this.copies, this.#deletion);
    this.#boot = new BootImages(this.#parts);
  }

  /** Sets right what a process that died left, before any request is served; then looks after images now and then. */
  async start(): Promise<void> {
    const { env } = this.#parts.core;
    await this.objects?.removeUnfinished();
    await this.partUploads.recover();
    await this.#uploads.recoverInterrupted();
    await this.#deletion.sweep();
    this.#stopTimer = env.every(reconcileMs, () => void this.reconcile());
  }

  /** See `Deletion.leaveStore`. */
  leaveStore(tx: Tx, id: string, storeId: string): Promise<void> {
    return this.#deletion.leaveStore(tx, id, storeId);
  }

  /** Ends the uploads of this process and stops looking after images. */
  stop(): void {
    this.#stopTimer?.();
    this.#uploads.abortAll();
    this.partUploads.stop();
  }

  /** One round of what is due: expired images, uploads whose process died, copies that failed. */
  async reconcile(): Promise<{ expunged: number; isComplete: boolean; recoveredUploads: number }> {
    const recoveredUploads = await this.#lookAfter(() => this.#uploads.recoverInterrupted());
    await this.#lookAfter(() => this.partUploads.removeExpired());
    await this.#lookAfter(() => this.copies.retryFailed());
    await this.#lookAfter(() => this.exports.removeExpired());
    const expunged = await this.#lookAfter(() => this.#deletion.expungeDue());
    return { ...(expunged ?? { expunged: 0, isComplete: false }), recoveredUploads: recoveredUploads ?? 0 };
  }

  /** What can't be done for one kind of images now keeps nobody from looking after the others. */
  async #lookAfter<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      this.#parts.core.log.error({ err: error }, 'images could not be looked after');
      return undefined;
    }
  }

  /** Registers an image without bytes, `queued`. Throws `duplicate` (id taken), `forbidden`, `quota_exceeded`, `too_large`. */
  async create(subject: Subject, image: NewImage): Promise<Image> {
    const { core, rows } = this.#parts;
    const id = image.id ?? newId(core.env);
    const made = core.db.write(async (tx) => {
      await newImageRow(tx, core, subject, { ...image, id }, 'queued');
      return (await rows.image(id, tx))!;
    });
    return await made.catch(idTaken(id));
  }

  /** The image, if the subject may see it. Deleted ones only with `withDeleted`, and then to their owner. */
  async get(subject: Subject, id: string, options: { withDeleted?: boolean } = {}): Promise<Image> {
    const { rows } = this.#parts;
    const image = await rows.image(id);
    if (!image || image.status === 'expunged' || !(await mayKnow(rows, subject, image))) throw noSuchImage(id);
    if (isGone(image) && !(options.withDeleted && ownsOrAdmin(subject, image.projectId))) throw noSuchImage(id);
    return image;
  }

  /** The images that the subject sees and the list asks for. Throws `invalid` for an unknown marker. */
  async list(subject: Subject, list: ImageList = {}): Promise<Image[]> {
    const { core, rows } = this.#parts;
    const { marker } = list;
    const markerRow = marker === undefined ? undefined : await rows.row(marker);
    const known = markerRow && { ...markerRow, projectId: markerRow.project_id };
    if (marker !== undefined && !(known && (await mayKnow(rows, subject, known)))) throw unknownMarker(marker);
    if (list.limit === 0) return [];
    return await rows.withTags(await selectImages(core.db, core.db.read, subject, list, markerRow).execute());
  }

  /** How many images the list holds in all, whatever its page. */
  async count(subject: Subject, filter: ImageFilter = {}): Promise<number> {
    const { db } = this.#parts.core;
    let query = db.read.selectFrom('images').select((eb) => eb.fn.countAll<number>().as('count'));
    for (const condition of conditionsOf(db, subject, filter)) query = query.where(condition);
    return Number((await query.executeTakeFirstOrThrow()).count);
  }

  /** All copies of the images, one statement for all. */
  async replicasOf(imageIds: readonly string[]): Promise<ImageReplica[]> {
    return await this.#parts.rows.replicas(imageIds);
  }

  async usage(projectId: string): Promise<ImageUsage> {
    return await imageUsage(this.#parts.core.db.read, projectId);
  }

  /** What the project may have of images and of their bytes; -1 for any number. */
  async limits(projectId: string): Promise<Pick<Limits, 'images' | 'image_bytes'>> {
    return await limitsIn(this.#parts.core, this.#parts.core.db.read, projectId);
  }

  /**
   * Changes an image. A function gets the image as it is and gives the changes: it runs inside the transaction, so that
   * nothing comes between. Throws `not_found`, `forbidden` (not the owner, or `read_only`), `too_large`.
   */
  async update(subject: Subject, id: string, change: ImageChanges | ((image: Image) => ImageChanges)): Promise<Image> {
    const { core, rows } = this.#parts;
    return await core.db.write(async (tx) => {
      const image = await this.#mine(tx, subject, id, 'modify');
      const changes = typeof change === 'function' ? change(image) : change;
      checkChanges(subject, changes);
      requireQueuedForFormats(image, changes);
      const set = { ...columnsOf(changes), updated_at: core.env.now() };
      await tx.updateTable('images').set(set).where('id', '=', id).execute();
      if (changes.tags) await setTags(tx, id, changes.tags);
      return (await rows.image(id, tx))!;
    });
  }

  /** Takes the bytes of a queued image; see `Uploads.upload`. */
  async upload(
    subject: Subject,
    id: string,
    source: AsyncIterable<Buffer>,
    options: UploadOptions = {},
  ): Promise<Image> {
    return await this.#uploads.upload(subject, id, source, options);
  }

  /** Takes bytes that an import will judge; see `Uploads.stage`. */
  async stage(
    subject: Subject,
    id: string,
    source: AsyncIterable<Buffer>,
    options: UploadOptions = {},
  ): Promise<Image> {
    return await this.#uploads.stage(subject, id, source, options);
  }

  /**
   * The image's bytes; see `read` for how. Undefined when it has none yet. Throws `not_found`, `forbidden` (deactivated
   * images are for administrators alone), `unavailable`.
   */
  async download(subject: Subject, id: string): Promise<ImageDownload | undefined> {
    const { rows } = this.#parts;
    const image = await this.get(subject, id);
    if (image.status === 'deactivated' && !subject.isAdmin) {
      throw new CloudError('forbidden', 'The requested image has been deactivated. Image data download is forbidden.', {
        reason: 'deactivated',
      });
    }
    const replicas = await rows.replicas([id]);
    if (!replicas.some(({ state }) => state === 'active')) return undefined;
    return {
      image,
      size: image.size!,
      read: async (range) => {
        try {
          return (await fromAnyCopy(this.#parts, replicas, (driver) => driver.read(id, range)))!;
        } catch (error) {
          throw receiveFailure(error);
        }
      },
    };
  }

  /** Takes an image out of use without touching it. Throws `forbidden` unless it is active (or deactivated already). */
  async deactivate(subject: Subject, id: string): Promise<void> {
    await this.#switch(subject, id, 'active', 'deactivated');
  }

  async reactivate(subject: Subject, id: string): Promise<void> {
    await this.#switch(subject, id, 'deactivated', 'active');
  }

  async addTag(subject: Subject, id: string, tag: string): Promise<void> {
    await this.#parts.core.db.write(async (tx) => {
      const image = await this.#mine(tx, subject, id, 'modify');
      if (image.tags.includes(tag)) return;
      checkChanges(subject, { tags: [...image.tags, tag] });
      await setTags(tx, id, [...image.tags, tag]);
      await this.#touch(tx, id);
    });
  }

  async removeTag(subject: Subject, id: string, tag: string): Promise<void> {
    await this.#parts.core.db.write(async (tx) => {
      const image = await this.#mine(tx, subject, id, 'modify');
      if (!image.tags.includes(tag)) throw notFound('tag', tag, `Tag '${tag}' could not be found.`);
      const tags = image.tags.filter((one) => one !== tag);
      await setTags(tx, id, tags);
      await this.#touch(tx, id);
    });
  }

  /** Hides the image, and keeps its bytes until its retention ends; see `Deletion.delete`. */
  async delete(subject: Subject, id: string, storeIds?: readonly string[]): Promise<void> {
    await this.#deletion.delete(subject, id, storeIds);
  }

  /** Whether a deletion would take the image, and not only some of its copies; see `Deletion.wouldBeGone`. */
  wouldBeGone(subject: Subject, id: string, storeIds?: readonly string[]): Promise<boolean> {
    return this.#deletion.wouldBeGone(subject, id, storeIds);
  }

  /** Brings a deleted image back; see `Deletion.recover`. */
  async recover(subject: Subject, id: string, storeIds?: readonly string[]): Promise<Image> {
    return await this.#deletion.recover(subject, id, storeIds);
  }

  /** Removes the bytes of a deleted image for good; see `Deletion.expunge`. */
  async expunge(subject: Subject, id: string, storeIds?: readonly string[]): Promise<{ actionId: string }> {
    return await this.#deletion.expunge(subject, id, storeIds);
  }

  async expungeDue(): Promise<{ expunged: number; isComplete: boolean }> {
    return await this.#deletion.expungeDue();
  }

  /** For the action `image.expunge`. */
  async removeBytes(imageId: string, storeId: string): Promise<void> {
    await this.#deletion.removeBytes(imageId, storeId);
  }

  /** Fetches the bytes of a queued image; see `Imports.importInto`. */
  async importFromUrl(
    subject: Subject,
    id: string,
    request: ImportRequest,
  ): Promise<{ image: Image; actionId: string }> {
    return await this.imports.importInto(subject, id, request);
  }

  /** The image, if a server may be built from it; see `BootImages.forBoot`. */
  async forBoot(subject: Subject, imageId: string, use?: 'server' | 'volume'): Promise<BootImage> {
    return await this.#boot.forBoot(subject, imageId, use);
  }

  /** What a host needs to get the image; see `BootImages.cachedImageSpec`. */
  async cachedImageSpec(imageId: string, hostId?: string): Promise<CachedImage> {
    return await this.#boot.cachedImageSpec(imageId, hostId);
  }

  /** See `BootImages.requireBytes`. */
  async requireBytes(imageId: string): Promise<void> {
    await this.#boot.requireBytes(imageId);
  }

  /** What disks on the host are cloned from; see `BootImages.clonableImageSpec`. */
  async clonableImageSpec(imageId: string, hostId: string): Promise<CachedImage | undefined> {
    return await this.#boot.clonableImageSpec(imageId, hostId);
  }

  /** Looks at the image once more before a host opens it; see `BootImages.inspectForUse`. */
  async inspectForUse(imageId: string, hostId?: string): Promise<void> {
    await this.#boot.inspectForUse(imageId, hostId);
  }

  async #switch(subject: Subject, id: string, from: 'active' | 'deactivated', to: 'active' | 'deactivated') {
    const { core } = this.#parts;
    await core.db.write(async (tx) => {
      const image = await this.#mine(tx, subject, id, to === 'active' ? 'reactivate' : 'deactivate');
      if (image.status === to) return;
      if (image.status !== from) {
        const doing = to === 'active' ? 'reactivate' : 'deactivate';
        throw new CloudError('forbidden', `Not allowed to ${doing} image in status '${image.status}'`, {
          reason: 'wrong_status',
        });
      }
      await tx.updateTable('images').set({ status: to, updated_at: core.env.now() }).where('id', '=', id).execute();
    });
  }

  async #mine(tx: Tx, subject: Subject, id: string, doing: string): Promise<Image> {
    const { rows } = this.#parts;
    const image = await rows.imageForUpdate(id, tx);
    if (!image || isGone(image) || !(await mayKnow(rows, subject, image, tx))) throw noSuchImage(id);
    requireOwner(subject, image, doing);
    return image;
  }

  async #touch(tx: Tx, id: string): Promise<void> {
    await tx.updateTable('images').set({ updated_at: this.#parts.core.env.now() }).where('id', '=', id).execute();
  }
}

export interface ImageDownload {
  image: Image;
  size: number;
  /** The bytes, or the part [start, end) of them. */
  read(range?: { start: number; end: number }): Promise<Readable & Chunks>;
}

/** The bytes were judged by the format that the image states, so it stays what it is. */
function requireQueuedForFormats(image: Image, changes: ImageChanges): void {
  if (image.status === 'queued') return;
  for (const [key, name] of [
    ['diskFormat', 'disk_format'],
    ['containerFormat', 'container_format'],
  ] as const) {
    if (changes[key] === undefined || changes[key] === image[key]) continue;
    throw new CloudError('forbidden', `Attribute ${name} can be only replaced for a queued image.`, {
      reason: 'read_only',
      field: name,
    });
  }
}
