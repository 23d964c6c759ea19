import { spawn } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client } from 'ssh2';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Superuser } from './superuser.ts';

/** What `sudo` does for a user who needs no password: it reads none, whatever it is told. */
const trusting = '#!/bin/sh\nwhile [ "$1" != sh ]; do shift; done; exec "$@"\n';
/** For one who needs it, and has it remembered for somebody who does not say `-k`. */
const asking = `#!/bin/sh
case "$*" in
  *-S*) read -r given; [ "$given" = sesame ] || exit 1;;
  *-k*) echo 'sudo: a password is required' >&2; exit 1;;
esac
while [ "$1" != sh ]; do shift; done; exec "$@"
`;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unkai-superuser-'));
  await mkdir(join(folder, 'bin'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A machine to which somebody has logged in who is not its superuser. */
async function loggedIn(sudo: string): Promise<Client> {
  for (const [name, text] of Object.entries({ sudo, id: '#!/bin/sh\necho 1000\n' })) {
    await writeFile(join(folder, 'bin', name), text);
    await chmod(join(folder, 'bin', name), 0o755);
  }
  const env = { PATH: `${join(folder, 'bin')}:${process.env['PATH']}` };
  const exec = (command: string, begun: (error: undefined, channel: EventEmitter) => void) => {
    const child = spawn('sh', ['-c', command], { env });
    child.stdin.on('error', () => {}); // it has ended without reading
    const end = (input: Buffer | string) => void child.stdin.end(input);
    const channel = Object.assign(new EventEmitter(), { stderr: child.stderr, end, destroy() {} });
    child.stdout.on('data', (chunk) => channel.emit('data', chunk));
    child.on('close', (code) => {
      channel.emit('exit', code);
      channel.emit('close');
    });
    begun(undefined, channel);
  };
  return { exec } as unknown as Client;
}

describe('scripts of the superuser', () => {
  const password = 'sesame';
  const kept = () => join(folder, 'kept');

  for (const [who, sudo] of Object.entries({ 'needs no password': trusting, 'needs one': asking }))
    test(`read what is meant for them, and not the password, where the user ${who}`, async () => {
      const machine = await Superuser.of(await loggedIn(sudo), password);
      expect(machine.uid).toBe(1000);
      await machine.run(`cat >${kept()}`, { input: 'a program' });
      expect(await readFile(kept(), 'utf8')).toBe('a program');
    });

  test('are run without a password where none is known', async () => {
    const machine = await Superuser.of(await loggedIn(trusting), undefined);
    await machine.run(`cat >${kept()}`, { input: 'a program' });
    expect(await readFile(kept(), 'utf8')).toBe('a program');
  });
});
