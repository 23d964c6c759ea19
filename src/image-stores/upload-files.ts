import { hostname } from 'node:os';
import { basename } from 'node:path';

const hostDigits = hostname().replaceAll(/[^a-zA-Z0-9-]/g, '-');
const pattern = /^([0-9a-f]{32})\.([a-zA-Z0-9-]+)\.(\d+)\.(\d+)\.upload$/;

/** An upload of another host has surely died when nothing was written for a day. In microseconds. */
const foreignUploadAge = 24 * 3600 * 1_000_000;

/** The names of files that uploads of this process are writing, over all stores. */
const live = new Set<string>();
let count = 0;

/**
 * A new name for the file of one upload, which says whose it is: several processes may share a store, and each clears
 * away what dead ones have left. Call `release` when the file is gone or has its final name.
 */
export function claimUploadFile(imageId: string): { name: string; release: () => void } {
  const name = `${imageId}.${hostDigits}.${process.pid}.${++count}.upload`;
  live.add(name);
  return { name, release: () => live.delete(name) };
}

/** Says that this process writes the copy at the path, until `release` is called. */
export function claimCopyFile(path: string): () => void {
  live.add(path);
  return () => live.delete(path);
}

/** The image an upload file is for, or undefined when it is none. */
export function parseUploadFile(name: string): { imageId: string } | undefined {
  const match = pattern.exec(name);
  return match ? { imageId: match[1]! } : undefined;
}

/** Whether the process that writes the file at the path lives, as far as can be told from here. */
export function isLiveUpload(path: string, modifiedAt: number, now: number): boolean {
  const name = basename(path);
  const match = pattern.exec(name);
  if (!match) return live.has(path);
  if (match[2] !== hostDigits) return now - modifiedAt < foreignUploadAge;
  const pid = Number(match[3]);
  // Containers give the same pid to each life of a process: in our own, only the list counts.
  return pid === process.pid ? live.has(name) : isRunning(pid);
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
