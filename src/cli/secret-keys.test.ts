import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { DataFolder } from './data-folder.ts';
import { secretKeysOf } from './secret-keys.ts';
import { UserError } from './user-error.ts';

let root: string;
let folder: DataFolder;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'unkai-secret-keys-'));
  folder = new DataFolder(root);
});
afterEach(() => rmSync(root, { recursive: true }));

it('are made once for a folder with a database of its own, and are for its owner only', () => {
  const [key, ...others] = secretKeysOf(folder, {});
  expect(key!.key).toHaveLength(32);
  expect(others).toEqual([]);
  expect(statSync(folder.secretKeysFile).mode & 0o777).toBe(0o600);
  expect(secretKeysOf(folder, {})).toEqual([key]);
});

it('are said by the operator where processes share a server: none is made up that others have not', () => {
  const database = 'postgres://there/unkai';
  expect(secretKeysOf(folder, { database })).toEqual([]);
  const secretKeys = join(root, 'keys');
  writeFileSync(secretKeys, `${'a'.repeat(32)}\n\n  ${'b'.repeat(40)}\n`);
  const ids = secretKeysOf(folder, { database, secretKeys }).map(({ id }) => id);
  expect(new Set(ids).size).toBe(2);
  expect(secretKeysOf(folder, { secretKeys }).map(({ id }) => id)).toEqual(ids);
});

it.each(['', 'short', `${'a'.repeat(40)}\nshort`])('are refused where they could be guessed: %j', (text) => {
  const secretKeys = join(root, 'keys');
  writeFileSync(secretKeys, text);
  expect(() => secretKeysOf(folder, { secretKeys })).toThrow(UserError);
  expect(() => secretKeysOf(folder, { secretKeys: join(root, 'none') })).toThrow(/can't be read/);
});
