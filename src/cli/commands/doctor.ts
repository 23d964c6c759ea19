import { auditFolder } from '../audit.ts';
import type { Check } from '../check.ts';
import { DataFolder } from '../data-folder.ts';
import { examine } from '../examination.ts';
import { explainFailure } from '../explain-failure.ts';
import { UserError } from '../user-error.ts';

export interface DoctorOptions {
  dataDir: string;
  port: number;
  listen: string;
  database?: string;
  /** Also hold the database against hosts and image stores. */
  audit: boolean;
  json: boolean;
}

const marks = { ok: 'ok', warning: 'warning', problem: 'PROBLEM' } as const;

/** `unkai doctor` */
export async function doctor(options: DoctorOptions): Promise<void> {
  const checks: Check[] = [];
  const note = (check: Check) => {
    checks.push(check);
    if (!options.json) print(check);
  };
  for await (const check of examine(options)) note(check);
  if (options.audit) {
    await auditInto(new DataFolder(options.dataDir), note);
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

/** An audit that can't be made is a finding as well. */
async function auditInto(folder: DataFolder, note: (check: Check) => void): Promise<void> {
  try {
    for await (const check of auditFolder(folder)) note(check);
  } catch (error) {
    const known = error instanceof UserError ? error : explainFailure(error);
    if (!known) throw error;
    note({ name: 'audit', state: 'problem', detail: `could not be made: ${known.message}` });
  }
}

function print({ name, state, detail, advice }: Check): void {
  console.log(`${marks[state].padEnd(9)}${name.padEnd(14)}${detail}`);
  if (advice) for (const line of advice.split('\n')) console.log(`${' '.repeat(23)}${line}`);
}
