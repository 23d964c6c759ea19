import { markdownTable } from '../../cloud/lives/markdown-table.ts';
import type { ConformanceRecord } from './run-records.ts';

const columns = ['run', 'date', 'passed', 'failed', 'skipped', 'minutes'] as const;
const begin = '<!-- the last runs, written by `unkai conformance --table` -->';
const end = '<!-- the end of the last runs -->';

/** What is in documents of runs: a Markdown table, each run a line. */
export function runsTable(records: readonly ConformanceRecord[]): string {
  const rows = records.map((record) => columns.map((name) => String(record[name])));
  return markdownTable(columns, rows, (column) => column >= 2).join('\n');
}

/** The document with this table where it has one; undefined where it has no place for it. */
export function withTable(document: string, table: string): string | undefined {
  const [from, to] = [document.indexOf(begin), document.indexOf(end)];
  if (from < 0 || to < from) return undefined;
  return `${document.slice(0, from + begin.length)}\n\n${table}\n\n${document.slice(to)}`;
}
