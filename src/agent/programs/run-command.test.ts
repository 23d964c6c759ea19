import { afterEach, expect, it, vi } from 'vitest';
import { realEnv } from '../../env/real.ts';
import { runCommand } from './run-command.ts';

afterEach(() => vi.unstubAllEnvs());

it.each([
  ['by itself', { wallMs: 10_000 }],
  ['with limits, aside', { wallMs: 10_000, cpuSeconds: 5, stepsAside: true }],
])('keeps what is around from a program that it starts %s', async (_, limits) => {
  for (const name of ['CEPH_ARGS', 'PYTHONUNBUFFERED', 'LC_ALL', 'LD_PRELOAD_NOT', 'TMPDIR'])
    vi.stubEnv(name, 'strange');
  const { exitCode, stdout } = await runCommand(realEnv(), 'env', [], { limits });
  expect(exitCode).toBe(0);
  const { PATH, HOME } = process.env;
  const home = HOME === undefined ? [] : [`HOME=${HOME}`];
  expect(stdout.trim().split('\n').toSorted()).toEqual([...home, 'LANG=C.UTF-8', `PATH=${PATH}:/usr/sbin:/sbin`]);
});

it('tells what becomes of a program', async () => {
  const limits = { wallMs: 10_000 };
  const failed = await runCommand(realEnv(), 'sh', ['-c', 'cat; echo why >&2; exit 3'], { limits, input: 'read' });
  expect(failed).toEqual({ exitCode: 3, signal: null, stdout: 'read', stderr: 'why\n', timedOut: false });
  const slow = await runCommand(realEnv(), 'sleep', ['60'], { limits: { wallMs: 50 } });
  expect(slow).toMatchObject({ exitCode: null, signal: 'SIGKILL', timedOut: true });
  for (const more of [{}, { cpuSeconds: 5 }]) {
    const missing = runCommand(realEnv(), 'unkai-no-such-program', [], { limits: { ...limits, ...more } });
    await expect(missing).rejects.toMatchObject({ code: 'unsupported' });
  }
});
