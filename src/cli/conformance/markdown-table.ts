import type { ConformanceRecord } from './run-records.ts';

const columns = ['run', 'date', 'passed', 'failed', 'skipped', 'minutes'] as const;
const begin = '<!-- the last runs, written by `unkai conformance --table` -->';
const end = '<!-- the end of the last runs -->';

/** What is in documents of runs: a Markdown table, each run a line, as the formatter writes tables. */
export function markdownTable(records: readonly ConformanceRecord[]): string {
  const lines = records.map((record) => columns.map((name) => String(record[name])));
  const widths = columns.map((title, at) => Math.max(title.length, ...lines.map((line) => line[at]!.length)));
  const isNumber = (at: number) => at >= 2;
  const row = (cells: readonly string[]) =>
    `| ${cells.map((cell, at) => (isNumber(at) ? cell.padStart(widths[at]!) : cell.padEnd(widths[at]!))).join(' | ')} |`;
  const rule = widths.map((width, at) => (isNumber(at) ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width)));
  return [row(columns), row(rule), ...lines.map(row)].join('\n');
}

/** The document with this table where it has one; undefined where it has no place for it. */
export function withTable(document: string, table: string): string | undefined {
  const [from, to] = [document.indexOf(begin), document.indexOf(end)];
  if (from < 0 || to < from) return undefined;
  return `${document.slice(0, from + begin.length)}\n\n${table}\n\n${document.slice(to)}`;
}
