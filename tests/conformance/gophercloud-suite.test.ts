import { Readable } from 'node:stream';
import { expect, it } from 'vitest';
import { readGoTests } from './gophercloud-suite.ts';

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
