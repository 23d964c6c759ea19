import { expect, test } from 'vitest';
import { countTests } from './test-report.ts';

function report(files: string[][], broken = 0): string {
  const all = files.flat();
  const count = (status: string) => all.filter((one) => one === status).length;
  const results = files.map((statuses) => ({
    status: statuses.includes('failed') ? 'failed' : 'passed',
    assertionResults: statuses.map((status) => ({ status })),
  }));
  return JSON.stringify({
    numPassedTests: count('passed'),
    numFailedTests: count('failed'),
    numPendingTests: count('pending'),
    numTodoTests: count('todo'),
    testResults: [...results, ...Array(broken).fill({ status: 'failed', assertionResults: [] })],
  });
}

test('tests are summed up', () => {
  const text = report([
    ['passed', 'failed'],
    ['passed', 'pending', 'todo'],
  ]);
  expect(countTests(text, false)).toEqual({ passed: 2, failed: 1, skipped: 2 });
});

test('a file that could not be loaded is a failure', () => {
  expect(countTests(report([['passed']], 2), false)).toEqual({ passed: 1, failed: 2, skipped: 0 });
});

test('a run that failed for no test, or that left no report, is a failure', () => {
  expect(countTests(report([['passed']]), false)).toEqual({ passed: 1, failed: 1, skipped: 0 });
  expect(countTests(undefined, true)).toEqual({ passed: 0, failed: 1, skipped: 0 });
});
