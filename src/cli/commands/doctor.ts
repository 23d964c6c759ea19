import { type Check, examine } from '../examination.ts';

export interface DoctorOptions {
  dataDir: string;
  port: number;
  listen: string;
  database?: string;
  json: boolean;
}

const marks = { ok: 'ok', warning: 'warning', problem: 'PROBLEM' } as const;

/** `unkai doctor` */
export async function doctor(options: DoctorOptions): Promise<void> {
  const checks: Check[] = [];
  for await (const check of examine(options)) {
    checks.push(check);
    if (!options.json) print(check);
  }
  const problems = checks.filter(({ state }) => state === 'problem').length;
  const warnings = checks.filter(({ state }) => state === 'warning').length;
  if (problems > 0) process.exitCode = 1;
  if (options.json) return console.log(JSON.stringify({ ok: problems === 0, checks }, undefined, 2));
  const count = (n: number, word: string) => `${n} ${word}${n === 1 ? '' : 's'}`;
  console.log(
    `\n${problems + warnings === 0 ? 'All is well.' : `${count(problems, 'problem')}, ${count(warnings, 'warning')}`}`,
  );
}

function print({ name, state, detail, advice }: Check): void {
  console.log(`${marks[state].padEnd(9)}${name.padEnd(14)}${detail}`);
  if (advice) for (const line of advice.split('\n')) console.log(`${' '.repeat(23)}${line}`);
}
