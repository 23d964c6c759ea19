import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { UnchangedFiles } from './unchanged-files.ts';

let folder: string;
let path: string;
let looks: number;
const look = async () => void looks++;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unkai-unchanged-'));
  path = join(folder, 'image');
  looks = 0;
  await writeFile(path, 'one');
});
afterEach(() => rm(folder, { recursive: true }));

test('a file is looked at once', async () => {
  const files = new UnchangedFiles();
  await files.onceFor(path, look);
  await files.onceFor(path, look);
  expect(looks).toBe(1);
});

test('one that was put in its place is looked at', async () => {
  const files = new UnchangedFiles();
  await files.onceFor(path, look);
  await writeFile(`${path}.new`, 'two');
  await rename(`${path}.new`, path);
  await files.onceFor(path, look);
  expect(looks).toBe(2);
});

test('one that was found bad is looked at again', async () => {
  const files = new UnchangedFiles();
  const bad = () => Promise.reject(new Error('bad'));
  await expect(files.onceFor(path, bad)).rejects.toThrow('bad');
  await files.onceFor(path, look);
  expect(looks).toBe(1);
});

test('one that is not there is left to who reads it', async () => {
  const files = new UnchangedFiles();
  await files.onceFor(join(folder, 'none'), look);
  await files.onceFor(join(folder, 'none'), look);
  expect(looks).toBe(2);
});
