import { open, rm } from 'node:fs/promises';
import type { Env } from '../../env/env.ts';
import { whileInProgress } from '../atomic-file.ts';
import { AgentError, type DiskContent } from '../contract.ts';
import { runCommand } from '../programs/run-command.ts';

interface Filling {
  /** Bytes. */
  size: number;
  content: DiskContent;
}

/**
 * Makes a raw file with the file system or swap area on it, lets `work` take it over, and removes it. It lies beside
 * `path`, under a name that follows from that one's, so that a retry finds what an earlier life has left.
 */
export async function withContent<T>(
  env: Env,
  path: string,
  filling: Filling,
  work: (file: { path: string; format: 'raw' }) => Promise<T>,
): Promise<T> {
  const raw = `${path}.content`;
  return await whileInProgress(raw, async () => {
    try {
      await makeFile(env, raw, filling);
      return await work({ path: raw, format: 'raw' });
    } finally {
      await rm(raw, { force: true });
    }
  });
}

async function makeFile(env: Env, path: string, { size, content }: Filling): Promise<void> {
  const handle = await open(path, 'w', 0o600);
  try {
    await handle.truncate(size);
  } finally {
    await handle.close();
  }
  const [program, ...args] = commandOf(content);
  // What they write is little, whatever the size: tables, and the journal's first blocks.
  const limits = { wallMs: 300_000, cpuSeconds: 120, stepsAside: true };
  const result = await runCommand(env, program, [...args, path], { limits });
  if (result.exitCode === 0) return;
  const words = result.stderr.trim().slice(0, 500) || `it ended with ${result.signal ?? result.exitCode}`;
  const isFull = /No space left|Disk quota exceeded/.test(words);
  throw new AgentError(isFull ? 'no_space' : 'hypervisor_failed', `${program}: ${words}`);
}

/** The programs of e2fsprogs, xfsprogs and util-linux. */
function commandOf({ format, label }: DiskContent): [string, ...string[]] {
  if (format === 'swap') return ['mkswap', ...(label === undefined ? [] : ['-L', label])];
  const named = label === undefined ? [] : ['-L', label];
  if (format === 'xfs') return ['mkfs.xfs', '-q', '-f', '-K', ...named];
  const lazily = ['-E', format === 'ext2' ? 'nodiscard' : 'nodiscard,lazy_journal_init=1'];
  return [`mkfs.${format}`, '-q', '-F', ...lazily, ...named];
}
