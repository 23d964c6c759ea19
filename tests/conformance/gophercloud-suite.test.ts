import { Readable } from 'node:stream';
import { expect, it } from 'vitest';
import { readGoTests, untilAllRan } from './gophercloud-suite.ts';

const passed = [
  '=== RUN   TestFlavorsList',
  '--- PASS: TestFlavorsList (0.25s)',
  '    --- PASS: TestFlavorsList/one (0.10s)',
];

it.each([
  [['ok  \tacceptance/openstack/compute/v2\t9.1s'], undefined],
  [['panic: test timed out after 50m0s', 'running tests:'], 'panic: test timed out after 50m0s'],
  [
    ['FAIL\tacceptance/openstack/networking/v2 [build failed]'],
    'FAIL\tacceptance/openstack/networking/v2 [build failed]',
  ],
])('a run that broke off is none where all passed: %j', async (end, brokenOff) => {
  expect(await readGoTests(Readable.from([...passed, ...end]))).toMatchObject({
    outcomes: [{ name: 'TestFlavorsList', result: 'passed', seconds: 0.25 }],
    brokenOff,
  });
});

it('a test that panics hides none that comes after it', async () => {
  const runs = [
    ['--- PASS: TestOne (0.10s)', '--- FAIL: TestTwo (0.20s)', 'panic: nil map [recovered]', 'FAIL\tacceptance\t1s'],
    ['--- PASS: TestThree (0.10s)', 'ok  \tacceptance\t1s'],
  ];
  const skips: Array<readonly string[]> = [];
  const outcomes = await untilAllRan('compute/v2', (skipped) => {
    skips.push(skipped);
    return readGoTests(Readable.from(runs[skips.length - 1]!));
  });
  expect(outcomes.map(({ name, result }) => `${name} ${result}`)).toEqual([
    ...['TestOne passed', 'TestTwo failed', 'TestThree passed'],
  ]);
  expect(skips).toEqual([[], ['TestOne', 'TestTwo']]);
  const endless = untilAllRan('compute/v2', () => readGoTests(Readable.from(['panic: in init'])));
  await expect(endless).rejects.toThrow('panic: in init');
});
