import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { emptyQcow2 } from '../../agent/disks/qcow2-header.ts';
import type { AnyOperation } from '../../api/operation.ts';
import { operator, type Subject } from '../../cloud/identity/subject.ts';
import { TestZStack } from './zstack.fixture.ts';
import { zstack } from './zstack.ts';

type Body = Record<string, unknown>;

/** What `uuid` names, by the word of the path that stands before it. */
const kindsByPath: Record<string, string> = {
  accounts: 'account',
  quota: 'account',
  accesskeys: 'accessKey',
  'ssh-key-pair': 'sshKeyPair',
  images: 'image',
  volumes: 'volume',
  resize: 'volume',
  'volume-snapshots': 'snapshot',
  'vm-instances': 'vm',
  nics: 'nic',
  'l3-networks': 'l3Network',
  'ip-ranges': 'ipRange',
  vips: 'vip',
  eips: 'eip',
  'security-groups': 'securityGroup',
  rules: 'rule',
  tags: 'tag',
  'user-tags': 'tag',
  longjobs: 'longJob',
};

/** What other fields name. */
const kindsByName: Record<string, string> = {
  accountUuid: 'account',
  userUuid: 'account',
  imageUuid: 'image',
  resourceUuid: 'image',
  rootVolumeUuid: 'rootVolume',
  volumeUuid: 'volume',
  volumeSnapshotUuid: 'snapshot',
  vmInstanceUuid: 'vm',
  uuids: 'vm',
  vmNicUuid: 'nic',
  vmNicUuids: 'nic',
  l3NetworkUuid: 'l3Network',
  l3NetworkUuids: 'l3Network',
  ipRangeUuid: 'ipRange',
  vipUuid: 'vip',
  eipUuid: 'eip',
  securityGroupUuid: 'securityGroup',
  ruleUuids: 'rule',
  apiId: 'job',
};

/** What an account has is there for no other one, whatever the operation: it neither reads it nor changes it. */
describe('what belongs to an account', () => {
  let test: TestZStack;
  const own: Record<string, string> = {};
  const alice: Record<string, string> = {};
  const bob: Record<string, string> = {};

  beforeAll(async () => {
    test = await TestZStack.start();
    alice['authorization'] = `OAuth ${await test.newAccount('alice')}`;
    bob['authorization'] = `OAuth ${await test.newAccount('bob')}`;
    await settle();
  });

  afterAll(async () => {
    await test.stop();
  });

  async function made(path: string, params: Body): Promise<string> {
    const { json, headers, text } = await test.run('POST', path, { params }, alice);
    if (headers['x-job-uuid']) own['job'] = String(headers['x-job-uuid']);
    const inventory = json['inventory'] as Body | undefined;
    if (!inventory) throw new Error(`${path}: ${text}`);
    return inventory['uuid'] as string;
  }

  async function first(path: string): Promise<Body> {
    return (await test.query(path, alice))[0]!;
  }

  async function uploaded(subject: Subject): Promise<string> {
    const { images } = test.cloud;
    const words = { name: 'alices', diskFormat: 'qcow2', containerFormat: 'bare' };
    const { id } = await images.create(subject, words);
    await images.upload(subject, id, Readable.from([emptyQcow2(2 ** 30)]));
    return id;
  }

  /** Gives alice one of each kind. */
  async function settle(): Promise<void> {
    const [zone] = await test.query('/zones');
    const l2 = await test.call('POST', '/l2-networks/no-vlan', {
      params: { name: 'l2', zoneUuid: zone!['uuid'], physicalInterface: 'eth0' },
    });
    const l2NetworkUuid = (l2.json['inventory'] as Body)['uuid'];
    const outside = await test.cloud.networks.networks.create(operator(), [{ name: 'outside', external: true }]);
    const ranges = { params: { name: 'outside', networkCidr: '203.0.113.0/24' } };
    await test.run('POST', `/l3-networks/${outside[0]!.id}/ip-ranges/by-cidr`, ranges);
    own['account'] = String((await test.query('/accounts?q=name=alice'))[0]!['uuid']);
    own['accessKey'] = await made('/accesskeys', { accountUuid: own['account'], userUuid: own['account'] });
    own['sshKeyPair'] = await made('/ssh-key-pair/generate', { name: 'alices' });
    own['image'] = await uploaded({ ...operator(), projectId: own['account'], isAdmin: false, roles: ['member'] });
    own['l3Network'] = await made('/l3-networks', { name: 'alices', l2NetworkUuid });
    const cidr = { name: 'alices', networkCidr: '10.77.0.0/24' };
    own['ipRange'] = await made(`/l3-networks/${own['l3Network']}/ip-ranges/by-cidr`, cidr);
    own['vip'] = await made('/vips', { name: 'alices', l3NetworkUuid: outside[0]!.id });
    const l3NetworkUuids = [own['l3Network']];
    const size = { cpuNum: 1, memorySize: 2 ** 27, rootDiskSize: 2 ** 30 };
    own['vm'] = await made('/vm-instances', { name: 'alices', imageUuid: own['image'], l3NetworkUuids, ...size });
    own['rootVolume'] = String((await first(`/vm-instances/${own['vm']}`))['rootVolumeUuid']);
    own['nic'] = String((await first(`/vm-instances/nics?q=vmInstanceUuid=${own['vm']}`))['uuid']);
    own['eip'] = await made('/eips', { name: 'alices', vipUuid: own['vip'], vmNicUuid: own['nic'] });
    own['volume'] = await made('/volumes/data', { name: 'alices', diskSize: 2 ** 30 });
    await test.run('POST', `/volumes/${own['volume']}/vm-instances/${own['vm']}`, { params: {} }, alice);
    own['snapshot'] = await made(`/volumes/${own['volume']}/volume-snapshots`, { name: 'alices' });
    own['securityGroup'] = await made('/security-groups', { name: 'alices' });
    own['rule'] = String((await first(`/security-groups/rules?q=securityGroupUuid=${own['securityGroup']}`))['uuid']);
    const tag = { resourceType: 'VmInstanceVO', resourceUuid: own['vm'], tag: 'alices' };
    own['tag'] = await made('/user-tags', tag);
    const jobData = JSON.stringify({ name: 'alices', rootVolumeUuid: own['rootVolume'] });
    const jobName = 'APICreateRootVolumeTemplateFromRootVolumeMsg';
    own['longJob'] = await made('/longjobs', { name: 'alices', jobName, jobData });
    await test.cloud.runner.idle();
  }

  /** An operation's own example with ids of what alice has; undefined where it is about nothing of hers. */
  function aimed(operation: AnyOperation): { url: string; body: unknown } | undefined {
    const { params = {}, query = {}, body } = operation.examples[0]!;
    let isAimed = false;
    const idOf = (name: string, before?: string) => {
      const id = own[(name === 'uuid' ? kindsByPath[before ?? ''] : kindsByName[name]) ?? ''];
      if (id !== undefined) isAimed = true;
      return id;
    };
    const path = operation.path.replaceAll(/([\w-]+)(?=\/\{)\/\{(\w+)\}|\{(\w+)\}/g, (_, before, after, only) => {
      const name = (after ?? only) as string;
      const id = encodeURIComponent(idOf(name, before) ?? params[name] ?? '10.77.0.9');
      return before === undefined ? id : `${before}/${id}`;
    });
    const words = Object.entries(query).map(([name, value]) => [name, idOf(name) ?? String(value)] as [string, string]);
    const real = (value: unknown, name: string): unknown => {
      if (Array.isArray(value)) return value.map((one) => real(one, name));
      if (typeof value === 'string') return idOf(name) ?? value;
      if (typeof value !== 'object' || value === null) return value;
      return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, real(one, key)]));
    };
    const aimedBody = real(body, '');
    const text = new URLSearchParams(words).toString();
    return isAimed ? { url: text ? `${path}?${text}` : path, body: aimedBody } : undefined;
  }

  const queries = zstack.operations.filter(({ id, path }) => id.startsWith('Query') && !path.includes('{'));
  /** What is the cloud's own: how much room there is changes by itself, and jobs are made by looking. */
  const moving = /^Query(ApiJob|ManagementNode|Host|.*Storage)$/;

  async function everything(): Promise<Record<string, unknown>> {
    const all: Record<string, unknown> = {};
    for (const { id, path } of queries.filter((one) => !moving.test(one.id))) {
      const { json } = await test.call('GET', path, undefined, alice);
      all[id] = json['inventories'] ?? json['error'];
    }
    return all;
  }

  it('is not seen in any list of another one', async () => {
    const ids = Object.values(own);
    const seen: string[] = [];
    for (const { id, path } of queries) {
      const { text } = await test.call('GET', path, undefined, bob);
      for (const one of ids.filter((uuid) => text.includes(uuid))) seen.push(`${id}: ${one}`);
    }
    expect(seen).toEqual([]);
  });

  it('is neither read nor changed by any operation of another one', async () => {
    const before = await everything();
    const ids = Object.values(own);
    const admitted: string[] = [];
    let tried = 0;
    for (const operation of zstack.operations) {
      const request = aimed(operation);
      if (!request) continue;
      tried += 1;
      const { status, json, text } = await test.run(operation.method, request.url, request.body, bob);
      const tellsNothing = operation.method === 'GET' && !ids.some((uuid) => text.includes(uuid));
      // What is not there for it is deleted already, as the dialect has it.
      const isGoneAlready = /^(Delete|Destroy|Expunge|Detach)/.test(operation.id) && Object.keys(json).length === 0;
      if (status === 200 && !tellsNothing && !isGoneAlready) admitted.push(`${operation.id}: ${text.slice(0, 200)}`);
      if (status === 500) admitted.push(`${operation.id}: ${status} ${text.slice(0, 200)}`);
    }
    expect(admitted).toEqual([]);
    expect(tried).toBeGreaterThan(100);
    await test.cloud.runner.idle();
    expect(await everything()).toEqual(before);
  });
});
