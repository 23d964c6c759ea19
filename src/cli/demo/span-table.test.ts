import { expect, test } from 'vitest';
import { spanTable } from './span-table.ts';

test('events are drawn as nested spans in the order in which they began', () => {
  const lines = spanTable([
    {
      event: 'compute_stop_instance',
      start_time: '2026-01-01T02:35:00.500000',
      finish_time: '2026-01-01T02:37:00.000000',
      result: 'Success',
    },
    {
      event: 'compute_rebuild_instance',
      start_time: '2026-01-01T02:25:00.000000',
      finish_time: '2026-01-01T02:37:00.000000',
      result: 'Success',
    },
  ]);
  expect(lines.map((line) => line.trimEnd())).toEqual([
    `compute_rebuild_instance  ${'▬'.repeat(40)}  720.00 s  Success`,
    `  compute_stop_instance   ${' '.repeat(33)}${'▬'.repeat(7)}  119.50 s  Success`,
  ]);
});

test('an event that has not finished, and no events at all', () => {
  expect(spanTable([])).toEqual([]);
  const [line] = spanTable([{ event: 'x', start_time: '2026-01-01T00:00:00.000001', finish_time: null, result: null }]);
  expect(line).toBe(`x  ▬${' '.repeat(39)}    0.00 s  under way`);
});
