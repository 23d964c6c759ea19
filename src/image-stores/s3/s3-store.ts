import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { S3Client } from '@aws-sdk/client-s3';
import { createHasher } from '../hashing/hasher.ts';
import { LocalCopies } from '../local-copies.ts';
import { ChunkReader, sizeMismatch, throwIfAborted } from '../receive.ts';
import { adoptByUpload, Staging } from '../staged-file.ts';
import {
  type ImageStore,
  type PutOptions,
  rangeWithin,
  type StoredImage,
  type StoredUpload,
  StoreError,
  type StoreListing,
} from '../store.ts';
import { UploadsUnderWay } from '../uploads-under-way.ts';
import { s3Failure } from './s3-failure.ts';
import type { S3Place } from './s3-url.ts';

const imageName = /^[0-9a-f]{32}$/;
const mebibyte = 1024 * 1024;
/** Parts of this size, two of them under way: what an upload may hold in memory. */
const smallestPart = 8 * mebibyte;
const partsUnderWay = 2;
/** An S3 object has 10,000 parts at most. */
const maxParts = 10_000;

export interface S3StoreOptions {
  name: string;
  place: S3Place;
  /** A folder of this host: for what hosts export, and for copies of images that hosts read. */
  localDirectory: string;
  /** Bytes of images that are kept there at the most. */
  maxLocalBytes?: number;
  /** What the bucket may hold, bytes: S3 itself knows no limit. */
  capacity?: number;
  /** Whether other processes write to the store too: what seems to be left by a dead one may be theirs. */
  isShared?: boolean;
}

type Sdk = typeof import('@aws-sdk/client-s3');

/** Opens a store in a bucket that exists. Throws `StoreError` when it can't be reached. */
export async function openS3Store(options: S3StoreOptions): Promise<ImageStore> {
  const sdk = await import('@aws-sdk/client-s3');
  const { place } = options;
  const client = new sdk.S3Client({
    region: place.region,
    credentials: place.credentials,
    ...(place.endpoint === undefined ? {} : { endpoint: place.endpoint, forcePathStyle: true }),
    maxAttempts: 3,
    requestHandler: { connectionTimeout: place.timeoutMs, socketTimeout: place.timeoutMs },
  });
  await new Staging(options.localDirectory).open();
  try {
    await client.send(new sdk.HeadBucketCommand({ Bucket: place.bucket }));
  } catch (error) {
    client.destroy();
    throw s3Failure(`reach the bucket ${place.bucket}`, error);
  }
  const store = new S3Store(sdk, client, options);
  if (!options.isShared) await store.abortDeadUploads();
  return store;
}

/** An image store in a bucket of any S3-compatible server: one object an image, uploaded in parts. */
class S3Store implements ImageStore {
  readonly kind = 's3';
  readonly name: string;
  readonly #sdk: Sdk;
  readonly #client: S3Client;
  readonly #place: S3Place;
  readonly #staging: Staging;
  readonly #local: LocalCopies;
  readonly #capacity: number;
  readonly #uploads = new UploadsUnderWay();

  constructor(sdk: Sdk, client: S3Client, options: S3StoreOptions) {
    this.#sdk = sdk;
    this.#client = client;
    this.name = options.name;
    this.#place = options.place;
    this.#staging = new Staging(options.localDirectory);
    this.#local = new LocalCopies(
      join(options.localDirectory, 'images'),
      options.maxLocalBytes ?? 20 * 1024 * mebibyte,
    );
    this.#capacity = options.capacity ?? 2 ** 50;
  }

  async put(imageId: string, source: AsyncIterable<Buffer>, options: PutOptions = {}): Promise<StoredUpload> {
    const key = this.#key(imageId);
    return await this.#uploads.alone(imageId, options.signal, (signal) =>
      this.#receive(imageId, key, source, { ...options, signal }),
    );
  }

  async #receive(
    imageId: string,
    key: string,
    source: AsyncIterable<Buffer>,
    options: PutOptions & { signal: AbortSignal },
  ): Promise<StoredUpload> {
    const { signal, expectedSize } = options;
    throwIfAborted(signal);
    const { Upload } = await import('@aws-sdk/lib-storage');
    const hasher = createHasher(['md5', 'sha512']);
    const chunks = new ChunkReader(source, signal);
    const seen: { size: number; error?: unknown } = { size: 0 };
    const body = Readable.from(hashed(chunks, hasher, options, seen), { objectMode: false });
    const partSize = Math.max(smallestPart, Math.ceil((expectedSize ?? 0) / maxParts / mebibyte) * mebibyte);
    const upload = new Upload({
      client: this.#clientUntil(signal),
      params: { Bucket: this.#place.bucket, Key: key, Body: body },
      partSize,
      queueSize: partsUnderWay,
      leavePartsOnError: false,
    });
    let isStored = false;
    try {
      await upload.done();
      isStored = true;
      const checksums = await hasher.digest();
      throwIfAborted(signal);
      return { size: seen.size, installPath: this.installPath(imageId), checksums };
    } catch (error) {
      if (isStored) await this.#remove(key);
      else if (seen.size >= partSize) await this.#abortUploadsOf(imageId);
      // What the source, or whoever looks at its chunks, failed with is the reason; the rest follows from it.
      throw seen.error ?? (signal.aborted ? abortedBy(signal) : s3Failure(`store image ${imageId}`, error));
    } finally {
      chunks.close();
      hasher.close();
      body.destroy();
    }
  }

  /**
   * The client as an upload has it: what brings bytes ends with the signal. The upload itself ends a little later, when
   * it has taken back what it had brought: its own way to be aborted leaves that to be done, or not, by nobody.
   */
  #clientUntil(signal: AbortSignal): S3Client {
    const { CreateMultipartUploadCommand, PutObjectCommand, UploadPartCommand } = this.#sdk;
    const bringing = [CreateMultipartUploadCommand, PutObjectCommand, UploadPartCommand];
    const client = this.#client;
    const send = (command: Parameters<S3Client['send']>[0]) =>
      client.send(command, bringing.some((kind) => command instanceof kind) ? { abortSignal: signal } : {});
    return Object.create(client, { send: { value: send } }) as S3Client;
  }

  /**
   * Removes the parts that a failed upload has brought, also of one whose beginning was never answered, and of one whose
   * end failed. What can't be removed now is removed by a sweep, or at the next start.
   */
  async #abortUploadsOf(imageId: string): Promise<void> {
    const until = AbortSignal.timeout(this.#place.timeoutMs);
    try {
      for (const { name } of await this.#listUploads(imageId, until)) await this.#abortUpload(name, until);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
    }
  }

  async read(imageId: string, range: { start?: number; end?: number } = {}): Promise<Readable> {
    const key = this.#key(imageId);
    const found = await this.stat(imageId);
    if (!found) throw new StoreError('not_found', `Failed to open image ${imageId}: there is no such object.`);
    const { start, end } = rangeWithin(found.size, imageId, range);
    if (start === end) return Readable.from([]);
    try {
      const { GetObjectCommand } = this.#sdk;
      const part = { Bucket: this.#place.bucket, Key: key, Range: `bytes=${start}-${end - 1}` };
      const { Body } = await this.#client.send(new GetObjectCommand(part));
      const body = Body as Readable;
      // Who reads it is told when they read; an error that comes before has nobody else to go to.
      body.on('error', () => {});
      return body;
    } catch (error) {
      throw s3Failure(`read image ${imageId}`, error);
    }
  }

  async stat(imageId: string): Promise<StoredImage | undefined> {
    const { HeadObjectCommand } = this.#sdk;
    try {
      const head = new HeadObjectCommand({ Bucket: this.#place.bucket, Key: this.#key(imageId) });
      const { ContentLength = 0, LastModified } = await this.#client.send(head);
      return { imageId, size: ContentLength, modifiedAt: (LastModified?.getTime() ?? 0) * 1000 };
    } catch (error) {
      const failure = s3Failure(`look at image ${imageId}`, error);
      if (failure.code === 'not_found') return undefined;
      throw failure;
    }
  }

  async delete(imageId: string): Promise<void> {
    const key = this.#key(imageId);
    await this.#uploads.end(imageId);
    await this.#remove(key);
    await this.unstage(imageId);
    await this.#local.drop(imageId);
  }

  async #remove(key: string): Promise<void> {
    try {
      await this.#client.send(new this.#sdk.DeleteObjectCommand({ Bucket: this.#place.bucket, Key: key }));
    } catch (error) {
      const failure = s3Failure(`delete ${key}`, error);
      if (failure.code !== 'not_found') throw failure;
    }
  }

  async stage(imageId: string): Promise<{ path: string }> {
    this.#key(imageId);
    return { path: this.#staging.path(imageId) };
  }

  async adopt(imageId: string, stagedPath: string, { signal }: { signal?: AbortSignal } = {}): Promise<StoredUpload> {
    return await adoptByUpload(this, imageId, stagedPath, signal);
  }

  async unstage(imageId: string): Promise<void> {
    this.#key(imageId);
    await this.#staging.remove(imageId);
  }

  localPath(): undefined {
    return undefined;
  }

  async localCopy(imageId: string, expected: { size: number; sha512: string }): Promise<string> {
    return await this.#local.get(imageId, expected, async (start) => await this.read(imageId, { start }));
  }

  installPath(imageId: string): string {
    return `s3://${this.#place.bucket}/${this.#key(imageId)}`;
  }

  async list(): Promise<StoreListing> {
    const { ListObjectsV2Command } = this.#sdk;
    const { bucket, prefix } = this.#place;
    const images: StoredImage[] = [];
    const others = [...(await this.#staging.list()), ...(await this.#listUploads())];
    let token: string | undefined;
    do {
      const page = new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, ContinuationToken: token });
      const { Contents = [], NextContinuationToken } = await this.#client.send(page).catch((error) => {
        throw s3Failure('list the store', error);
      });
      for (const { Key = '', Size: size = 0, LastModified } of Contents) {
        const name = Key.slice(prefix.length);
        const modifiedAt = (LastModified?.getTime() ?? 0) * 1000;
        if (imageName.test(name)) images.push({ imageId: name, size, modifiedAt });
        else others.push({ name: `objects/${name}`, kind: 'unknown', size, modifiedAt, isLive: false });
      }
      token = NextContinuationToken;
    } while (token);
    return { images, others };
  }

  /** Of one image, where it is named. Of very many only the first ones: others are seen when those are gone. */
  async #listUploads(of = '', abortSignal?: AbortSignal): Promise<StoreListing['others']> {
    const { ListMultipartUploadsCommand } = this.#sdk;
    const { bucket, prefix } = this.#place;
    const list = new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: prefix + of });
    const { Uploads = [] } = await this.#client.send(list, { abortSignal }).catch((error) => {
      throw s3Failure('list uploads', error);
    });
    return Uploads.map(({ Key = '', UploadId = '', Initiated }) => {
      const imageId = Key.slice(prefix.length);
      return {
        name: `uploads/${imageId}/${UploadId}`,
        kind: 'upload' as const,
        ...(imageName.test(imageId) ? { imageId } : {}),
        size: 0,
        modifiedAt: (Initiated?.getTime() ?? 0) * 1000,
        isLive: this.#uploads.has(imageId),
      };
    });
  }

  /** Ends what uploads of dead processes have left. */
  async abortDeadUploads(): Promise<void> {
    const ended = new Set<string>();
    const left = async () => (await this.#listUploads()).filter(({ name, isLive }) => !isLive && !ended.has(name));
    for (let some = await left(); some.length > 0; some = await left()) {
      for (const { name } of some) {
        await this.removeStray(name);
        ended.add(name);
      }
    }
  }

  async removeStray(name: string): Promise<void> {
    if (await this.#staging.removeNamed(name)) return;
    const [kind, id = '', uploadId] = name.split('/');
    const { prefix } = this.#place;
    if (kind === 'objects' && id !== '' && !imageName.test(name.slice('objects/'.length))) {
      return await this.#remove(prefix + name.slice('objects/'.length));
    }
    if (kind !== 'uploads' || !uploadId) throw new StoreError('bad_name', `${JSON.stringify(name)} is no stray.`);
    if (this.#uploads.has(id)) throw new StoreError('busy', `An upload is writing ${id}.`);
    await this.#abortUpload(name);
  }

  /** By the name that the list gave it. */
  async #abortUpload(name: string, abortSignal?: AbortSignal): Promise<void> {
    const [, id = '', uploadId] = name.split('/');
    const { bucket, prefix } = this.#place;
    const { AbortMultipartUploadCommand } = this.#sdk;
    const abort = new AbortMultipartUploadCommand({ Bucket: bucket, Key: prefix + id, UploadId: uploadId });
    await this.#client.send(abort, { abortSignal }).catch((error) => {
      const failure = s3Failure(`end the upload of ${id}`, error);
      if (failure.code !== 'not_found') throw failure;
    });
  }

  async capacity(): Promise<{ total: number; free: number }> {
    const { images } = await this.list();
    const used = images.reduce((sum, { size }) => sum + size, 0);
    return { total: this.#capacity, free: Math.max(0, this.#capacity - used) };
  }

  async close(): Promise<void> {
    await this.#uploads.endAll();
    this.#client.destroy();
  }

  #key(imageId: string): string {
    if (!imageName.test(imageId)) throw new StoreError('bad_name', `${JSON.stringify(imageId)} is no image id.`);
    return this.#place.prefix + imageId;
  }
}

/**
 * The source's bytes, hashed on their way. Whatever goes wrong with them is kept for whoever asked for the upload; what
 * the upload itself fails with ends this as well, and is none of it.
 */
async function* hashed(
  chunks: ChunkReader,
  hasher: { update(chunk: Buffer): Promise<void> },
  { onChunk, expectedSize }: PutOptions,
  seen: { size: number; error?: unknown },
): AsyncGenerator<Buffer> {
  const next = async () => {
    const chunk = await chunks.next();
    seen.size += chunk?.length ?? 0;
    if (expectedSize !== undefined && seen.size > expectedSize) throw sizeMismatch(expectedSize, 'more');
    if (!chunk) {
      if (expectedSize !== undefined && seen.size < expectedSize) throw sizeMismatch(expectedSize, `${seen.size}`);
      return undefined;
    }
    await onChunk?.(chunk);
    await hasher.update(chunk);
    return chunk;
  };
  for (;;) {
    const chunk = await next().catch((error) => {
      seen.error = error;
      throw error;
    });
    if (!chunk) return;
    yield chunk;
  }
}

function abortedBy(signal: AbortSignal): StoreError {
  return new StoreError('aborted', 'The upload was given up.', signal.reason);
}
