import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { launch, launchDetached, launchForHandle } from './launcher.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unkai-launcher-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const lives = (pid: number): boolean => existsSync(`/proc/${pid}/cwd`);
const say = (words: string) => launch({ program: 'sh', args: ['-c', words] }, { maxOutput: 1000 }).ended;
/** The process that starts programs is the parent of each. */
const launcherPid = async (): Promise<number> => Number((await say('echo $PPID')).stdout);

it('starts programs from one process, which is not this one', async () => {
  const pids = await Promise.all([launcherPid(), launcherPid()]);
  expect(new Set(pids).size).toBe(1);
  expect(pids).not.toContain(process.pid);
});

it('says of what was under way that nobody knows, when its process dies, and starts another', async () => {
  const before = await launcherPid();
  const [slept, killed] = await Promise.allSettled([say('sleep 60'), say('kill -KILL $PPID')]);
  for (const outcome of [slept, killed]) {
    expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'hypervisor_failed', retryable: true } });
  }
  const after = await launcherPid();
  expect(after).not.toBe(before);
});

it('leaves alone what it has detached, and tells how it ended', async () => {
  const log = join(folder, 'log');
  const command = { program: 'sh', args: ['-c', 'echo $$; exec sleep 60'], cwd: folder };
  const detached = await launchDetached(command, log);
  const pid = await vi.waitFor(async () => {
    const words = Number(await readFile(log, 'utf8'));
    expect(words).toBeGreaterThan(1);
    return words;
  });
  detached.kill('SIGTERM');
  expect(await detached.ended).toMatchObject({ exitCode: null, signal: 'SIGTERM' });
  expect(lives(pid)).toBe(false);

  const [left] = await Promise.allSettled([launchDetached(command, log), say('kill -KILL $PPID')]);
  if (left.status === 'fulfilled') await expect(left.value.ended).rejects.toMatchObject({ retryable: true });
  const again = Number((await readFile(log, 'utf8')).trim().split('\n').at(-1));
  expect(again).not.toBe(pid);
  expect(lives(again)).toBe(true);
  process.kill(again, 'SIGKILL');
  await expect(launchDetached({ program: 'unkai-no-such-program', args: [] }, log)).rejects.toMatchObject({
    code: 'ENOENT',
  });
});

it('brings a socket that another program listens at', async () => {
  const script = join(folder, 'listen.mjs');
  await writeFile(
    script,
    `import { createServer } from 'node:net';
     const server = createServer().listen(0, '127.0.0.1', () =>
       process.send('listening', server, () => { server.close(); process.disconnect(); }));`,
  );
  const { handle, end } = await launchForHandle({ program: process.execPath, args: [script] }, 20_000);
  expect(end.exitCode).toBe(0);
  const { Server, connect } = await import('node:net');
  if (!(handle instanceof Server)) throw new Error('it brought no server');
  handle.on('connection', (socket) => socket.end('here'));
  const { port } = handle.address() as { port: number };
  for (let i = 0; i < 5; i++) {
    const [words] = await once(connect(port, '127.0.0.1').setEncoding('utf8'), 'data');
    expect(words).toBe('here');
  }
  handle.close();
  await writeFile(script, `console.error('why not'); process.exit(4);`);
  const without = await launchForHandle({ program: process.execPath, args: [script] }, 20_000);
  expect(without).toMatchObject({ handle: undefined, end: { exitCode: 4, stderr: 'why not\n' } });
});

it('ends with the process that it works for, and takes what has limits with it', async () => {
  const script = join(folder, 'owner.mts');
  const source = join(import.meta.dirname, 'run-command.ts');
  const env = join(import.meta.dirname, '../../env/real.ts');
  await writeFile(
    script,
    `import { runCommand } from ${JSON.stringify(source)};
     import { realEnv } from ${JSON.stringify(env)};
     const limits = { wallMs: 60_000, cpuSeconds: 5 };
     const { stdout } = await runCommand(realEnv(), 'sh', ['-c', 'echo $PPID'], { limits: { wallMs: 60_000 } });
     void runCommand(realEnv(), 'sh', ['-c', 'echo $$ > ${folder}/pid; exec sleep 60'], { limits });
     process.stdout.write(stdout);`,
  );
  const owner = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [words] = await once(owner.stdout.setEncoding('utf8'), 'data');
  const pid = await vi.waitFor(async () => Number((await readFile(join(folder, 'pid'), 'utf8')) || Number.NaN), 10_000);
  expect([Number(words), pid].map(lives)).toEqual([true, true]);
  owner.kill('SIGKILL');
  await vi.waitFor(() => expect([Number(words), pid].map(lives)).toEqual([false, false]), 10_000);
});

it('does not keep a process that has nothing more to do', async () => {
  const script = join(folder, 'once.mts');
  const source = join(import.meta.dirname, 'launcher.ts');
  await writeFile(
    script,
    `import { launch } from ${JSON.stringify(source)};
     console.log((await launch({ program: 'echo', args: ['done'] }, { maxOutput: 10 }).ended).stdout.trim());`,
  );
  const owner = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'], timeout: 20_000 });
  let words = '';
  owner.stdout.setEncoding('utf8').on('data', (text: string) => {
    words += text;
  });
  expect(await once(owner, 'close')).toEqual([0, null]);
  expect(words).toBe('done\n');
});
