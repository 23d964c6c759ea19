import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { connectUnixSocket } from './unix-socket.ts';

/** Listens, but never gets to accept: a program that dies with the connection still in its queue. */
const deaf = `
  require('node:net').createServer().listen('monitor', () => {
    require('node:fs').writeSync(1, 'listening');
    for (;;);
  });
`;

test('a listener that dies right after the connection closes it, and nothing more', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'unkai-socket-'));
  const child = spawn(process.execPath, ['-e', deaf], { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    await once(child.stdout, 'data');
    const socket = await connectUnixSocket(folder, 'monitor');
    const closed = new Promise<boolean>((resolve) => socket.once('close', resolve));
    child.kill('SIGKILL');
    expect(await closed).toBe(true);
  } finally {
    child.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  }
});

test('nobody who listens is an error of the system', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'unkai-socket-'));
  await expect(connectUnixSocket(folder, 'monitor')).rejects.toMatchObject({ code: 'ENOENT' });
  await rm(folder, { recursive: true });
});
