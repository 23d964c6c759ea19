import { CloudError } from '../errors.ts';

/** What the indexes of every database take. */
const maxTagBytes = 2048;

/** Throws `invalid` for a text that is too long for a tag. */
export function refuseLong(tag: string): void {
  if (isTooLong(tag)) throw new CloudError('invalid', `A tag can have ${maxTagBytes} bytes at most.`);
}

export function isTooLong(tag: string): boolean {
  return Buffer.byteLength(tag) > maxTagBytes;
}
