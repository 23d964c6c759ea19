import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { inventories } from '../../cloud/query/inventory.ts';
import { SettledAccount } from './settled-account.fixture.ts';
import { TestZStack } from './zstack.fixture.ts';
import { zstack } from './zstack.ts';

/** Lists are asked for by the first test; these make something new of nothing, or tell what is everybody's. */
const namesNothing = [
  /^Query\w+(?<!ByUuid)$/,
  /^(Query(ManagementNode|Zone|Cluster|Host|NetworkServiceProvider|\w+(Storage|Offering))ByUuid|GetZone)$/,
  /^(CreateSshKeyPair|GenerateSshKeyPair|AddImage|CreateDataVolume|CreateL3Network|CreateSecurityGroup|CreateCertificate|Create(User|UserGroup|Policy|Tag|AffinityGroup|SchedulerTrigger|SchedulerJobGroup))$/,
  /^Get(NoTriggerSchedulerJobs|AvailableTriggers|SchedulerExecutionReport|CandidateAffinityGroupForCreatingVm)$/,
  /^Get(\w+(Capacity|Types)|GlobalConfigOptions|ResourceBindableConfig(ByCategory)?)$/,
  /^(Get(VolumeFormat|(Host|PrimaryStorage)AllocatorStrategies|PlatformTimeZone|LicenseCapabilities)|CheckApiPermission)$/,
  // A session's id is its secret. The other two have tests of their own below.
  /^(RenewSession|SubmitLongJob|ZQLQuery)$/,
];

/** What an account has is there for no other one, whatever the operation: it neither reads it nor changes it. */
describe('what belongs to an account', () => {
  let test: TestZStack;
  let alice: SettledAccount;
  const bob: Record<string, string> = {};

  beforeAll(async () => {
    test = await TestZStack.start();
    bob['authorization'] = `OAuth ${await test.newAccount('bob')}`;
    alice = await SettledAccount.settle(test, 'alice');
  });

  afterAll(async () => {
    await test.stop();
  });

  const queries = zstack.operations.filter(({ id, path }) => id.startsWith('Query') && !path.includes('{'));
  /** What is the cloud's own: how much room there is changes by itself, and jobs are made by looking. */
  const moving = /^Query(ApiJob|ManagementNode|Host|.*Storage)$/;

  async function everything(): Promise<Record<string, unknown>> {
    const all: Record<string, unknown> = {};
    for (const { id, path } of queries.filter((one) => !moving.test(one.id))) {
      const { json } = await test.call('GET', path, undefined, alice.headers);
      all[id] = json['inventories'] ?? json['error'];
    }
    return all;
  }

  it('is not seen in any list of another one', async () => {
    const ids = Object.values(alice.own);
    const seen: string[] = [];
    for (const { id, path } of queries) {
      const { text } = await test.call('GET', path, undefined, bob);
      for (const one of ids.filter((uuid) => text.includes(uuid))) seen.push(`${id}: ${one}`);
    }
    expect(seen).toEqual([]);
  });

  it('is neither read nor changed by any operation of another one', async () => {
    const before = await everything();
    const ids = Object.values(alice.own);
    const admitted: string[] = [];
    const notAimed: string[] = [];
    const runs = zstack.operations.flatMap((operation) =>
      operation.examples.map((example) => ({ operation, example })),
    );
    for (const { operation, example } of runs) {
      const request = alice.aim(operation, example);
      if (!request.isAimed) {
        if (operation.allow !== 'admin' && operation.allow !== 'anyone') notAimed.push(operation.id);
        continue;
      }
      const { status, json, text } = await test.run(operation.method, request.url, request.body, bob);
      const tellsNothing = operation.method === 'GET' && !ids.some((uuid) => text.includes(uuid));
      // What is not there for it is deleted already, as the dialect has it.
      const isGoneAlready = /^(Delete|Destroy|Expunge|Detach)/.test(operation.id) && Object.keys(json).length === 0;
      if (status === 200 && !tellsNothing && !isGoneAlready) admitted.push(`${operation.id}: ${text.slice(0, 200)}`);
      if (status === 500) admitted.push(`${operation.id}: ${status} ${text.slice(0, 200)}`);
    }
    expect(admitted).toEqual([]);
    // Everything else names nothing that an account could have.
    expect([...new Set(notAimed)].filter((id) => !namesNothing.some((words) => words.test(id)))).toEqual([]);
    await test.cloud.runner.idle();
    expect(await everything()).toEqual(before);
  });

  it('is in no answer to ZQL, whatever is asked about', async () => {
    const ids = Object.values(alice.own);
    const seen: string[] = [];
    for (const { name } of inventories()) {
      const entity = name.replace('Inventory', '').toLowerCase();
      const zql = encodeURIComponent(`query ${entity}`);
      const { text } = await test.call('GET', `/zql?zql=${zql}`, undefined, bob);
      for (const one of ids.filter((uuid) => text.includes(uuid))) seen.push(`${entity}: ${one}`);
    }
    expect(seen).toEqual([]);
    const forAdministrators = ['host', 'imagecache', 'l2network', 'l2vlannetwork', 'l2networkclusterref'];
    for (const entity of forAdministrators) {
      const { json } = await test.call('GET', `/zql?zql=query%20${entity}`, undefined, bob);
      expect(json['results'], entity).toMatchObject([{ inventories: [] }]);
    }
  });

  it('is out of reach of long jobs, too', async () => {
    const before = await everything();
    const data = {
      rootVolumeUuid: alice.own['rootVolume'],
      volumeUuid: alice.own['volume'],
      imageUuid: alice.own['image'],
      vmInstanceUuid: alice.own['vm'],
      snapshotUuid: alice.own['snapshot'],
      uuid: alice.own['vm'],
      name: 'not-mine',
    };
    // What is not there for it is deleted already.
    const isTried = ({ id, mode }: (typeof zstack.operations)[number]) =>
      mode === 'async' && !/^(Delete|Destroy|Expunge|Detach|Create(?!.*From)|Add|Generate|SubmitLongJob)/.test(id);
    for (const { id } of zstack.operations.filter(isTried)) {
      const jobName = `API${id}Msg`;
      const params = { name: 'mine', jobName, jobData: JSON.stringify(data) };
      const { json } = await test.run('POST', '/longjobs', { params }, bob);
      const longJob = json['inventory'] as Record<string, unknown> | undefined;
      if (!longJob) continue;
      const path = `/longjobs/${longJob['uuid']}`;
      const ended = async () => (await test.query(path, bob))[0]!['state'];
      await vi.waitFor(async () => expect(await ended()).toMatch(/Succeeded|Failed/), 60_000);
      expect((await test.query(path, bob))[0], jobName).toMatchObject({ state: 'Failed' });
    }
    await test.cloud.runner.idle();
    expect(await everything()).toEqual(before);
  });
});
