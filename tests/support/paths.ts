import { resolve } from 'node:path';

/** Where tests keep what is built once: TinyLinux. */
export const cacheDir = resolve(import.meta.dirname, '../../var/cache');
