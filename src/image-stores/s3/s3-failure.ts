import { StoreError, type StoreErrorCode } from '../store.ts';

const codes: Record<string, StoreErrorCode> = {
  NoSuchKey: 'not_found',
  NotFound: 'not_found',
  NoSuchUpload: 'not_found',
  EntityTooLarge: 'no_space',
  QuotaExceeded: 'no_space',
  XMinioStorageFull: 'no_space',
  InsufficientStorage: 'no_space',
  InvalidRange: 'bad_range',
};

/** The SDK's errors hold their whole connection, which is nothing for a log. */
function cause(name: string, message: string, error: unknown): Error {
  const plain = new Error(message);
  plain.name = name;
  if (error instanceof Error && error.stack) plain.stack = error.stack;
  return plain;
}

/** Puts what an S3 server, or the way to it, failed with into the store's terms. */
export function s3Failure(doing: string, error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  const name = error instanceof Error ? error.name : '';
  const message = error instanceof Error ? error.message || name : String(error);
  return new StoreError(codes[name] ?? 'failed', `Failed to ${doing}: ${message}`, cause(name, message, error));
}
