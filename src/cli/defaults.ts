import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

export const defaultPort = 8774;
export const defaultListen = '127.0.0.1';

const root = resolve(import.meta.dirname, '../..');

/** `var` beside the program, from whatever folder it is called. */
export const defaultDataDir = resolve(root, 'var');

/** The version of the program. */
export const version: string = JSON.parse(readFileSync(resolve(root, 'package.json'), 'utf8')).version;
