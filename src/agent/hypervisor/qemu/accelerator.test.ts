import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { realEnv } from '../../../env/real.ts';
import { probeQemu, runProbe } from './accelerator.ts';
import { writeBootSector } from './boot-sector.ts';
import { probeExitCode, probeProgram } from './probe-program.ts';

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
  for (const change of [{ bootId: 'another' }, { binary: 'another' }, { method: 1 }]) {
    await writeFile(path, JSON.stringify({ ...record, version: 1, ...change }));
    expect(await probeQemu(env, binary, folder)).toEqual(found);
  }
  await writeFile(path, 'damaged');
  expect(await probeQemu(env, binary, folder)).toEqual(found);
});

test('the probe goes through long mode and page faults to its end, also where there is no KVM', async () => {
  const image = join(folder, 'probe.img');
  await writeBootSector(image, probeProgram);
  const took = await runProbe(env, binary, image, 'tcg', 20_000);
  expect(took).toBeGreaterThan(0);
  // One instruction that is not there: it never comes to its end.
  await writeBootSector(image, [...probeProgram.slice(0, 0x63), 0x0f, 0x0b, ...probeProgram.slice(0x65)]);
  expect(await runProbe(env, binary, image, 'tcg', 1000)).toBeUndefined();
});

test.skipIf(!existsSync('/dev/kvm'))('where QEMU can only use KVM, that it runs is enough', async () => {
  const onlyKvm = join(folder, 'qemu');
  const script = [
    '#!/bin/sh',
    'case "$*" in',
    '*--version*) echo "QEMU emulator version 9.0.0" ;;',
    '*-accel\\ tcg*) exit 1 ;;',
  ];
  await writeFile(onlyKvm, [...script, `*) exit ${probeExitCode} ;;`, 'esac', ''].join('\n'), { mode: 0o700 });
  expect(await probeQemu(env, onlyKvm, folder)).toEqual({ version: 9_000_000, accelerator: 'kvm' });
});

test('a given accelerator is not put to the test', async () => {
  expect(await probeQemu(env, binary, folder, 'kvm')).toMatchObject({ accelerator: 'kvm' });
});

test('a host without QEMU is told', async () => {
  await expect(probeQemu(env, 'no-such-qemu', folder)).rejects.toMatchObject({ code: 'unsupported' });
});
