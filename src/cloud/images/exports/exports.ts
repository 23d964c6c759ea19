import type { Readable } from 'node:stream';
import type { Tx } from '../../../database/database.ts';
import type { ImageExportsTable } from '../../../database/schema.ts';
import { newId } from '../../../env/env.ts';
import type { Chunks } from '../../../env/lent-pieces.ts';
import { type ConvertibleFormat, convertImage, convertibleFormats } from '../../../image-stores/conversion.ts';
import { CloudError, notFound } from '../../errors.ts';
import { ownsOrAdmin, type Subject } from '../../identity/subject.ts';
import { inspectStored } from '../inspect-stored.ts';
import { type Image, type ImageReplica, isGone } from '../model.ts';
import type { ImageParts } from '../parts.ts';
import { receiveFailure, tooLarge } from '../receive.ts';
import { mayKnow, noSuchImage } from '../rights.ts';
import { Deliveries } from './deliveries.ts';
import { type ExportedFile, type ExportInput, exportImage } from './export-action.ts';
import { Links, type SignedLink } from './links.ts';
import { type ExportRequest, exportFromRow, type ImageExport } from './model.ts';

const second = 1_000_000;
const defaultLifetime = 24 * 3600;
const longestLifetime = 30 * 24 * 3600;
const maxRemovedPerActivation = 50;

/** Which export a link is to, and what makes it good. */
type ExportLink = Omit<SignedLink, 'id'> & { exportId: string };

/** What is fetched by a link. */
export interface ExportDownload {
  size: number;
  md5: string;
  sha512: string;
  /** The bytes, or the part [start, end) of them. */
  read(range?: { start: number; end: number }): Promise<Readable & Chunks>;
}

/** Images on their way out: signed links that are good for some time, and files in containers. */
export class Exports {
  readonly #parts: ImageParts;
  readonly #links: Links;
  readonly #deliveries: Deliveries;

  constructor(parts: ImageParts) {
    this.#parts = parts;
    this.#links = new Links(parts.core, 'image-export');
    this.#deliveries = new Deliveries(parts);
  }

  /**
   * Begins to make the image fetchable by a link that needs no token; when the action has succeeded, `url` is there,
   * also as the copy's `exportUrl`. Whoever may download the image may export it. Throws `not_found`, `forbidden`
   * (deactivated), `conflict` (no bytes there), `invalid` (a format that it can't be converted to), `too_large`.
   */
  async create(subject: Subject, imageId: string, request: ExportRequest): Promise<Begun> {
    const lifetime = Math.min(request.lifetime ?? defaultLifetime, longestLifetime);
    const id = newId(this.#parts.core.env);
    const expiresAt = this.#parts.core.env.now() + lifetime * second;
    const { expires, signature } = await this.#links.sign(id, expiresAt);
    const urlFor = (image: Image, format: string) =>
      `${request.origin}/unkai/v1/image-exports/${id}/${fileName(image, format)}?expires=${expires}&signature=${signature}`;
    return await this.#begin(subject, imageId, request, { id, expiresAt, urlFor });
  }

  /**
   * Begins to write the image into a container of the subject's project, as the object of the given name. Throws what
   * `create` throws, `not_found` (no such container), `conflict` (`object_exists`, `already_exported`).
   */
  async toContainer(
    subject: Subject,
    imageId: string,
    to: { container: string; object: string },
    request: Pick<ExportRequest, 'storeId' | 'format'> = {},
  ): Promise<Begun> {
    const destination = await this.#deliveries.reserve(subject, imageId, to);
    const id = newId(this.#parts.core.env);
    // How long its job can be asked after.
    const expiresAt = this.#parts.core.env.now() + longestLifetime * second;
    return await this.#begin(subject, imageId, request, { id, expiresAt, destination });
  }

  /** Newest first: of one image, or all of the subject's project. */
  async list(subject: Subject, filter: { imageId?: string; toContainers?: boolean } = {}): Promise<ImageExport[]> {
    let query = this.#parts.core.db.read
      .selectFrom('image_exports')
      .selectAll()
      .orderBy('created_at', 'desc')
      .orderBy('id')
      .limit(1000);
    if (filter.imageId !== undefined) query = query.where('image_id', '=', filter.imageId);
    if (filter.toContainers !== undefined) {
      query = query.where('destination', filter.toContainers ? 'is not' : 'is', null);
    }
    if (!subject.isAdmin || filter.imageId === undefined) {
      query = query.where('project_id', '=', subject.projectId ?? '');
    }
    return (await query.execute()).map(exportFromRow);
  }

  async get(subject: Subject, id: string): Promise<ImageExport> {
    const row = await this.#row(id);
    if (row && ownsOrAdmin(subject, row.project_id)) return exportFromRow(row);
    throw notFound('image export', id);
  }

  /** Ends a link before its time, and removes the file that was made for it. Throws `conflict` while it is made. */
  async delete(subject: Subject, id: string): Promise<void> {
    const found = await this.get(subject, id);
    if (found.state === 'exporting') {
      throw new CloudError('conflict', 'The image is still being exported.', { reason: 'exporting', id });
    }
    await this.#remove((await this.#row(id))!);
  }

  /** Ends all links to the image in one store. Throws `conflict` where there is none. */
  async deleteOf(subject: Subject, imageId: string, storeId: string): Promise<void> {
    const all = await this.list(subject, { imageId, toContainers: false });
    const found = all.filter((one) => one.storeId === storeId && one.state === 'ready');
    if (found.length === 0) {
      throw new CloudError('conflict', `Image ${imageId} is not exported from the image store ${storeId}.`, {
        reason: 'not_exported',
        id: imageId,
      });
    }
    for (const { id } of found) await this.delete(subject, id);
  }

  /** What a link leads to. Throws `forbidden` for links that were not signed here or have expired, `not_found`. */
  async open({ exportId, ...signed }: ExportLink): Promise<ExportDownload> {
    const { rows, stores } = this.#parts;
    if (!(await this.#links.isGood({ id: exportId, ...signed }))) {
      throw new CloudError('forbidden', 'The link has expired, or was not made here.', { reason: 'bad_link' });
    }
    const row = await this.#row(exportId);
    const image = row && (await rows.image(row.image_id));
    if (row?.state !== 'ready' || row.url === null || !image || image.status !== 'active') {
      throw notFound('image export', exportId);
    }
    const driver = stores.driver(row.store_id);
    return {
      size: row.size!,
      md5: row.md5!,
      sha512: row.sha512!,
      async read(range) {
        try {
          return await driver.read(row.converted === 1 ? row.id : row.image_id, range);
        } catch (error) {
          throw receiveFailure(error);
        }
      },
    };
  }

  /** Removes exports whose time is over, and those of images that are gone. Tells how many there were. */
  async removeExpired(): Promise<number> {
    const { db, env, log } = this.#parts.core;
    const due = await db.read
      .selectFrom('image_exports')
      .innerJoin('images', 'images.id', 'image_exports.image_id')
      .selectAll('image_exports')
      .where('state', '!=', 'exporting')
      .where((e) => e.or([e('expires_at', '<', env.now()), e('images.status', 'in', ['deleted', 'expunged'])]))
      // What is told of a job stays told, whatever becomes of the image.
      .where((e) => e.or([e('destination', 'is', null), e('expires_at', '<', env.now())]))
      .limit(maxRemovedPerActivation)
      .execute();
    for (const row of due) {
      await this.#remove(row).catch((error) => {
        log.warn({ err: error, imageId: row.image_id }, 'an export whose time is over could not be removed yet');
      });
    }
    return due.length;
  }

  /** For the action: the file that is to be fetched or written, converted where another format was asked for. */
  async makeFile({ exportId, imageId, storeId }: ExportInput, signal: AbortSignal): Promise<ExportedFile> {
    const { rows, stores } = this.#parts;
    const row = await this.#row(exportId);
    const image = await rows.image(imageId);
    if (!row || !image || isGone(image)) throw notFound('image export', exportId);
    if (row.converted === 0) return { size: image.size!, md5: image.checksum!, sha512: image.hashValue! };
    const driver = stores.driver(storeId);
    const from = formatOf(image)!;
    try {
      await inspectStored(driver, imageId, image.size!, image.diskFormat ?? 'raw', 'use');
      const expected = { size: image.size!, sha512: image.hashValue! };
      const path = driver.localPath(imageId) ?? (await driver.localCopy?.(imageId, expected));
      if (path === undefined) throw new CloudError('unavailable', 'The image is in a store that can not be read here.');
      const staged = await driver.stage(exportId);
      if (!(await driver.stat(exportId))) {
        const to = { path: staged.path, format: row.format as ConvertibleFormat };
        await convertImage({ path, format: from }, to, { virtualSize: image.virtualSize!, signal });
      }
      const { size, checksums } = await driver.adopt(exportId, staged.path, { signal });
      return { size, ...checksums };
    } catch (error) {
      throw receiveFailure(error);
    }
  }

  /** For the action: see `Deliveries.deliver`. */
  async deliver(input: ExportInput, options: { signal: AbortSignal; progress(percent: number): void }): Promise<void> {
    const row = await this.#row(input.exportId);
    if (!row?.destination) return;
    await this.#deliveries.deliver(row, options);
    if (row.converted === 1) await this.discard(input);
  }

  /** For the action: removes the file that was made. */
  async discard({ exportId, storeId }: ExportInput): Promise<void> {
    const { stores } = this.#parts;
    if (stores.find(storeId)) await stores.driver(storeId).delete(exportId);
  }

  async finish(tx: Tx, { exportId, imageId, storeId }: ExportInput, file: ExportedFile): Promise<void> {
    const now = this.#parts.core.env.now();
    const row = await tx.selectFrom('image_exports').selectAll().where('id', '=', exportId).executeTakeFirst();
    if (!row) return;
    await tx
      .updateTable('image_exports')
      .set({ state: 'ready', size: file.size, md5: file.md5, sha512: file.sha512, updated_at: now })
      .where('id', '=', exportId)
      .execute();
    if (row.url === null) return;
    await tx
      .updateTable('image_replicas')
      .set({ export_url: row.url, export_checksum: file.md5 })
      .where('image_id', '=', imageId)
      .where('store_id', '=', storeId)
      .execute();
  }

  /** A link that did not come about is forgotten; what became of a job can be asked after. */
  async fail(tx: Tx, { exportId }: ExportInput, reason: string): Promise<void> {
    await tx.deleteFrom('image_exports').where('id', '=', exportId).where('destination', 'is', null).execute();
    await tx
      .updateTable('image_exports')
      .set({ state: 'failed', last_error: reason, updated_at: this.#parts.core.env.now() })
      .where('id', '=', exportId)
      .execute();
  }

  async #begin(
    subject: Subject,
    imageId: string,
    { storeId, format }: Pick<ExportRequest, 'storeId' | 'format'>,
    about: {
      id: string;
      expiresAt: number;
      destination?: string;
      urlFor?: (image: Image, format: string) => string;
    },
  ): Promise<Begun> {
    const { core, rows } = this.#parts;
    return await core.db.write(async (tx) => {
      const image = await rows.imageForUpdate(imageId, tx);
      if (!image || isGone(image) || !(await mayKnow(rows, subject, image, tx))) throw noSuchImage(imageId);
      requireExportable(subject, image);
      const replica = chooseCopy(image, await rows.replicas([imageId], tx), storeId);
      const wanted = format ?? image.diskFormat ?? 'raw';
      const converted = format !== undefined && format !== formatOf(image);
      if (converted) requireConvertible(image, core.settings.maxImageSize);
      const now = core.env.now();
      const row: ImageExportsTable = {
        id: about.id,
        image_id: imageId,
        store_id: replica.storeId,
        project_id: subject.projectId ?? image.projectId,
        user_id: subject.userId,
        format: wanted,
        converted: converted ? 1 : 0,
        state: 'exporting',
        size: null,
        md5: null,
        sha512: null,
        url: about.urlFor?.(image, wanted) ?? null,
        destination: about.destination ?? null,
        last_error: null,
        created_at: now,
        updated_at: now,
        expires_at: about.expiresAt,
      };
      await tx.insertInto('image_exports').values(row).execute();
      const actionId = await core.runner.submit(tx, exportImage, {
        input: { exportId: about.id, imageId, storeId: replica.storeId },
        name: 'exportImage',
        resourceType: 'image',
        resourceId: imageId,
        projectId: row.project_id,
        userId: subject.userId,
        requestId: subject.requestId,
      });
      return { imageExport: exportFromRow(row), actionId };
    });
  }

  /** The file first: an export without one is worth nothing, but a file without an export would stay for ever. */
  async #remove(row: ImageExportsTable): Promise<void> {
    const { core } = this.#parts;
    if (row.converted === 1) await this.discard({ exportId: row.id, imageId: row.image_id, storeId: row.store_id });
    await core.db.write(async (tx) => {
      await tx.deleteFrom('image_exports').where('id', '=', row.id).execute();
      if (row.url === null) return;
      await tx
        .updateTable('image_replicas')
        .set({ export_url: null, export_checksum: null })
        .where('image_id', '=', row.image_id)
        .where('store_id', '=', row.store_id)
        .where('export_url', '=', row.url)
        .execute();
    });
  }

  async #row(id: string): Promise<ImageExportsTable | undefined> {
    const query = this.#parts.core.db.read.selectFrom('image_exports').selectAll().where('id', '=', id);
    return await query.executeTakeFirst();
  }
}

/** An export that its action brings about. */
interface Begun {
  imageExport: ImageExport;
  actionId: string;
}

function requireExportable(subject: Subject, image: Image): void {
  if (image.status === 'deactivated' && !subject.isAdmin) {
    throw new CloudError('forbidden', 'The requested image has been deactivated. Image data download is forbidden.', {
      reason: 'deactivated',
    });
  }
  if (image.status === 'active') return;
  throw new CloudError('conflict', `Image ${image.id} is ${image.status}: only active images are exported.`, {
    reason: 'image_not_active',
    id: image.id,
  });
}

function chooseCopy(image: Image, replicas: readonly ImageReplica[], storeId: string | undefined): ImageReplica {
  const active = replicas.filter(({ state }) => state === 'active');
  const found = storeId === undefined ? active[0] : active.find((one) => one.storeId === storeId);
  if (found) return found;
  throw new CloudError(
    'conflict',
    `Image ${image.id} has no bytes in the image store ${storeId ?? ''}.`.replace(' .', '.'),
    {
      reason: 'not_on_store',
      id: image.id,
    },
  );
}

function formatOf({ diskFormat }: Image): ConvertibleFormat | undefined {
  if (diskFormat === null || ['ami', 'ari', 'aki'].includes(diskFormat)) return 'raw';
  return convertibleFormats.find((one) => one === diskFormat);
}

function requireConvertible(image: Image, maxSize: number): void {
  if ((image.virtualSize ?? 0) > maxSize) throw tooLarge(maxSize);
  if (formatOf(image)) return;
  throw new CloudError('invalid', `An image of the format ${image.diskFormat} is not converted to another one.`, {
    reason: 'image_format',
    id: image.id,
  });
}

/** What a browser saves the file as. */
function fileName({ id, name }: Image, format: string): string {
  const plain = (name ?? '')
    .replaceAll(/[^A-Za-z0-9_-]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, 60);
  return `${plain || id}.${format}`;
}
