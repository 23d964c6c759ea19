import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { createAtomically } from '../../atomic-file.ts';
import { isNotFound } from '../../errors.ts';
import { guestFiles } from './command-line.ts';

/** Bytes of console output that are kept of a guest: once in the file that QEMU writes, once in the one before. */
export const consoleLogBytes = 1024 * 1024;

/** The guest's console output: at most the last MiB, or the last `lines` lines of it. Empty when there is none. */
export async function readConsoleLog(folder: string, lines?: number): Promise<string> {
  const text = (await keptBytes(folder)).toString('utf8');
  return lines === undefined ? text : lastLines(text, lines);
}

/** Makes what is kept of a guest's output in one folder the older part of what another one keeps. */
export async function takeOverConsoleLog(from: string, folder: string): Promise<void> {
  await writeOlder(folder, await keptBytes(from));
}

async function keptBytes(folder: string): Promise<Buffer> {
  const current = await readTail(join(folder, guestFiles.consoleLog), consoleLogBytes);
  const missing = consoleLogBytes - current.length;
  const older = missing > 0 ? await readTail(join(folder, guestFiles.olderConsoleLog), missing) : Buffer.alloc(0);
  return Buffer.concat([older, current]);
}

async function writeOlder(folder: string, bytes: Buffer): Promise<void> {
  await createAtomically(join(folder, guestFiles.olderConsoleLog), async (temporary) => {
    const older = await open(temporary, 'wx', 0o600);
    await older.writeFile(bytes).finally(() => older.close());
  });
}

/**
 * Keeps a guest from filling the host's disk: moves what QEMU wrote to the older file when it is more than a MiB. QEMU
 * appends (`logappend`), so it goes on at the start of the emptied file. What the guest writes between the reading and
 * the emptying is lost; a console log may be that.
 */
export async function trimConsoleLog(folder: string): Promise<void> {
  const path = join(folder, guestFiles.consoleLog);
  const log = await openLog(path, constants.O_RDWR);
  if (!log) return;
  try {
    if ((await log.stat()).size <= consoleLogBytes) return;
    await writeOlder(folder, await readTail(path, consoleLogBytes));
    await log.truncate(0);
  } finally {
    await log.close();
  }
}

/** Empties the file of QEMU's own words when warnings that a guest provokes have made it large. */
export async function trimHypervisorLog(folder: string): Promise<void> {
  const log = await openLog(join(folder, guestFiles.hypervisorLog), constants.O_RDWR);
  if (!log) return;
  try {
    if ((await log.stat()).size > consoleLogBytes) await log.truncate(0);
  } finally {
    await log.close();
  }
}

/** The last lines of a text; a line feed at its end does not begin another line. */
export function lastLines(text: string, lines: number): string {
  if (lines <= 0) return '';
  let at = text.endsWith('\n') ? text.length - 1 : text.length;
  for (let left = lines; left > 0; left--) {
    if (at <= 0) return text;
    at = text.lastIndexOf('\n', at - 1);
    if (at < 0) return text;
  }
  return text.slice(at + 1);
}

async function readTail(path: string, bytes: number): Promise<Buffer> {
  const log = await openLog(path, constants.O_RDONLY);
  if (!log) return Buffer.alloc(0);
  try {
    const { size } = await log.stat();
    const start = Math.max(0, size - bytes);
    const { buffer, bytesRead } = await log.read(Buffer.alloc(Math.min(size, bytes)), 0, Math.min(size, bytes), start);
    return buffer.subarray(0, bytesRead);
  } finally {
    await log.close();
  }
}

/** Opens a log file, but never what a symbolic link in its place points to. */
async function openLog(path: string, access: number): Promise<FileHandle | undefined> {
  try {
    return await open(path, access | constants.O_NOFOLLOW);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
