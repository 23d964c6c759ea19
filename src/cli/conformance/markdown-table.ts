import { areaOf, type ConformanceReport, countOf } from './report.ts';

const columns = ['run', 'date', 'passed', 'failed', 'skipped', 'minutes'] as const;

/** What is in documents of runs: a Markdown table, each report a line, as the formatter writes tables. */
export function markdownTable(reports: readonly ConformanceReport[]): string {
  const lines = reports.map((report) => [
    titleOf(report),
    report.date.slice(0, 10),
    ...(['passed', 'failed', 'skipped'] as const).map((result) => String(countOf(report.outcomes, result))),
    (report.duration / 60).toFixed(1),
  ]);
  const widths = columns.map((title, at) => Math.max(title.length, ...lines.map((line) => line[at]!.length)));
  const isNumber = (at: number) => at >= 2;
  const row = (cells: readonly string[]) =>
    `| ${cells.map((cell, at) => (isNumber(at) ? cell.padStart(widths[at]!) : cell.padEnd(widths[at]!))).join(' | ')} |`;
  const rule = widths.map((width, at) => (isNumber(at) ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width)));
  return [row(columns), row(rule), ...lines.map(row)].join('\n');
}

/** `interop, qemu`, or the areas of the tests that a regular expression chose. */
function titleOf({ selection, hypervisor, outcomes }: ConformanceReport): string {
  const isNamed = selection === 'interop' || selection === 'full';
  const areas = [...new Set(outcomes.map(({ name }) => areaOf(name)))].filter((area) => area !== 'other').sort();
  return `${isNamed ? selection : areas.join(' and ')}, ${hypervisor}`;
}
