import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { cpio } from './cpio.ts';

test('cpio lists what was put in, with modes and owners', () => {
  const archive = cpio([
    { kind: 'directory', path: 'etc', mode: 0o755 },
    { kind: 'file', path: 'etc/odd', mode: 0o640, content: Buffer.from('12345') },
    { kind: 'link', path: 'etc/link', target: 'odd' },
    { kind: 'character-device', path: 'null', mode: 0o666, major: 1, minor: 3 },
  ]);
  const list = execFileSync('busybox', ['cpio', '-t', '-v'], {
    input: archive,
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  expect(list).toMatch(/^drwxr-xr-x\s.*\setc$/m);
  expect(list).toMatch(/^-rw-r-----\s.*\s5\s.*\setc\/odd$/m);
  expect(list).toMatch(/etc\/link/);
  expect(
    execFileSync('busybox', ['cpio', '-i', '--to-stdout', 'etc/odd'], {
      input: archive,
      encoding: 'utf8',
      stdio: ['pipe', 'pipe', 'ignore'],
    }),
  ).toBe('12345');
});
