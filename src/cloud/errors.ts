import { ConstraintViolation, DatabaseUnavailable } from '../database/database.ts';

/**
 * What the engine answers when it can't or won't. Dialects translate `code` into their own status and body; the message
 * is a whole sentence for the user who asked, and names what would help where something does.
 */
export class CloudError extends Error {
  readonly code: CloudErrorCode;
  readonly details: ErrorDetails;
  constructor(code: CloudErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'CloudError';
    this.code = code;
    this.details = details;
  }
}

export type CloudErrorCode =
  /** The request makes no sense, whatever the state of things. */
  | 'invalid'
  /** Who asks is not known. */
  | 'unauthenticated'
  /** Who asks may not do this (and may know that the thing exists). */
  | 'forbidden'
  /** No such thing, or who asks may not know of it. */
  | 'not_found'
  /** Valid, but not in the state that things are in. */
  | 'conflict'
  /** Something of that id or name exists. */
  | 'duplicate'
  | 'quota_exceeded'
  /** No host can take it; the message says why, host by host. */
  | 'no_valid_host'
  /** More bytes than allowed. */
  | 'too_large'
  /** The bytes are not what they were said to be, or are dangerous. */
  | 'unsupported_media'
  /** A host, store or other part can't be used now. */
  | 'unavailable';

export interface ErrorDetails {
  /** The kind of the resource it is about, as `server`. */
  resource?: string;
  id?: string;
  /** The member of the request that is wrong. */
  field?: string;
  /** A stable word for one reason among several of a code, where a dialect has to tell them apart. */
  reason?: string;
  cause?: unknown;
}

export function notFound(resource: string, id: string, message?: string): CloudError {
  return new CloudError('not_found', message ?? `${capitalised(resource)} ${id} could not be found.`, { resource, id });
}

/** Whether the database refused a new row because another has its id, or another of its unique members. */
export function isTaken(error: unknown): boolean {
  return error instanceof ConstraintViolation && error.kind === 'unique';
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** What is said of a database that can't do its work now, or whose keys refuse it; undefined for any other error. */
export function databaseRefusal(error: unknown): CloudError | undefined {
  if (error instanceof DatabaseUnavailable)
    return new CloudError('unavailable', "The cloud's database can't be used now.", { cause: error });
  if (!(error instanceof ConstraintViolation)) return undefined;
  // Whoever wrote knows better words. These are for what two do at the same moment.
  if (error.kind === 'unique')
    return new CloudError('duplicate', 'There is one of the same name, id or place already.', { cause: error });
  const message = 'Something that this needs is gone, or something needs what was to go.';
  return new CloudError('conflict', message, { cause: error });
}
