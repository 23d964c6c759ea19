import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ObjectFolder } from './object-folder.ts';

const project = 'a'.repeat(32);
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unkai-objects-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function* bytes(): AsyncGenerator<Buffer> {
  yield Buffer.from('content');
}

test('what a process that died had begun to write goes, and nothing else', async () => {
  const objects = new ObjectFolder(join(folder, 'objects'));
  expect(await objects.removeUnfinished()).toBe(0);
  await objects.ensureContainer(project, 'box');
  await objects.put({ project, container: 'box', object: 'whole.part' }, bytes());
  const container = join(folder, 'objects', project, 'box');
  await writeFile(join(container, '.4711.1.part'), 'half');
  expect(await objects.removeUnfinished()).toBe(1);
  expect(await objects.removeUnfinished()).toBe(0);
  expect(await objects.stat({ project, container: 'box', object: 'whole.part' })).toMatchObject({ size: 7 });
});
