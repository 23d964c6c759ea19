import { expect, test } from 'vitest';
import { markdownTable } from './markdown-table.ts';
import type { ConformanceReport } from './report.ts';

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

test('each report is a line of the table', () => {
  const outcomes: ConformanceReport['outcomes'] = [
    { name: 'tempest.api.volume.test_volumes_get.VolumesGetTest.test_one', result: 'failed' },
    { name: 'setUpClass (tempest.api.volume.test_volumes_get.Other)', result: 'skipped' },
  ];
  const other = { ...report, hypervisor: 'simulated', selection: '^tempest\\.api\\.volume', duration: 30, outcomes };
  expect(markdownTable([report, other])).toBe(
    [
      '| run               | date       | passed | failed | skipped | minutes |',
      '| ----------------- | ---------- | -----: | -----: | ------: | ------: |',
      '| interop, qemu     | 2026-11-21 |      2 |      0 |       0 |    12.9 |',
      '| volume, simulated | 2026-11-21 |      0 |      1 |       1 |     0.5 |',
    ].join('\n'),
  );
});
