import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { UserError } from '../user-error.ts';
import type { ConformanceReport } from './report.ts';
import { mergeRecords, parseRecords, recordOf, recordsText } from './run-records.ts';
import { runsTable, withTable } from './runs-table.ts';

const root = resolve(import.meta.dirname, '../../..');
const recordsFile = 'docs/conformance-runs.tsv';
const documents = ['README.md', 'docs/conformance.md'];

/**
 * Notes the runs of these reports in the repository, in the place of earlier ones of the same tests, and writes the table of
 * all runs into the documents that have it. Gives the table. Throws `UserError` for what is no report, and where there are no
 * documents.
 */
export function recordRuns(reportFiles: readonly string[]): string {
  const newer = reportFiles.map((file) => recordOf(reportIn(file)));
  const records = mergeRecords(parseRecords(read(recordsFile)), newer);
  const table = runsTable(records);
  writeFileSync(resolve(root, recordsFile), recordsText(records));
  for (const name of documents) {
    const text = withTable(read(name), table);
    if (text === undefined) throw new UserError(`${name} has no place for the table of runs.`);
    writeFileSync(resolve(root, name), text);
  }
  return table;
}

function read(name: string): string {
  try {
    return readFileSync(resolve(root, name), 'utf8');
  } catch (error) {
    throw new UserError(`${name} of the repository can't be read: ${(error as Error).message}`);
  }
}

function reportIn(file: string): ConformanceReport {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as ConformanceReport;
  } catch (error) {
    throw new UserError(`${file} is not a report of this command: ${(error as Error).message}`);
  }
}
