import { areaOf, type ConformanceReport, countOf } from './report.ts';

/** What documents tell of a run, and which tests failed in it. */
export interface ConformanceRecord {
  /** `interop, qemu`: what was run, and on what. */
  run: string;
  /** `2026-11-21` */
  date: string;
  /** The version of Tempest. */
  tempest: string;
  passed: number;
  failed: number;
  skipped: number;
  /** With one decimal. */
  minutes: string;
  failures: readonly string[];
}

const columns = ['run', 'date', 'tempest', 'passed', 'failed', 'skipped', 'minutes', 'failures'] as const;

export function recordOf(report: ConformanceReport): ConformanceRecord {
  const { outcomes } = report;
  return {
    run: titleOf(report),
    date: report.date.slice(0, 10),
    tempest: report.tempest,
    passed: countOf(outcomes, 'passed'),
    failed: countOf(outcomes, 'failed'),
    skipped: countOf(outcomes, 'skipped'),
    minutes: (report.duration / 60).toFixed(1),
    failures: outcomes.filter(({ result }) => result === 'failed').map(({ name }) => name.replaceAll(' ', '')),
  };
}

/** `interop, qemu`, or the areas of the tests that a regular expression chose. */
function titleOf({ selection, hypervisor, outcomes }: ConformanceReport): string {
  const isNamed = selection === 'interop' || selection === 'full';
  const areas = [...new Set(outcomes.map(({ name }) => areaOf(name)))].filter((area) => area !== 'other').sort();
  return `${isNamed ? selection : areas.join(' and ')}, ${hypervisor}`;
}

/** The records of a file as `recordsText` writes it. */
export function parseRecords(text: string): ConformanceRecord[] {
  const [, ...lines] = text.split('\n').filter((line) => line !== '');
  return lines.map((line) => {
    const [run = '', date = '', tempest = '', passed, failed, skipped, minutes = '', failures = ''] = line.split('\t');
    const counts = { passed: Number(passed), failed: Number(failed), skipped: Number(skipped) };
    return { run, date, tempest, ...counts, minutes, failures: failures.split(' ').filter((name) => name !== '') };
  });
}

/** A line of tab-separated values for each. */
export function recordsText(records: readonly ConformanceRecord[]): string {
  const line = (record: ConformanceRecord) =>
    columns
      .map((name) => (name === 'failures' ? record.failures.join(' ') : String(record[name])))
      .join('\t')
      .trimEnd();
  return `${[columns.join('\t'), ...records.map(line)].join('\n')}\n`;
}

/** The newer ones take the place of those of the same run; others come behind. */
export function mergeRecords(
  records: readonly ConformanceRecord[],
  newer: readonly ConformanceRecord[],
): ConformanceRecord[] {
  const byRun = new Map(records.map((record) => [record.run, record]));
  for (const record of newer) byRun.set(record.run, record);
  return [...byRun.values()];
}
