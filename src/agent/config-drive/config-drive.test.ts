import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { realEnv } from '../../env/real.ts';
import { writeConfigDrive } from './config-drive.ts';

const run = promisify(execFile);
const env = realEnv();
let folder: string;
let iso: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unkai-config-drive-'));
  iso = join(folder, 'config.iso');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function read(extension: '-R' | '-J', path: string): Promise<string> {
  return (await run('isoinfo', [extension, '-i', iso, '-x', path])).stdout;
}

async function list(...extension: string[]): Promise<string[]> {
  return (await run('isoinfo', [...extension, '-i', iso, '-f'])).stdout.trim().split('\n');
}

test('a config drive has its label and its files, by Rock Ridge and Joliet names', async () => {
  const userData = `#!/bin/sh\necho 雲海 ${'x'.repeat(70_000)}\n`;
  const files = { 'openstack/latest/meta_data.json': '{"a":1}', 'openstack/latest/user_data': userData };
  await writeConfigDrive(env, iso, { ...files, 'ec2/2009-04-04/meta-data.json': '{}' });
  expect((await readFile(iso)).toString('latin1', 0x8028, 0x8048).trim()).toBe('config-2');
  for (const extension of ['-R', '-J'] as const) {
    for (const [path, content] of Object.entries(files)) expect(await read(extension, `/${path}`)).toBe(content);
  }
  expect(await readdir(folder)).toEqual(['config.iso']);
});

test('names that are long, alike in capital letters or many are told apart by all three ways to read them', async () => {
  const many = Array.from({ length: 90 }, (_, index) => `content/${'a-long-name-'.repeat(4)}${index}.conf`);
  const paths = ['Name', 'name', 'deep/er/and/deep/er/file', 'empty', ...many];
  await writeConfigDrive(env, iso, Object.fromEntries(paths.map((path) => [path, path === 'empty' ? '' : path])));
  for (const extension of ['-R', '-J'] as const) {
    expect(await list(extension)).toEqual(expect.arrayContaining(paths.map((path) => `/${path}`)));
    for (const path of [...paths.slice(0, 4), paths.at(-1)!])
      expect(await read(extension, `/${path}`)).toBe(path === 'empty' ? '' : path);
  }
  const plain = await list();
  expect(new Set(plain).size).toBe(plain.length);
  for (const name of plain) expect(name).toMatch(/^[A-Z0-9_/.;]+$/);
});

test('bytes that are no text stay as they are', async () => {
  const bytes = Buffer.from([0x1f, 0x8b, 0x08, 0x00, 0xff, 0xfe, 0x80]);
  await writeConfigDrive(env, iso, { 'openstack/latest/user_data': { base64: bytes.toString('base64') } });
  const { stdout } = await run('isoinfo', ['-R', '-i', iso, '-x', '/openstack/latest/user_data'], {
    encoding: 'buffer',
  });
  expect(stdout).toEqual(bytes);
});

test('a config drive is replaced as a whole', async () => {
  await writeConfigDrive(env, iso, { old: 'old' });
  await writeConfigDrive(env, iso, { new: 'new' });
  expect((await run('isoinfo', ['-R', '-i', iso, '-f'])).stdout.trim()).toBe('/new');
});

test.each(['', '/etc/passwd', '../up', 'a/../b', 'a//b', '-o', 'a/-o', '.', 'a\nb', 'a\0b', 'graft=point'])(
  'the path %j is refused',
  async (path) => {
    await expect(writeConfigDrive(env, iso, { [path]: '' })).rejects.toMatchObject({ code: 'unsupported' });
    expect(await readdir(folder)).toEqual([]);
  },
);
