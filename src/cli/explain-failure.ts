import { UserError } from './user-error.ts';

/** What SQLite's primary result codes mean to whoever keeps the data folder (sqlite.org/rescode.html). */
const ofSqlite: Record<number, string> = {
  8: 'The database cannot be written. Check whom the data folder belongs to, or choose another with --data-dir DIR.',
  10: 'The database cannot be read or written: the disk fails. Look at the system log (dmesg).',
  11: 'The database is damaged. Bring the data folder back from a backup; unkai doctor tells more.',
  13: 'There is no room left for the database. Make room, or choose another folder with --data-dir DIR.',
  14: 'The database cannot be opened. Check whom the data folder belongs to, or choose another with --data-dir DIR.',
  26: 'The file of the database is none. Bring the data folder back from a backup; unkai doctor tells more.',
};

const elsewhere = 'Choose another folder with --data-dir DIR.';
const advice: Record<string, string> = {
  EACCES: elsewhere,
  EPERM: elsewhere,
  EROFS: elsewhere,
  ENOTDIR: elsewhere,
  EEXIST: elsewhere,
  EDQUOT: 'Make room, or choose another folder with --data-dir DIR.',
  ENOSPC: 'Make room, or choose another folder with --data-dir DIR.',
};

/** A failure that lies in the data folder or its disk, in words that say what to do; undefined for every other. */
export function explainFailure(error: unknown): UserError | undefined {
  if (!(error instanceof Error) || error instanceof UserError) return undefined;
  const { code, errcode, errstr, syscall, path } = error as NodeJS.ErrnoException &
    Record<'errcode' | 'errstr', unknown>;
  if (code === 'ERR_SQLITE_ERROR') {
    const words = ofSqlite[Number(errcode) & 0xff];
    if (words) return new UserError(`${words} (SQLite: ${errstr})`, { cause: error });
  }
  const known = code && advice[code];
  if (known) return new UserError(`${error.message}. ${known}`, { cause: error });
  // What Node says of a folder that can't be made where nothing may be written.
  if (code === 'ENOENT' && syscall === 'mkdir')
    return new UserError(`${path} can't be made. ${elsewhere}`, { cause: error });
  return explainFailure(error.cause);
}
