import { readFileSync } from 'node:fs';
import { UserError } from './user-error.ts';

/** Shorter ones are guessed. */
const minLength = 32;

/** What stands in the file with which tokens are signed; what editors put at its end does not count. */
export function readTokenKey(path: string): string {
  let text: string;
  try {
    text = readFileSync(path, 'utf8').trimEnd();
  } catch (error) {
    throw new UserError(`The key for tokens can't be read: ${(error as Error).message}`, { cause: error });
  }
  if (text.length >= minLength) return text;
  throw new UserError(
    `The key for tokens in ${path} must have ${minLength} characters or more (openssl rand -hex 32).`,
  );
}
