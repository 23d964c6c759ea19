import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { CephPrograms } from './ceph-programs.ts';
import { cephPlace } from './ceph-url.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'unkai-ceph-programs-'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

it('keeps what is around from the programs, and has them tell times in UTC', async () => {
  for (const name of ['rbd', 'ceph'])
    writeFileSync(join(folder, name), '#!/bin/sh\nenv -u PWD -u _\n', { mode: 0o755 });
  vi.stubEnv('PATH', `${folder}:${process.env['PATH']}`);
  for (const name of ['CEPH_ARGS', 'CEPH_CONF', 'PYTHONUNBUFFERED', 'LC_ALL', 'TZ']) vi.stubEnv(name, 'strange');
  vi.stubEnv('HOME', folder);
  const programs = new CephPrograms(cephPlace('ceph://images'));
  for (const printed of [await programs.rbd('look', ['ls']), await programs.ceph('look', ['df'])]) {
    expect(printed.trim().split('\n').toSorted()).toEqual([
      `HOME=${folder}`,
      'LANG=C.UTF-8',
      expect.stringMatching(`^PATH=${folder}:`),
      'TZ=UTC',
    ]);
  }
});
