import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type CloudFacts, type Pass, tempestConf } from './configuration.ts';
import { type Outcome, OutcomeReader } from './outcome.ts';
import type { Tempest } from './tempest.ts';

export interface TempestRun {
  facts: CloudFacts;
  pass: Pass;
  /** Where Tempest's configuration, log and records go. */
  folder: string;
  /** Regular expressions over tests' names; a test is run when one of them finds it. */
  selection: readonly string[];
  exclude: string | undefined;
  concurrency: number;
  /** Told of each test when it ends. */
  onOutcome(outcome: Outcome): void;
  signal: AbortSignal;
}

/** Runs Tempest, and gives how every test went. Throws what it said where it ran nothing at all. */
export async function runTempest(tempest: Tempest, run: TempestRun): Promise<Outcome[]> {
  const { folder, selection } = run;
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'tempest.conf'), tempestConf(run.facts, folder, run.pass), { mode: 0o600 });
  await writeFile(join(folder, 'tests'), `${selection.join('\n')}\n`);
  const discovery = [`test_path=${tempest.package}/test_discover`, `top_dir=${tempest.package}`];
  // A class of tests stays with one worker: it prepares what its tests share.
  await writeFile(join(folder, '.stestr.conf'), `[DEFAULT]\n${discovery.join('\n')}\ngroup_regex=([^\\.]*\\.)*\n`);
  await ended(start(tempest, folder, 'stestr', ['init']));
  const args = ['run', '--config-file', 'tempest.conf', '--include-list', 'tests'];
  if (run.exclude) args.push('--exclude-regex', run.exclude);
  args.push('--concurrency', String(run.concurrency));
  const child = start(tempest, folder, 'tempest', args);
  run.signal.addEventListener('abort', () => endAll(child), { once: true });
  const reader = new OutcomeReader();
  const others: string[] = [];
  const read = (line: string) => {
    const outcome = reader.read(line);
    if (outcome) run.onOutcome(outcome);
    else if (others.length < 200) others.push(line);
  };
  createInterface({ input: child.stdout! }).on('line', read);
  createInterface({ input: child.stderr! }).on('line', (line) => others.push(line));
  await ended(child);
  if (reader.outcomes.length > 0) return reader.outcomes;
  throw new Error(`Tempest ran no test:\n${others.slice(-20).join('\n')}`);
}

function start(tempest: Tempest, folder: string, program: string, args: string[]): ChildProcess {
  return spawn(join(tempest.programs, program), args, {
    cwd: folder,
    // A group of its own: Tempest's workers are not ended with it.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: `${tempest.programs}:${process.env['PATH']}`,
      PYTHON: join(tempest.programs, 'python3'),
      HOME: folder,
      LANG: 'C.UTF-8',
    },
  });
}

/** Ends the program with all that it started, at once: stestr waits for its workers whatever it is told. */
function endAll({ pid, exitCode, signalCode }: ChildProcess): void {
  if (pid !== undefined && exitCode === null && signalCode === null) process.kill(-pid, 'SIGKILL');
}

async function ended(child: ChildProcess): Promise<number | null> {
  child.stdout?.resume();
  child.stderr?.resume();
  return await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
}
