import { readFileSync } from 'node:fs';
import { type SecretKey, secretKeysFrom } from '../cloud/secrets/sealing.ts';
import type { DataFolder, FolderSettings } from './data-folder.ts';
import { UserError } from './user-error.ts';

/** Shorter ones are guessed. */
const minLength = 32;

/**
 * With what secrets in the database are encrypted: the file that the operator says, else one of the data folder. Several
 * folders may share a PostgreSQL server, and none of them can know another one's file.
 */
export function secretKeysOf(
  folder: DataFolder,
  settings: Pick<FolderSettings, 'secretKeys' | 'database'>,
): SecretKey[] {
  const path = settings.secretKeys ?? (settings.database === undefined ? folder.ensureSecretKeys() : undefined);
  if (path === undefined) return [];
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new UserError(`The keys for secrets can't be read: ${(error as Error).message}`, { cause: error });
  }
  const lines = text.split('\n').flatMap((line) => line.trim() || []);
  if (lines.length > 0 && lines.every((line) => line.length >= minLength)) return secretKeysFrom(text);
  throw new UserError(
    `The keys for secrets in ${path} must have ${minLength} characters or more each, one on a line (openssl rand -hex 32).`,
  );
}
