import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readTokenKey } from './token-key.ts';
import { UserError } from './user-error.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unkai-token-key-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function fileWith(text: string): Promise<string> {
  const path = join(folder, 'key');
  await writeFile(path, text);
  return path;
}

it('reads the same key whatever an editor has put at the end of the file', async () => {
  const key = 'a'.repeat(64);
  for (const end of ['', '\n', '\r\n', ' \n\n']) expect(readTokenKey(await fileWith(key + end))).toBe(key);
});

it('refuses a key that is short, and says what is wrong with a file that is not there', async () => {
  const short = await fileWith(`${'a'.repeat(31)}\n`);
  expect(() => readTokenKey(short)).toThrow(UserError);
  expect(() => readTokenKey(short)).toThrow('32 characters or more');
  const nothing = join(folder, 'nothing');
  expect(() => readTokenKey(nothing)).toThrow(UserError);
  expect(() => readTokenKey(nothing)).toThrow(nothing);
});
