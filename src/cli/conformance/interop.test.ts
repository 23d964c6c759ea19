import { expect, test } from 'vitest';
import { noCompliance } from '../../cloud/identity/security-compliance.ts';
import { tempestConf } from './configuration.ts';
import { interopSelection, interopTests, removedUpstream, renamedUpstream } from './interop.ts';
import { areaOf, skipReasons, tableOf } from './report.ts';

test('the guideline requires 228 tests, each of which is chosen by itself', () => {
  const tests = interopTests();
  expect(tests).toHaveLength(228);
  expect(new Set(tests.map(({ id }) => id)).size).toBe(228);
  expect(tests.filter(({ isFlagged }) => isFlagged)).toHaveLength(11);
  for (const name of Object.keys(removedUpstream)) expect(tests.map((one) => one.name)).toContain(name);
  for (const name of Object.values(renamedUpstream)) expect(tests.map((one) => one.name)).toContain(name);
  const selection = interopSelection().map((regex) => new RegExp(regex));
  expect(selection).toHaveLength(227);
  for (const { name } of tests) {
    const chosen = selection.filter((regex) => regex.test(`${name}[id-0]`));
    expect(chosen).toHaveLength(name in removedUpstream ? 0 : 1);
  }
});

test('the configuration tells what there is, and nothing else', () => {
  const facts = {
    origin: 'http://127.0.0.1:1',
    adminPassword: 'secret',
    region: 'RegionOne',
    hypervisor: 'simulated',
    images: ['a', 'b'],
    imageFile: '/cache/tinylinux.qcow2',
    imageUrl: undefined,
    flavors: ['42', '84'],
    publicNetwork: undefined,
    guestsAreReachable: false,
    hosts: 1,
    compliance: noCompliance,
    sharedType: 'multiattach',
    newest: { compute: '2.96', volume: '3.71', placement: undefined },
    networkExtensions: ['router'],
  } as const;
  const conf = tempestConf(facts, '/tmp/x', { formats: 'enforced' });
  expect(conf).toContain('uri_v3 = http://127.0.0.1:1/identity/v3');
  expect(conf).toContain('run_validation = false');
  expect(conf).toContain('live_migration = false');
  expect(conf).toContain('security_compliance = false');
  expect(conf).not.toContain('public_network_id');
  expect(conf).not.toContain('[placement]');
  expect(tempestConf(facts, '/tmp/x', { formats: 'shapeless' })).toContain('disk_formats = raw,ami,ari,aki');
});

test('results are counted by area', () => {
  const outcomes = [
    { name: 'tempest.api.compute.a.A.test_one', result: 'passed' },
    { name: 'setUpClass (tempest.api.volume.b.B)', result: 'skipped', reason: 'off' },
    { name: 'tempest.scenario.c.C.test_two', result: 'failed' },
  ] as const;
  expect(outcomes.map(({ name }) => areaOf(name))).toEqual(['compute', 'volume', 'scenario']);
  expect(tableOf(outcomes).at(-1)).toMatch(/^all +1 +1 +1$/);
  expect(skipReasons(outcomes)).toEqual([['off', 1]]);
});
