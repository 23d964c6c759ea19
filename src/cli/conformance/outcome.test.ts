import { expect, test } from 'vitest';
import { OutcomeReader, outcomeOf } from './outcome.ts';

test('a line of progress says what was tested, how it went, and how long it took', () => {
  expect(outcomeOf('{0} tempest.api.compute.test_x.X.test_one[id-1,smoke] [1.250000s] ... ok')).toEqual({
    name: 'tempest.api.compute.test_x.X.test_one',
    result: 'passed',
    seconds: 1.25,
  });
  expect(outcomeOf('{1} setUpClass (tempest.api.compute.test_x.X) ... SKIPPED: IPv6 Tests are disabled.')).toEqual({
    name: 'setUpClass (tempest.api.compute.test_x.X)',
    result: 'skipped',
    reason: 'IPv6 Tests are disabled.',
  });
  expect(outcomeOf('Captured traceback:')).toBeUndefined();
});

test('what a failure said is found again at the end', () => {
  const reader = new OutcomeReader();
  const lines = [
    '{0} tempest.api.a.A.test_one [0.1s] ... FAILED',
    '{0} tempest.api.a.A.test_two [0.1s] ... ok',
    '',
    '==============================',
    'Failed 1 tests - output below:',
    '==============================',
    '',
    'tempest.api.a.A.test_one[id-1]',
    '------------------------------',
    '',
    'Captured pythonlogging:',
    '~~~~~~~~~~~~~~~~~~~~~~~',
    '    2026-01-01 00:00:00 INFO Request (A:test_one): 404 GET http://cloud/a',
    '',
    'Captured traceback:',
    '~~~~~~~~~~~~~~~~~~~',
    '    Traceback (most recent call last):',
    '      File "/a.py", line 59, in test_one',
    '    self.client.show()',
    '           ^^^^',
    '    tempest.lib.exceptions.NotFound: Object not found',
    "    Details: {'code': 404}",
    '',
    '======',
    'Totals',
    '======',
  ];
  for (const line of lines) reader.read(line);
  expect(reader.outcomes.map(({ name, result }) => [name, result])).toEqual([
    ['tempest.api.a.A.test_one', 'failed'],
    ['tempest.api.a.A.test_two', 'passed'],
  ]);
  expect(reader.outcomes[0]!.reason).toBe("tempest.lib.exceptions.NotFound: Object not found\nDetails: {'code': 404}");
});
