import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const source = JSON.stringify(join(import.meta.dirname, 'precedence.ts'));
/** How the event loop of a process goes, and two programs that it starts, before and after it went first. */
const script = `
  import { execFileSync } from 'node:child_process';
  import { getPriority } from 'node:os';
  import { goFirst, inTurn } from ${source};
  const niceness = (later) => {
    const [program, ...args] = inTurn(['nice'], later);
    return Number(execFileSync(program, args).toString());
  };
  const seen = () => [getPriority(process.pid), niceness(0), niceness(5)];
  const before = seen();
  goFirst();
  goFirst();
  console.log(JSON.stringify([before, seen()]));`;

it('goes first where it may, and has its programs take their turns', () => {
  const args = ['--input-type=module', '--eval', script];
  const mayGoFirst = process.platform === 'linux' && process.getuid?.() === 0;
  const first = mayGoFirst ? -10 : 0;
  expect(JSON.parse(execFileSync(process.execPath, args).toString())).toEqual([
    [0, 0, 5],
    [first, 0, 5],
  ]);
  // The steps are taken from where its user has put it.
  const later = JSON.parse(execFileSync('nice', ['-n', '7', process.execPath, ...args]).toString());
  expect(later).toEqual([
    [7, 7, 12],
    [mayGoFirst ? -3 : 7, 7, 12],
  ]);
});
