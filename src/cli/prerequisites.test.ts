import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { checkPrerequisites, installCommand, installPrerequisites, type Missing } from './prerequisites.ts';

let folder: string;
const wanted = (name: string): Missing => ({
  need: name,
  package: `lib${name}`,
  for: 'testing',
  probe: () => existsSync(join(folder, name)),
});
const canInstall = existsSync('/etc/debian_version') && process.getuid?.() === 0;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'prerequisites-'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

/** Puts an apt-get of our own first in PATH, and a systemctl: they note how they were called. The first runs the script. */
function replaceAptGet(script: string): () => string[] {
  const replace = (program: string, noted: string, rest: string) => {
    writeFileSync(join(folder, program), `#!/bin/sh\necho "${noted}" >>${folder}/calls\ncd ${folder}\n${rest}\n`);
    chmodSync(join(folder, program), 0o755);
  };
  replace('apt-get', '$DEBIAN_FRONTEND $*', script);
  replace('systemctl', 'systemctl $*', 'exit 1');
  vi.stubEnv('PATH', `${folder}:${process.env['PATH']}`);
  return () => readFileSync(join(folder, 'calls'), 'utf8').trim().split('\n');
}

describe('checkPrerequisites', () => {
  test('looks at files only: it takes no time', () => {
    checkPrerequisites('test');
    const times = Array.from({ length: 20 }, () => {
      const start = performance.now();
      checkPrerequisites('test');
      return performance.now() - start;
    });
    // The quickest: what else the machine did meanwhile is no matter of it.
    expect(Math.min(...times)).toBeLessThan(5);
  });

  test('the tests need all that running needs', () => {
    const forTests = checkPrerequisites('test').map((missing) => missing.need);
    for (const missing of checkPrerequisites('run')) expect(forTests).toContain(missing.need);
  });
});

test('installCommand names each package once', () => {
  expect(installCommand([wanted('a'), wanted('b'), wanted('a')])).toBe(
    'apt-get install -y --no-install-recommends liba libb',
  );
});

describe('installPrerequisites', () => {
  test('says what to type where it may not install', async () => {
    vi.spyOn(process, 'getuid').mockReturnValue(1000);
    replaceAptGet('exit 1');
    const installing = installPrerequisites([wanted('tool')], { onProgress: () => {} });
    await expect(installing).rejects.toThrow(
      /tool \(for testing\)[\s\S]*(sudo apt-get install .*libtool|packages: libtool)/,
    );
    expect(existsSync(join(folder, 'calls'))).toBe(false);
  });

  test.runIf(canInstall)(
    'updates the package lists once, installs everything in one go, and tells of its progress',
    async () => {
      const calls = replaceAptGet(
        'echo "Get:1 lists"; echo noise; case "$*" in *install*) touch a b; echo "Setting up liba (1.0)";; esac',
      );
      const progress: string[] = [];
      await installPrerequisites([wanted('a'), wanted('b')], { onProgress: (text) => progress.push(text) });
      expect(calls()).toHaveLength(2);
      expect(calls()[0]).toMatch(/^noninteractive .*update/);
      expect(calls()[1]).toMatch(/^noninteractive .*install -y .*--no-install-recommends liba libb$/);
      expect(progress).toEqual(['Installing liba, libb', 'Get:1 lists', 'Get:1 lists', 'Setting up liba (1.0)']);
    },
  );

  test.runIf(canInstall)('stops the service that a package starts by itself', async () => {
    const calls = replaceAptGet('touch a b');
    await installPrerequisites([wanted('a'), { ...wanted('b'), service: 'b' }], { onProgress: () => {} });
    expect(calls().slice(2)).toEqual(['systemctl disable --now b']);
  });

  test.runIf(canInstall)("passes on apt's errors with what to type", async () => {
    replaceAptGet('echo "E: Unable to locate package liba" >&2; exit 100');
    const installing = installPrerequisites([wanted('a')], { onProgress: () => {} });
    await expect(installing).rejects.toThrow(/Unable to locate package liba[\s\S]*apt-get install -y/);
  });

  test.runIf(canInstall)('fails when a package did not bring what was expected of it', async () => {
    replaceAptGet('exit 0');
    await expect(installPrerequisites([wanted('a')], { onProgress: () => {} })).rejects.toThrow(/still lacks: a/);
  });

  test('does nothing when nothing is missing', async () => {
    replaceAptGet('exit 1');
    await installPrerequisites([], { onProgress: () => {} });
    expect(existsSync(join(folder, 'calls'))).toBe(false);
  });
});
