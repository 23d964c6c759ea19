import { expect, test } from 'vitest';
import type { Outcome } from './outcome.ts';
import { failedSelection, withSecondTries } from './second-tries.ts';

const first: Outcome[] = [
  { name: 'tempest.api.a.Servers.test_one', result: 'passed' },
  { name: 'tempest.api.a.Servers.test_two', result: 'failed', reason: 'slow' },
  { name: 'setUpClass (tempest.api.b.Images)', result: 'failed', reason: 'slow' },
];

test('what failed is chosen again, and all of a class that could not begin', () => {
  expect(failedSelection(first)).toEqual([
    '^tempest\\.api\\.a\\.Servers\\.test_two(\\[|$)',
    '^tempest\\.api\\.b\\.Images\\.',
  ]);
});

test('what passes then counts as passed, and is marked', () => {
  const second: Outcome[] = [
    { name: 'tempest.api.a.Servers.test_two', result: 'passed', seconds: 2 },
    { name: 'tempest.api.b.Images.test_three', result: 'passed' },
    { name: 'tempest.api.b.Images.test_four', result: 'failed' },
  ];
  expect(withSecondTries(first, second)).toEqual([
    { name: 'tempest.api.a.Servers.test_one', result: 'passed' },
    { name: 'tempest.api.a.Servers.test_two', result: 'passed', seconds: 2, isSecondTry: true },
    { name: 'tempest.api.b.Images.test_three', result: 'passed', isSecondTry: true },
    { name: 'tempest.api.b.Images.test_four', result: 'failed' },
  ]);
});

test('a class that fails to begin again stays one failure', () => {
  const second: Outcome[] = [{ name: 'setUpClass (tempest.api.b.Images)', result: 'failed' }];
  expect(withSecondTries(first, second)).toEqual([first[0], first[1], second[0]]);
});
