import { SourceError } from '../../image-sources/source.ts';
import { type ImageStore, type StoredUpload, StoreError } from '../../image-stores/store.ts';
import { CloudError } from '../errors.ts';
import { ImageRefused } from './inspection/image-refused.ts';
import { createInspector, type Inspector } from './inspection/inspect.ts';
import type { Inspection } from './inspection/policy.ts';

/** Bytes that are in a store, and what they turned out to be. */
export interface ReceivedImage extends StoredUpload {
  inspection: Inspection;
  /** What comes along from where the image was. */
  told?: { diskFormat: string | null; containerFormat: string | null; properties: Record<string, string> };
}

export interface ReceiveOptions {
  imageId: string;
  /** The format that the content is held against. */
  diskFormat: string;
  /** The most bytes to take. */
  maxSize: number;
  /** What the source promised to deliver. */
  expectedSize?: number;
  signal?: AbortSignal;
  /** Told of every piece, with the bytes so far. */
  onBytes?: (bytes: number) => void;
  /** Told of every piece that is not needed any more; see `PutOptions`. */
  onTaken?: (chunk: Buffer) => void;
}

/**
 * Streams an image into a store, and judges it on the way: it is in the store when this resolves, and nothing of it is
 * when it rejects. Failures are `CloudError`.
 */
export async function receiveImage(
  store: ImageStore,
  source: AsyncIterable<Buffer>,
  options: ReceiveOptions,
): Promise<ReceivedImage> {
  const { imageId, signal, expectedSize, onTaken } = options;
  const judge: { inspection?: Inspection } = {};
  try {
    const inspector = createInspector({ declaredFormat: options.diskFormat, maxVirtualSize: options.maxSize });
    // What the judgement throws ends the upload before the store has made anything of it visible.
    const inspected = inspect(source, inspector, options, judge);
    const stored = await store.put(imageId, inspected, { signal, expectedSize, onTaken });
    return { ...stored, inspection: judge.inspection! };
  } catch (error) {
    throw receiveFailure(error);
  }
}

async function* inspect(
  source: AsyncIterable<Buffer>,
  inspector: Inspector,
  { maxSize, onBytes }: ReceiveOptions,
  judge: { inspection?: Inspection },
): AsyncGenerator<Buffer> {
  let bytes = 0;
  for await (const chunk of source) {
    bytes += chunk.length;
    if (bytes > maxSize) throw tooLarge(maxSize);
    inspector.push(chunk);
    onBytes?.(bytes);
    yield chunk;
  }
  judge.inspection = inspector.finish();
}

export function tooLarge(maxSize: number): CloudError {
  return new CloudError('too_large', `Image exceeds the storage quota: an image may have ${maxSize} bytes at most.`, {
    reason: 'image_too_large',
  });
}

/** Puts what went wrong with an image's bytes into the engine's terms. */
export function receiveFailure(error: unknown): CloudError {
  if (error instanceof CloudError) return error;
  if (error instanceof ImageRefused) {
    const code = error.code === 'too_large' ? 'too_large' : 'unsupported_media';
    return new CloudError(code, error.message, { reason: error.code, cause: error });
  }
  if (error instanceof StoreError) return storeError(error);
  if (error instanceof SourceError && error.code === 'refused') {
    return new CloudError('invalid', error.message, { reason: 'source_refused', cause: error });
  }
  return new CloudError('invalid', 'The image data could not be read to its end.', {
    reason: 'source_failed',
    cause: error,
  });
}

function storeError(error: StoreError): CloudError {
  const details = { reason: error.code, cause: error };
  switch (error.code) {
    case 'no_space':
      return new CloudError(
        'too_large',
        'Image storage media is full: there is not enough room for the image.',
        details,
      );
    case 'size_mismatch':
      return new CloudError('invalid', error.message, details);
    case 'busy':
      return new CloudError('conflict', error.message, details);
    case 'aborted':
      return error.cause instanceof CloudError ? error.cause : goneMeanwhile(error);
    case 'bad_range':
      return new CloudError('invalid', error.message, details);
    default:
      return new CloudError('unavailable', 'The image store failed. Try again later.', details);
  }
}

/** The image was deleted while its bytes were coming. Glance says 410. */
export function goneMeanwhile(cause?: unknown): CloudError {
  return new CloudError('conflict', 'The image was deleted while its data was uploaded.', {
    reason: 'deleted_meanwhile',
    cause,
  });
}
