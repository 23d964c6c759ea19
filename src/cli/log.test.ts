import fs from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openLog } from './log.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unkai-log-'));
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(folder, { recursive: true });
});

describe.each([
  ['alone', undefined],
  ['watched', new PassThrough().resume()],
])('a log that is written %s', (_, watcher) => {
  it('keeps nobody from going on while its disk is full, and has the lines once there is room', async () => {
    const file = join(folder, 'log');
    const log = openLog(file, watcher);
    log.info('before');
    const full = vi.spyOn(fs, 'writeSync').mockImplementation(() => {
      throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    });
    log.error('meanwhile');
    log.warn('still');
    expect(full).toHaveBeenCalled();
    full.mockRestore();
    log.info('after');
    const lines = (await readFile(file, 'utf8')).trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line).msg)).toEqual(['before', 'meanwhile', 'still', 'after']);
  });
});
