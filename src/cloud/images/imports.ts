import type { Tx } from '../../database/database.ts';
import { newId, parseId } from '../../env/env.ts';
import { checkedBySha1 } from '../../image-sources/checked.ts';
import { compressionOf, decompressed } from '../../image-sources/decompress.ts';
import { parseObjectUrl } from '../../image-sources/object-folder.ts';
import { checkSource, openSource } from '../../image-sources/open-source.ts';
import { type ImageSource, SourceError } from '../../image-sources/source.ts';
import { letGo } from '../../image-stores/receive.ts';
import type { ImageStore } from '../../image-stores/store.ts';
import { CloudError, notFound } from '../errors.ts';
import type { Subject } from '../identity/subject.ts';
import { activateAsReceived } from './activation.ts';
import type { Copies } from './copies.ts';
import { idTaken, newImageRow } from './creation.ts';
import { discardBytes } from './discard-bytes.ts';
import { expungeImage } from './expunge-action.ts';
import { fromAnyCopy } from './from-any-copy.ts';
import { type ImportInput, importImage } from './import-action.ts';
import { importFailure } from './import-failure.ts';
import { inspectStored } from './inspect-stored.ts';
import { type Image, isGone, type NewImage, propertiesJson } from './model.ts';
import type { ImageParts } from './parts.ts';
import { checkImageQuota, roomInQuota } from './quota.ts';
import { type ReceivedImage, receiveImage } from './receive.ts';
import { kept, type OpenedRegionImage, openRegionImage, type RegionImage, regionImageUrl } from './region-images.ts';
import { mayKnow, noSuchImage, requireOwner } from './rights.ts';
import { dropReplicas, putReplica } from './rows.ts';
import type { StagedImage } from './uploads.ts';

/** Who may have images fetched from inner networks, odd ports, and (administrators only) files of the host. */
export type InternalSources = 'nobody' | 'admins' | 'everyone';

export interface ImportRequest {
  /**
   * `http://`, `https://`; for administrators also `file:///` or a path. What is named `.gz`, `.xz` or `.zst` is
   * decompressed on the way. Absent: what was staged is imported.
   */
  url?: string;
  /** Of another region, and fetched for whoever asks; `url` is not said then. */
  region?: RegionImage;
  /** The SHA-1 of what is at the URL, lower-case hex; another one ends the import. */
  sha1?: string;
  /** The first one takes the bytes, the others copies. The default store where nothing is said. */
  storeIds?: readonly string[];
}

/** Images that the cloud fetches itself: `queued` → `importing` → `active`, or back. */
export class Imports {
  readonly #parts: ImageParts;
  readonly #copies: Copies;
  readonly #internal: InternalSources;

  constructor(parts: ImageParts, copies: Copies, internal: InternalSources) {
    this.#parts = parts;
    this.#copies = copies;
    this.#internal = internal;
  }

  /**
   * Fetches the bytes of an image that is queued, or takes those that were staged for it; when that fails the image is
   * queued again. Throws `not_found`, `forbidden`, `conflict` (not queued, or nothing staged; formats missing), `invalid`
   * (`url_refused`), `unavailable` (no store).
   */
  async importInto(subject: Subject, id: string, request: ImportRequest): Promise<{ image: Image; actionId: string }> {
    const { core, rows } = this.#parts;
    const url = request.region ? regionImageUrl(request.region) : request.url;
    const isElsewhere = url !== undefined && (!request.region || request.region.endpoint !== undefined);
    const allowInternal = isElsewhere && this.#check(subject, url, request.region !== undefined);
    return await core.db.write(async (tx) => {
      const image = await rows.imageForUpdate(id, tx);
      if (!image || isGone(image) || !(await mayKnow(rows, subject, image, tx))) throw noSuchImage(id);
      requireOwner(subject, image, 'import data for');
      requireReadyFor(image, (await rows.row(id, tx))?.staged ?? null, url);
      if (!image.diskFormat || !image.containerFormat) {
        const missing = image.diskFormat ? 'container_format' : 'disk_format';
        throw new CloudError('conflict', `'${missing}' needs to be set before import`, { reason: 'formats_missing' });
      }
      return await this.#begin(tx, subject, image, { ...request, url }, { allowInternal, removeOnFailure: false });
    });
  }

  /**
   * Makes an image of what is at the URL; when that fails nothing of the image stays. Without `diskFormat` the content
   * tells the format. Throws what `create` and `importInto` throw.
   */
  async add(
    subject: Subject,
    image: NewImage,
    request: ImportRequest & { url: string },
  ): Promise<{ image: Image; actionId: string }> {
    const { core, rows } = this.#parts;
    const allowInternal = this.#check(subject, request.url);
    const id = image.id ?? newId(core.env);
    const begun = core.db.write(async (tx) => {
      await newImageRow(tx, core, subject, { ...image, id, sourceUrl: image.sourceUrl ?? request.url }, 'queued');
      const fresh = (await rows.image(id, tx))!;
      return await this.#begin(tx, subject, fresh, request, { allowInternal, removeOnFailure: true });
    });
    return await begun.catch(idTaken(id));
  }

  /** The step of `image.import`: fetches the bytes into the store. May be repeated. */
  async fetch(
    { imageId, storeId, url, allowInternal, stagedIn, sha1, region, userId }: ImportInput,
    options: { signal: AbortSignal; progress(percent: number): void },
  ): Promise<ReceivedImage> {
    const { core, rows, stores } = this.#parts;
    const image = await rows.image(imageId);
    if (!image) throw notFound('image', imageId);
    const driver = stores.driver(storeId);
    if (stagedIn !== undefined) return await this.#takeStaged(image, { stagedIn, storeId }, options);
    let opened: ImageSource | undefined;
    try {
      const remote =
        region && (await this.#openRegion(region, image, userId, { allowInternal, signal: options.signal }));
      const source = remote?.source ?? (await this.#open(url, { allowInternal, signal: options.signal }));
      opened = source;
      if (source.size !== undefined) await checkImageQuota(core, core.db.read, image.projectId, source.size);
      const compression = compressionOf(url);
      const fetched = counted(sha1 === undefined ? source.stream : checkedBySha1(source.stream, sha1), (bytes) =>
        options.progress(source.size ? (bytes / source.size) * 100 : 0),
      );
      const stream = compression ? decompressed(fetched, compression, options.signal) : fetched;
      const received = await receiveImage(driver, stream, {
        imageId,
        diskFormat: remote?.diskFormat ?? image.diskFormat ?? 'raw',
        // How much comes out of a compressed file nobody knows before.
        maxSize: Math.min(core.settings.maxImageSize, await roomInQuota(core, core.db.read, image.projectId)),
        expectedSize: compression ? undefined : source.size,
        signal: options.signal,
      });
      if (remote) return await this.#asTold(driver, imageId, received, remote);
      return image.diskFormat ? received : await this.#detected(driver, imageId, received);
    } catch (error) {
      opened?.close();
      throw importFailure(error);
    }
  }

  /** Judges what was staged, where it lies or on its way to another store. */
  async #takeStaged(
    image: Image,
    { stagedIn, storeId }: { stagedIn: string; storeId: string },
    options: { signal: AbortSignal },
  ): Promise<ReceivedImage> {
    const { core, rows, stores } = this.#parts;
    const staged = JSON.parse((await rows.row(image.id))?.staged ?? 'null') as StagedImage | null;
    if (!staged) throw notFound('image', image.id);
    const diskFormat = image.diskFormat ?? 'raw';
    const from = stores.driver(stagedIn);
    try {
      if (stagedIn === storeId) {
        const { size, installPath, checksums } = staged;
        return {
          size,
          installPath,
          checksums,
          inspection: await inspectStored(from, image.id, size, diskFormat, 'upload'),
        };
      }
      const source = await from.read(image.id);
      return await receiveImage(stores.driver(storeId), source, {
        imageId: image.id,
        diskFormat,
        maxSize: core.settings.maxImageSize,
        expectedSize: staged.size,
        signal: options.signal,
        onTaken: source.release,
      }).finally(() => letGo(source));
    } catch (error) {
      throw importFailure(error);
    }
  }

  /** Makes the image active with what was fetched. Throws `conflict` when it was deleted meanwhile. */
  async finish(
    tx: Tx,
    { imageId, storeId, stagedIn }: ImportInput,
    by: { requestId: string },
    received: ReceivedImage,
  ) {
    const at = { imageId, storeId, from: 'importing' as const, requestId: by.requestId };
    const { image, storeIds } = await activateAsReceived(
      tx,
      { parts: this.#parts, copies: this.#copies },
      at,
      received,
    );
    if (received.told) {
      const properties = propertiesJson({ ...image.properties, ...received.told.properties });
      const disk_format = received.told.diskFormat ?? image.diskFormat;
      const container_format = received.told.containerFormat ?? image.containerFormat;
      const set = { properties, disk_format, container_format };
      await tx.updateTable('images').set(set).where('id', '=', imageId).execute();
    }
    for (const other of storeIds) {
      if (other === storeId) continue;
      if (other === stagedIn) await this.#removeStaged(tx, image, stagedIn, by);
      else await this.#copies.request(tx, image, other, by);
    }
  }

  /** Removes what was staged in a store that the image is not to be in, in an action of its own: this one is done. */
  async #removeStaged(tx: Tx, image: Image, storeId: string, by: { requestId: string }): Promise<void> {
    await dropReplicas(tx, image.id, [storeId]);
    await this.#parts.core.runner.submit(tx, expungeImage, {
      input: { imageId: image.id, storeIds: [storeId] },
      name: 'expungeImage',
      resourceType: 'image',
      resourceId: image.id,
      projectId: image.projectId,
      userId: image.userId,
      requestId: by.requestId,
    });
  }

  /** Puts the image back to where it was before the import. */
  async fail(tx: Tx, { imageId, removeOnFailure }: ImportInput, reason: string): Promise<void> {
    const now = this.#parts.core.env.now();
    const end = removeOnFailure ? { status: 'expunged' as const, deleted_at: now } : { status: 'queued' as const };
    const names = (await this.#parts.rows.replicas([imageId], tx)).map(({ storeName }) => storeName);
    const failed_import = removeOnFailure ? null : names.toSorted().join(',');
    const changed = await tx
      .updateTable('images')
      .set({ ...end, size: null, staged: null, last_error: reason, failed_import, updated_at: now })
      .where('id', '=', imageId)
      .where('status', '=', 'importing')
      .executeTakeFirst();
    if (changed.numUpdatedRows > 0n) await dropReplicas(tx, imageId);
  }

  /** Takes back what was fetched, and what was staged for it; see `discardBytes`. */
  async discard({ imageId, storeId, stagedIn = storeId }: ImportInput, when: { isLate: boolean }): Promise<void> {
    for (const id of new Set([storeId, stagedIn])) await discardBytes(this.#parts, { imageId, storeId: id }, when);
  }

  async #begin(
    tx: Tx,
    subject: Subject,
    image: Image,
    { url, storeIds, sha1, region }: ImportRequest,
    options: { allowInternal: boolean; removeOnFailure: boolean },
  ): Promise<{ image: Image; actionId: string }> {
    const { core, rows, stores } = this.#parts;
    const row = await rows.row(image.id, tx);
    const staged = JSON.parse((url === undefined && row?.staged) || 'null') as StagedImage | null;
    const stagedIn = staged?.storeId;
    const wanted = storeIds ?? (stagedIn === undefined ? undefined : [stagedIn]);
    // What lies in a store that is wanted anyway stays there: the others get copies.
    const chosen = stores
      .choose({ storeIds: wanted })
      .toSorted((a, b) => Number(b.id === stagedIn) - Number(a.id === stagedIn));
    const storeId = chosen[0]!.id;
    const now = core.env.now();
    await tx
      .updateTable('images')
      .set({ status: 'importing', last_error: null, failed_import: null, updated_at: now })
      .where('id', '=', image.id)
      .execute();
    for (const store of chosen) await putReplica(tx, { imageId: image.id, storeId: store.id, now }, 'pending');
    const actionId = await core.runner.submit(tx, importImage, {
      input: {
        imageId: image.id,
        storeId,
        url: url ?? '',
        ...(stagedIn === undefined ? {} : { stagedIn }),
        ...(sha1 === undefined ? {} : { sha1 }),
        ...(region === undefined ? {} : { region, userId: subject.userId }),
        ...options,
      },
      name: 'importImage',
      resourceType: 'image',
      resourceId: image.id,
      projectId: image.projectId,
      userId: subject.userId,
      requestId: subject.requestId,
    });
    await tx.updateTable('images').set({ import_task_id: actionId }).where('id', '=', image.id).execute();
    return { image: (await rows.image(image.id, tx))!, actionId };
  }

  async #openRegion(
    region: RegionImage,
    image: Image,
    userId: string | undefined,
    options: { allowInternal: boolean; signal: AbortSignal },
  ): Promise<OpenedRegionImage> {
    if (region.isOwn) return await this.#openOwn(region, image);
    const token = await this.#parts.readerToken?.(userId ?? image.userId, image.projectId);
    if (token === undefined) throw new SourceError('refused', 'This cloud asks no other regions.');
    return await openRegionImage(region, token, options);
  }

  /** An image of this cloud that the project may see, too. */
  async #openOwn({ imageId }: RegionImage, { projectId }: Image): Promise<OpenedRegionImage> {
    const { rows } = this.#parts;
    const id = parseId(imageId) ?? imageId;
    const found = await rows.image(id);
    const isSeen = found && !isGone(found) && (await mayKnow(rows, { projectId, isAdmin: false }, found));
    const replicas = isSeen && found.status === 'active' ? await rows.replicas([id]) : [];
    const stream = await fromAnyCopy(this.#parts, replicas, (driver) => driver.read(id));
    if (!found || !stream) throw new SourceError('refused', 'There is no such image.');
    const { diskFormat, containerFormat, size, hashValue } = found;
    return {
      source: { stream, size: size ?? undefined, close: () => letGo(stream) },
      diskFormat,
      containerFormat,
      properties: kept(found.properties),
      sha512: hashValue ?? undefined,
    };
  }

  /** What came is what the region said; its properties come along. */
  async #asTold(driver: ImageStore, imageId: string, received: ReceivedImage, told: OpenedRegionImage) {
    if (told.sha512 === undefined || told.sha512 === received.checksums.sha512) {
      const { diskFormat, containerFormat, properties } = told;
      return { ...received, told: { diskFormat, containerFormat, properties } };
    }
    await driver.delete(imageId);
    throw new SourceError('refused', "The checksum of the region's image is not the one that it tells.");
  }

  async #open(url: string, options: { allowInternal: boolean; signal: AbortSignal }): Promise<ImageSource> {
    const object = parseObjectUrl(url);
    if (!object) return await openSource(url, options);
    if (this.#parts.objects) return await this.#parts.objects.open(object);
    throw new SourceError('refused', 'This cloud has no containers of objects.');
  }

  /**
   * Whether the subject's fetches may go to inner networks; refuses what can be refused at once.
   * @param isRegion it is at an endpoint that administrators have put into the catalog
   */
  #check(subject: Subject, url: string, isRegion = false): boolean {
    const object = parseObjectUrl(url);
    if (object) {
      if (object.project === subject.projectId && this.#parts.objects) return false;
      throw new CloudError('invalid', 'There is no such object in a container of the project.', {
        reason: 'no_object',
      });
    }
    const isTheirs = this.#internal === 'everyone' || (this.#internal === 'admins' && subject.isAdmin);
    const allowInternal = isTheirs || (isRegion && this.#internal !== 'nobody');
    try {
      checkSource(url, { allowInternal, allowFiles: allowInternal && subject.isAdmin });
    } catch (error) {
      throw importFailure(error);
    }
    return allowInternal;
  }

  /** Bytes that nobody said the format of were taken as raw: what they look like is now checked by its own rules. */
  async #detected(driver: ImageStore, imageId: string, received: ReceivedImage): Promise<ReceivedImage> {
    const [found, ...others] = received.inspection.detected;
    const isDisk = found !== undefined && found !== 'raw' && found !== 'gpt';
    if (!isDisk || others.length > 0) return received;
    try {
      return { ...received, inspection: await inspectStored(driver, imageId, received.size, found, 'upload') };
    } catch (error) {
      await driver.delete(imageId);
      throw error;
    }
  }
}

async function* counted(source: AsyncIterable<Buffer>, onBytes: (bytes: number) => void): AsyncGenerator<Buffer> {
  let bytes = 0;
  for await (const chunk of source) {
    bytes += chunk.length;
    onBytes(bytes);
    yield chunk;
  }
}

function requireReadyFor(image: Image, staged: string | null, url: string | undefined): void {
  const details = { reason: 'image_not_queued', id: image.id };
  if (url === undefined && (image.status !== 'uploading' || staged === null)) {
    throw new CloudError('conflict', "Image needs to be staged before 'glance-direct' method can be used", details);
  }
  if (url !== undefined && image.status !== 'queued') {
    throw new CloudError(
      'conflict',
      `Image needs to be in 'queued' state to import data, it is '${image.status}'`,
      details,
    );
  }
}
