import { Readable } from 'node:stream';
import { expect, vi } from 'vitest';
import { selfSigned } from '../../../tests/support/self-signed.ts';
import { emptyIso } from '../../agent/config-drive/empty-iso.fixture.ts';
import { emptyQcow2 } from '../../agent/disks/qcow2-header.ts';
import type { AnyOperation, OperationExample } from '../../api/operation.ts';
import { operator } from '../../cloud/identity/subject.ts';
import { sha512, type TestZStack } from './zstack.fixture.ts';

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
  trees: 'snapshot',
  'vm-instances': 'vm',
  nics: 'nic',
  'affinity-groups': 'affinityGroup',
  'l3-networks': 'l3Network',
  'ip-ranges': 'ipRange',
  'reserved-ip-ranges': 'reservedIpRange',
  'ip-address': 'usedIp',
  vips: 'vip',
  eips: 'eip',
  'security-groups': 'securityGroup',
  rules: 'rule',
  'port-forwarding': 'portForwardingRule',
  'load-balancers': 'loadBalancer',
  listeners: 'listener',
  servergroups: 'serverGroup',
  certificates: 'certificate',
  tags: 'tagPattern',
  'user-tags': 'tag',
  'system-tags': 'systemTag',
  longjobs: 'longJob',
  cdroms: 'cdRom',
  users: 'user',
  group: 'snapshotGroup',
  ungroup: 'snapshotGroup',
  groups: 'userGroup',
  policies: 'policy',
  'resource-configurations': 'vm',
  jobs: 'schedulerJob',
  schedulers: 'schedulerJob',
  triggers: 'schedulerTrigger',
  jobgroups: 'schedulerJobGroup',
};

/** What other fields name. */
const kindsByName: Record<string, string> = {
  accountUuid: 'account',
  userUuid: 'user',
  groupUuid: 'userGroup',
  policyUuid: 'policy',
  policyUuids: 'policy',
  imageUuid: 'image',
  imageId: 'image',
  isoUuid: 'iso',
  resourceUuid: 'image',
  rootVolumeUuid: 'rootVolume',
  volumeUuid: 'volume',
  volumeSnapshotUuid: 'snapshot',
  volumeSnapshotGroupUuid: 'snapshotGroup',
  snapshotUuid: 'snapshot',
  vmInstanceUuid: 'vm',
  vmUuid: 'vm',
  uuids: 'vm',
  vmNicUuid: 'nic',
  vmNicUuids: 'nic',
  l3NetworkUuid: 'l3Network',
  destL3NetworkUuid: 'l3Network',
  l3NetworkUuids: 'l3Network',
  ipRangeUuid: 'ipRange',
  vipUuid: 'vip',
  loadBalancerUuid: 'loadBalancer',
  listenerUuid: 'listener',
  serverGroupUuid: 'serverGroup',
  servergroupUuid: 'serverGroup',
  certificateUuid: 'certificate',
  eipUuid: 'eip',
  securityGroupUuid: 'securityGroup',
  affinityGroupUuid: 'affinityGroup',
  ruleUuids: 'rule',
  ruleUuid: 'portForwardingRule',
  apiId: 'job',
  tagUuid: 'tagPattern',
  resourceUuids: 'vm',
  schedulerJobUuid: 'schedulerJob',
  schedulerTriggerUuid: 'schedulerTrigger',
  schedulerJobGroupUuid: 'schedulerJobGroup',
  schedulerJobUuids: 'schedulerJob',
  jobUuids: 'schedulerJob',
  targetResourceUuid: 'vm',
};

/** Of operations at a path of something else. */
const kindsByOperation: ReadonlyArray<readonly [RegExp, string]> = [
  [/NicQos$/, 'nic'],
  [/SnapshotGroup$/, 'snapshotGroup'],
];

/** A request for something that an account has. */
export interface AimedRequest {
  url: string;
  body: unknown;
  /** Whether it names anything that the account has. */
  isAimed: boolean;
}

/** An account that has one of each kind of thing which accounts can have, for tests. */
export class SettledAccount {
  readonly headers: Record<string, string>;
  /** The uuids, by kind. */
  readonly own: Record<string, string> = {};
  /** What there is for all accounts, by the field that names it. */
  readonly #common: Record<string, string> = {};
  readonly #test: TestZStack;

  private constructor(test: TestZStack, session: string) {
    this.#test = test;
    this.headers = { authorization: `OAuth ${session}` };
  }

  static async settle(test: TestZStack, name: string): Promise<SettledAccount> {
    const account = new SettledAccount(test, await test.newAccount(name));
    await account.#fill(name);
    await test.cloud.runner.idle();
    // A long job ends a moment after its action has.
    const longJob = `/longjobs?q=uuid=${account.own['longJob']}&q=state=Succeeded`;
    await vi.waitFor(async () => expect(await test.query(longJob, account.headers)).toHaveLength(1), 60_000);
    return account;
  }

  /** What the account makes there. */
  async made(path: string, params: Body): Promise<Body> {
    const { json, headers, text } = await this.#test.run('POST', path, { params }, this.headers);
    if (headers['x-job-uuid']) this.own['job'] = String(headers['x-job-uuid']);
    const inventory = json['inventory'] as Body | undefined;
    if (!inventory) throw new Error(`${path}: ${text}`);
    return inventory;
  }

  async #made(path: string, params: Body): Promise<string> {
    return (await this.made(path, params))['uuid'] as string;
  }

  async #first(path: string): Promise<Body> {
    return (await this.#test.query(path, this.headers))[0]!;
  }

  async #uploaded(name: string, diskFormat: string, bytes: Buffer): Promise<string> {
    const { images } = this.#test.cloud;
    const subject = { ...operator(), projectId: this.own['account']!, isAdmin: false, roles: ['member'] };
    const words = { name, diskFormat, containerFormat: 'bare' };
    const { id } = await images.create(subject, words);
    await images.upload(subject, id, Readable.from([bytes]));
    return id;
  }

  /** Gives it one of each kind. */
  async #fill(name: string): Promise<void> {
    const { own } = this;
    const test = this.#test;
    const [zone] = await test.query('/zones');
    const l2 = await test.call('POST', '/l2-networks/no-vlan', {
      params: { name: 'l2', zoneUuid: zone!['uuid'], physicalInterface: 'eth0' },
    });
    const l2NetworkUuid = (l2.json['inventory'] as Body)['uuid'];
    this.#common['l2NetworkUuid'] = String(l2NetworkUuid);
    this.#common['instanceOfferingUuid'] = String((await test.query('/instance-offerings?q=name=m1.nano'))[0]!['uuid']);
    const [store] = await test.query('/backup-storage');
    for (const field of ['backupStorageUuid', 'backupStorageUuids']) this.#common[field] = String(store!['uuid']);
    const outside = await test.cloud.networks.networks.create(operator(), [{ name: 'outside', external: true }]);
    const ranges = { params: { name: 'outside', networkCidr: '203.0.113.0/24' } };
    await test.run('POST', `/l3-networks/${outside[0]!.id}/ip-ranges/by-cidr`, ranges);
    own['account'] = String((await test.query(`/accounts?q=name=${name}`))[0]!['uuid']);
    own['accessKey'] = await this.#made('/accesskeys', { accountUuid: own['account'], userUuid: own['account'] });
    own['user'] = await this.#made('/accounts/users', { name: 'dev', password: sha512('dev') });
    own['userGroup'] = await this.#made('/accounts/groups', { name: 'builders' });
    const statements = [{ effect: 'Allow', actions: ['org.zstack.header.image.**'] }];
    own['policy'] = await this.#made('/accounts/policies', { name: 'images', statements });
    own['sshKeyPair'] = await this.#made('/ssh-key-pair/generate', { name });
    own['image'] = await this.#uploaded(name, 'qcow2', emptyQcow2(2 ** 30));
    own['iso'] = await this.#uploaded(`${name}-iso`, 'iso', emptyIso());
    own['l3Network'] = await this.#made('/l3-networks', { name, l2NetworkUuid });
    const cidr = { name, networkCidr: '10.77.0.0/24' };
    own['ipRange'] = await this.#made(`/l3-networks/${own['l3Network']}/ip-ranges/by-cidr`, cidr);
    const reserved = { startIp: '10.77.0.240', endIp: '10.77.0.249' };
    own['reservedIpRange'] = await this.#made(`/l3-networks/${own['l3Network']}/reserved-ip-ranges`, reserved);
    own['vip'] = await this.#made('/vips', { name, l3NetworkUuid: outside[0]!.id });
    const l3NetworkUuids = [own['l3Network']];
    const size = { cpuNum: 1, memorySize: 2 ** 27, rootDiskSize: 2 ** 30 };
    own['vm'] = await this.#made('/vm-instances', { name, imageUuid: own['image'], l3NetworkUuids, ...size });
    own['rootVolume'] = String((await this.#first(`/vm-instances/${own['vm']}`))['rootVolumeUuid']);
    own['nic'] = String((await this.#first(`/vm-instances/nics?q=vmInstanceUuid=${own['vm']}`))['uuid']);
    own['usedIp'] = String((await this.#first(`/l3-networks/ip-address?q=vmNicUuid=${own['nic']}`))['uuid']);
    own['cdRom'] = String((await this.#first(`/vm-instances/cdroms?q=vmInstanceUuid=${own['vm']}`))['uuid']);
    own['eip'] = await this.#made('/eips', { name, vipUuid: own['vip'], vmNicUuid: own['nic'] });
    const vipOfRule = await this.#made('/vips', { name: `${name}-ports`, l3NetworkUuid: outside[0]!.id });
    own['vipOfRule'] = vipOfRule;
    const forwarded = { vipUuid: vipOfRule, vipPortStart: 8080, privatePortStart: 80, protocolType: 'TCP' };
    own['portForwardingRule'] = await this.#made('/port-forwarding', { name, ...forwarded });
    const balanced = await this.#made('/vips', { name: `${name}-balanced`, l3NetworkUuid: outside[0]!.id });
    own['loadBalancer'] = await this.#made('/load-balancers', { name, vipUuid: balanced });
    const listener = { name, loadBalancerPort: 443, protocol: 'https' };
    own['listener'] = await this.#made(`/load-balancers/${own['loadBalancer']}/listeners`, listener);
    own['serverGroup'] = await this.#made(`/load-balancers/${own['loadBalancer']}/servergroups`, { name });
    own['certificate'] = await this.#made('/certificates', { name, certificate: selfSigned(name).pem });
    own['volume'] = await this.#made('/volumes/data', { name, diskSize: 2 ** 30 });
    await test.run('POST', `/volumes/${own['volume']}/vm-instances/${own['vm']}`, { params: {} }, this.headers);
    own['snapshot'] = await this.#made(`/volumes/${own['volume']}/volume-snapshots`, { name });
    own['snapshotGroup'] = await this.#made('/volume-snapshots/group', { name, rootVolumeUuid: own['rootVolume'] });
    own['securityGroup'] = await this.#made('/security-groups', { name });
    own['rule'] = String(
      (await this.#first(`/security-groups/rules?q=securityGroupUuid=${own['securityGroup']}`))['uuid'],
    );
    const tag = { resourceType: 'VmInstanceVO', resourceUuid: own['vm'], tag: name };
    own['tag'] = await this.#made('/user-tags', tag);
    own['tagPattern'] = await this.#made('/tags', { name, value: name });
    own['affinityGroup'] = await this.#made('/affinity-groups', { name, policy: 'antiSoft' });
    own['systemTag'] = await this.#made('/system-tags', { ...tag, tag: 'ha::NeverStop' });
    // The server runs already: whenever it is done, nothing changes.
    const start = { name, type: 'startVm', targetResourceUuid: own['vm'] };
    own['schedulerJob'] = await this.#made('/scheduler/jobs', start);
    const newYear = { name, schedulerType: 'cron', cron: '0 0 0 1 1 ?' };
    own['schedulerTrigger'] = await this.#made('/scheduler/triggers', newYear);
    own['schedulerJobGroup'] = await this.#made('/scheduler/jobgroups', { name, type: 'startVm' });
    const jobData = JSON.stringify({ name, rootVolumeUuid: own['rootVolume'] });
    const jobName = 'APICreateRootVolumeTemplateFromRootVolumeMsg';
    own['longJob'] = await this.#made('/longjobs', { name, jobName, jobData });
  }

  /** An operation's own example, with the ids of what the account has. */
  aim(operation: AnyOperation, example: OperationExample): AimedRequest {
    const { params = {}, query = {}, body } = example;
    let isAimed = false;
    const idOf = (name: string, before?: string) => {
      const special = kindsByOperation.find(([words]) => words.test(operation.id))?.[1];
      const id = this.own[(name === 'uuid' ? (special ?? kindsByPath[before ?? '']) : kindsByName[name]) ?? ''];
      if (id !== undefined) isAimed = true;
      return id ?? this.#common[name];
    };
    const path = operation.path.replaceAll(/([\w-]+)(?=\/\{)\/\{(\w+)\}|\{(\w+)\}/g, (_, before, after, only) => {
      const name = (after ?? only) as string;
      const id = encodeURIComponent(idOf(name, before) ?? params[name] ?? '10.77.0.9');
      return before === undefined ? id : `${before}/${id}`;
    });
    const words = Object.entries(query).map(([name, value]) => [name, idOf(name) ?? String(value)] as [string, string]);
    // Some actions stand at the path of all of a kind, and name the one in their body.
    const kind = /([\w-]+)\/actions$/.exec(operation.path)?.[1];
    const real = (value: unknown, name: string): unknown => {
      if (Array.isArray(value)) return value.map((one) => real(one, name));
      if (typeof value === 'string') return idOf(name, kind) ?? value;
      if (typeof value !== 'object' || value === null) return value;
      return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, real(one, key)]));
    };
    const aimedBody = real(body, '');
    const text = new URLSearchParams(words).toString();
    return { url: text ? `${path}?${text}` : path, body: aimedBody, isAimed };
  }
}
