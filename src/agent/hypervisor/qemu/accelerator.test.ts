import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { realEnv } from '../../../env/real.ts';
import { probeQemu } from './accelerator.ts';

const env = realEnv();
const binary = 'qemu-system-x86_64';
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unkai-probe-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test('the answer is found once for each boot of the machine', async () => {
  const found = await probeQemu(env, binary, folder);
  expect(['kvm', 'tcg']).toContain(found.accelerator);
  expect(found.version).toBeGreaterThan(5_000_000);

  const path = join(folder, 'qemu.json');
  const record = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
  await writeFile(path, JSON.stringify({ ...record, version: 1 }));
  expect(await probeQemu(env, binary, folder)).toEqual({ ...found, version: 1 });
  for (const change of [{ bootId: 'another' }, { binary: 'another' }]) {
    await writeFile(path, JSON.stringify({ ...record, version: 1, ...change }));
    expect(await probeQemu(env, binary, folder)).toEqual(found);
  }
  await writeFile(path, 'damaged');
  expect(await probeQemu(env, binary, folder)).toEqual(found);
});

test('a given accelerator is not put to the test', async () => {
  expect(await probeQemu(env, binary, folder, 'kvm')).toMatchObject({ accelerator: 'kvm' });
});

test('a host without QEMU is told', async () => {
  await expect(probeQemu(env, 'no-such-qemu', folder)).rejects.toMatchObject({ code: 'unsupported' });
});
