import { appendFile, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { consoleLogBytes, lastLines, readConsoleLog, trimConsoleLog } from './console-log.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unkai-console-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test('a log that grows is kept to its last MiB, twice', async () => {
  const path = join(folder, 'console.log');
  let written = '';
  for (let line = 0; written.length < 3 * consoleLogBytes; line++) written += `line ${line}\n`;
  for (let at = 0; at < written.length; at += 300_000) {
    await appendFile(path, written.slice(at, at + 300_000));
    await trimConsoleLog(folder);
    expect((await stat(path)).size).toBeLessThanOrEqual(consoleLogBytes);
  }
  const log = await readConsoleLog(folder);
  expect(log.length).toBe(consoleLogBytes);
  expect(written.endsWith(log)).toBe(true);
  expect(await readConsoleLog(folder, 2)).toBe(written.split('\n').slice(-3).join('\n'));
});

test('a symbolic link in its place is not followed', async () => {
  const secret = join(folder, 'secret');
  await writeFile(secret, 'secret');
  await symlink(secret, join(folder, 'console.log'));
  await expect(readConsoleLog(folder)).rejects.toMatchObject({ code: 'ELOOP' });
  await expect(trimConsoleLog(folder)).rejects.toMatchObject({ code: 'ELOOP' });
  expect(await readFile(secret, 'utf8')).toBe('secret');
});

test.each([
  ['', 3, ''],
  ['a\nb\nc\n', 2, 'b\nc\n'],
  ['a\nb\nc', 2, 'b\nc'],
  ['a\nb\n', 5, 'a\nb\n'],
  ['\n\n\n', 2, '\n\n'],
  ['a\nb', 0, ''],
])('the last lines of %j, %i of them, are %j', (text, lines, expected) => {
  expect(lastLines(text, lines)).toBe(expected);
});
