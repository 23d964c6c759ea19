import { expect, test } from 'vitest';
import type { ConformanceReport } from './report.ts';
import { mergeRecords, parseRecords, recordOf, recordsText } from './run-records.ts';
import { runsTable, withTable } from './runs-table.ts';

const report: ConformanceReport = {
  date: '2026-11-21T12:20:13.801Z',
  unkai: '0.0.0',
  tempest: '47.0.0',
  hypervisor: 'qemu',
  selection: 'interop',
  concurrency: 1,
  duration: 774,
  passed: 2,
  failed: 0,
  skipped: 0,
  outcomes: [
    { name: 'tempest.api.compute.servers.test_servers.ServersTest.test_one', result: 'passed' },
    { name: 'tempest.api.compute.servers.test_servers.ServersTest.test_other', result: 'passed' },
  ],
};
const outcomes: ConformanceReport['outcomes'] = [
  { name: 'tempest.api.volume.test_volumes_get.VolumesGetTest.test_one', result: 'failed' },
  { name: 'setUpClass (tempest.api.volume.test_volumes_get.Other)', result: 'failed' },
];
const other = { ...report, hypervisor: 'simulated', selection: '^tempest\\.api\\.volume', duration: 30, outcomes };
const table = [
  '| run               | date       | passed | failed | skipped | minutes |',
  '| ----------------- | ---------- | -----: | -----: | ------: | ------: |',
  '| interop, qemu     | 2026-11-21 |      2 |      0 |       0 |    12.9 |',
  '| volume, simulated | 2026-11-21 |      0 |      2 |       0 |     0.5 |',
].join('\n');

test('each run is a line of the table, also when it was kept in between', () => {
  const records = [report, other].map(recordOf);
  expect(runsTable(records)).toBe(table);
  expect(parseRecords(recordsText(records))).toEqual(records);
  expect(records[1]!.failures).toEqual([
    'tempest.api.volume.test_volumes_get.VolumesGetTest.test_one',
    'setUpClass(tempest.api.volume.test_volumes_get.Other)',
  ]);
});

test('a newer run takes the place of the one before', () => {
  const before = [report, other].map(recordOf);
  const again = recordOf({ ...report, duration: 60 });
  expect(mergeRecords(before, [again])).toEqual([again, before[1]]);
});

test('documents have the table between its marks', () => {
  const empty = [
    'Runs:\n',
    '<!-- the last runs, written by `unkai conformance --table` -->',
    '<!-- the end of the last runs -->',
    'More.',
  ].join('\n');
  const written = withTable(empty, table)!;
  expect(written).toContain(`\n\n${table}\n\n`);
  expect(withTable(written, table)).toBe(written);
  expect(withTable('nothing', table)).toBeUndefined();
});
