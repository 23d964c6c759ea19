import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { auditCloud } from '../../../cloud/audit/audit.ts';
import { newId } from '../../../env/env.ts';
import { realEnv } from '../../../env/real.ts';
import { ImageFiles } from '../image-files.fixture.ts';
import { TestZStack } from '../zstack.fixture.ts';

type Body = Record<string, unknown>;
const env = realEnv();

let zstack: TestZStack;
let files: ImageFiles;
let store: string;
let image: string;
let network: string;
let offering: string;
beforeAll(async () => {
  zstack = await TestZStack.start();
  files = await ImageFiles.start();
  store = (await zstack.query('/backup-storage'))[0]!['uuid'] as string;
  network = (await zstack.query('/l3-networks'))[0]!['uuid'] as string;
  offering = (await zstack.query('/instance-offerings?q=name=m1.nano'))[0]!['uuid'] as string;
  const params = { name: 'TinyLinux', url: files.url('tiny.qcow2'), backupStorageUuids: [store] };
  image = ((await zstack.run('POST', '/images', { params })).json['inventory'] as Body)['uuid'] as string;
});
afterAll(async () => {
  await files.stop();
  await zstack.stop();
});

const request = (more: Body = {}) => ({
  name: 'web-1',
  imageUuid: image,
  instanceOfferingUuid: offering,
  l3NetworkUuids: [network],
  ...more,
});

async function create(more: Body = {}, tags: Body = {}): Promise<Body> {
  const { status, json, text } = await zstack.run('POST', '/vm-instances', { params: request(more), ...tags });
  if (status !== 200) throw new Error(text);
  return json['inventory'] as Body;
}

const act = (vm: Body, body: unknown) => zstack.run('PUT', `/vm-instances/${String(vm['uuid'])}/actions`, body);
const wrongState = (state: string, message: string, allowed: string) => ({
  code: 'VM.1010',
  description: 'VM is not in state that allows required operation',
  details: `current vm instance state[${state}] doesn't allow to proceed message[org.zstack.header.${message}], allowed states are [${allowed}]`,
});

describe('CreateVmInstance', () => {
  it('gives a running server with its address and volumes, as Terraform asks for one', async () => {
    const vm = await create(
      {
        type: 'UserVm',
        cpuNum: 1,
        memorySize: 134217728,
        platform: 'Linux',
        guestOsType: 'CentOS 7',
        architecture: 'x86_64',
        defaultL3NetworkUuid: network,
        strategy: 'InstantStart',
        dataDiskSizes: [],
      },
      { systemTags: [`staticIp::${network}::10.64.7.7`, 'hostname::front', 'userdata::#!/bin/sh'], userTags: ['prod'] },
    );
    expect(vm).toMatchObject({
      name: 'web-1',
      state: 'Running',
      cpuNum: 1,
      memorySize: 134217728,
      platform: 'Linux',
      guestOsType: 'CentOS 7',
      architecture: 'x86_64',
      imageUuid: image,
      instanceOfferingUuid: offering,
      defaultL3NetworkUuid: network,
      vmNics: [{ l3NetworkUuid: network, ip: '10.64.7.7', netmask: '255.255.0.0', gateway: '10.64.0.1', deviceId: 0 }],
      allVolumes: [{ uuid: vm['rootVolumeUuid'], type: 'Root', deviceId: 0, status: 'Ready', size: 2 ** 30 }],
    });
    const server = await zstack.cloud.servers.byId(vm['uuid'] as string);
    expect(server.hostname).toBe('front');
    expect(Buffer.from(server.userData!, 'base64').toString()).toBe('#!/bin/sh');
    const found =
      '/vm-instances?q=vmNics.ip=10.64.7.7&q=image.name~=tiny%25&q=__userTag__=prod&q=allVolumes.size>=1&q=state=Running';
    expect(await zstack.query(`${found}&fields=uuid`)).toEqual([{ uuid: vm['uuid'] }]);
    expect(await zstack.query(`${found}&q=host.managementIp=10.9.9.9`)).toEqual([]);
  });

  it('takes user data of any length, and refuses a tag that is too long before anything is made', async () => {
    const script = `#!/bin/sh\n${'# 雲海\n'.repeat(2000)}`;
    const userData = Buffer.from(script).toString('base64');
    const vm = await create({}, { systemTags: [`userdata::${userData}`, 'hostname::front'] });
    const server = await zstack.cloud.servers.byId(vm['uuid'] as string);
    expect(server.userData).toBe(userData);
    const tags = await zstack.query(`/system-tags?q=resourceUuid=${vm['uuid']}&q=inherent=false`);
    expect(tags.map(({ tag }) => tag)).toEqual(['hostname::front']);
    await expect(create({ name: 'never' }, { userTags: ['雲'.repeat(700)] })).rejects.toThrow('2048 bytes');
    const tooMuch = { systemTags: [`userdata::${'雲'.repeat(20_000)}`] };
    await expect(create({ name: 'never' }, tooMuch)).rejects.toThrow('can have 65535');
    expect(await zstack.query('/vm-instances?q=name=never')).toEqual([]);
  });

  it('gives its volumes the tags that are theirs, and says which words of it count for nothing', async () => {
    const tags = { rootVolumeSystemTags: ['capability::root'], dataVolumeSystemTags: ['capability::data'] };
    const tagsOf = async (vm: Body) =>
      (await zstack.query(`/volumes?q=vmInstanceUuid=${vm['uuid']}&sort=%2Btype`)).map(async ({ type, uuid }) => [
        type,
        ...(await zstack.query(`/system-tags?q=resourceUuid=${uuid}`)).map(({ tag }) => tag),
      ]);
    for (const strategy of ['InstantStart', 'JustCreate']) {
      const vm = await create({ ...tags, strategy, dataDiskSizes: [2 ** 30], vmNicParams: '[]' });
      expect(await Promise.all(await tagsOf(vm)), strategy).toEqual([
        ['Data', 'capability::data'],
        ['Root', 'capability::root'],
      ]);
      await zstack.run('DELETE', `/vm-instances/${vm['uuid']}`);
    }
    const refused = async (more: Body) => (await zstack.run('POST', '/vm-instances', { params: request(more) })).json;
    expect(await refused({ vmNicParams: '[{"mac":"fa:16:3e:00:00:01"}]' })).toMatchObject({
      error: { code: 'SYS.1014' },
    });
    expect(await refused({ rootVolumeSystemTags: ['unheard::of'] })).toMatchObject({ error: { code: 'SYS.1007' } });
  });

  it('takes the image as the disk to boot from, as newer clients say it', async () => {
    const diskAOs = [{ boot: true, sourceType: 'ImageVO', sourceUuid: image, guestOsType: 'CentOS 8', size: 2 ** 30 }];
    expect(await create({ imageUuid: undefined, diskAOs })).toMatchObject({
      imageUuid: image,
      guestOsType: 'CentOS 8',
    });
    await expect(create({ diskAOs: [{ sourceType: 'VolumeVO' }] })).rejects.toThrow('SYS.1007');
  });

  it('makes one without starting it, with its disks and its place on a host, for whom the first start is a start', async () => {
    const vm = await create({ strategy: 'CreateStopped', dataDiskSizes: [2 ** 30] });
    expect(vm).toMatchObject({
      state: 'Stopped',
      allVolumes: [
        { type: 'Root', status: 'Ready' },
        { type: 'Data', status: 'Ready' },
      ],
      vmNics: [{ ip: expect.stringMatching(/^10\.64\./) }],
    });
    const { hostId, vmState, powerState } = await zstack.cloud.servers.byId(vm['uuid'] as string);
    expect({ vmState, powerState }).toEqual({ vmState: 'stopped', powerState: 4 });
    const { guests } = await zstack.cloud.hosts.agent(hostId!).inventory();
    expect(guests.find(({ serverId }) => serverId === vm['uuid'])?.state ?? 'absent').toMatch(/^(absent|stopped)$/);
    expect(await act(vm, { reimageVmInstance: {} })).toMatchObject({ json: { inventory: { state: 'Stopped' } } });
    expect(await act(vm, { startVmInstance: {} })).toMatchObject({ json: { inventory: { state: 'Running' } } });
  });

  it('finds a size by processors and memory, and says when there is none', async () => {
    const vm = await create({ instanceOfferingUuid: '', cpuNum: 1, memorySize: 134217728 });
    expect(vm).toMatchObject({ cpuNum: 1, memorySize: 134217728 });
    await expect(create({ instanceOfferingUuid: undefined })).rejects.toThrow('Missing CPU/memory settings');
    await expect(create({ instanceOfferingUuid: undefined, cpuNum: 7, memorySize: 4096 })).rejects.toThrow('SYS.1007');
  });

  it.each([
    [{ imageUuid: newId(env) }, 'SYS.1003', 'type:ImageVO] not found'],
    [{ instanceOfferingUuid: newId(env) }, 'SYS.1003', 'type:InstanceOfferingVO] not found'],
    [{ zoneUuid: newId(env) }, 'SYS.1003', 'type:ZoneVO] not found'],
    [{ defaultL3NetworkUuid: newId(env) }, 'SYS.1007', 'is not in l3NetworkUuids'],
    [{ systemTags: ['sorcery::yes'] }, 'SYS.1007', 'no system tag matches[sorcery::yes]'],
  ])('refuses %j', async (more, code, details) => {
    const { status, json } = await zstack.run('POST', '/vm-instances', { params: request(more) });
    expect(status).toBe(503);
    expect(json['error']).toMatchObject({ code, details: expect.stringContaining(details) });
  });

  it('registers a server that its first start builds, or that goes before', async () => {
    const vm = await create({ strategy: 'JustCreate' });
    expect(vm).toMatchObject({ state: 'Created', imageUuid: image });
    expect(vm['hostUuid']).toBeUndefined();
    expect(await auditCloud(zstack.cloud)).toEqual([]);
    const path = `/vm-instances/${vm['uuid']}`;
    const refused = await zstack.run('PUT', `${path}/actions`, { rebootVmInstance: {} });
    expect(refused.json['error']).toMatchObject({ details: expect.stringContaining('state[Created]') });
    const start = () => zstack.run('PUT', `${path}/actions`, { startVmInstance: {} });
    const [started, again] = await Promise.all([start(), start()]);
    expect([started.status, again.status]).toContain(200);
    expect(await zstack.query(path)).toMatchObject([{ state: 'Running', hostUuid: expect.any(String) }]);
    const other = await create({ strategy: 'JustCreate', dataDiskSizes: [2 ** 20] });
    expect(other['allVolumes']).toMatchObject([{ type: 'Root' }, { type: 'Data', size: 2 ** 20, status: 'Creating' }]);
    await zstack.run('DELETE', `/vm-instances/${other['uuid']}`);
    await zstack.cloud.runner.idle();
    const left = await zstack.cloud.db.read.selectFrom('unbuilt_servers').selectAll().execute();
    expect(left).toEqual([]);
    expect(await zstack.query('/volumes?q=size=1048576')).toEqual([]);
    expect(await auditCloud(zstack.cloud)).toEqual([]);
  });

  it('builds the data volumes of a registered server with it, by its first start', async () => {
    const vm = await create({ name: 'later', strategy: 'JustCreate', dataDiskSizes: [2 ** 20, 3 * 512] });
    const path = `/vm-instances/${vm['uuid']}`;
    const started = await zstack.run('PUT', `${path}/actions`, { startVmInstance: {} });
    expect(started.status, started.text).toBe(200);
    expect(await zstack.query(path)).toMatchObject([
      {
        state: 'Running',
        allVolumes: [
          { type: 'Root', status: 'Ready', deviceId: 0 },
          { name: 'DATA-for-later-1', size: 2 ** 20, status: 'Ready', deviceId: 1 },
          { name: 'DATA-for-later-2', size: 3 * 512, status: 'Ready', deviceId: 2 },
        ],
      },
    ]);
    expect(await auditCloud(zstack.cloud)).toEqual([]);
  });

  it('refuses images that are not for it', async () => {
    await zstack.run('PUT', `/images/${image}/actions`, { changeImageState: { stateEvent: 'disable' } });
    await expect(create()).rejects.toThrow(`image[uuid:${image}] is Disabled, can't create vm from it`);
    await zstack.run('PUT', `/images/${image}/actions`, { changeImageState: { stateEvent: 'enable' } });
  });
});

describe('a server', () => {
  it('is stopped, reimaged, started, paused and rebooted, each when its state allows', async () => {
    const vm = await create();
    const api = (name: string) => `vm.API${name}VmInstanceMsg`;
    expect(await act(vm, { startVmInstance: {} })).toMatchObject({
      status: 200,
      json: { inventory: { state: 'Running' } },
    });
    expect(await act(vm, { reimageVmInstance: {} })).toMatchObject({
      status: 503,
      json: { error: { code: 'SYS.1006', cause: wrongState('Running', api('Reimage'), 'Stopped') } },
    });
    expect(await act(vm, { stopVmInstance: { type: 'grace', stopHA: 'true' } })).toMatchObject({
      json: { inventory: { state: 'Stopped' }, success: true },
    });
    expect(await act(vm, { stopVmInstance: {} })).toMatchObject({ json: { inventory: { state: 'Stopped' } } });
    expect(await act(vm, { rebootVmInstance: {} })).toMatchObject({
      json: { error: { code: 'VM.1003', cause: wrongState('Stopped', api('Reboot'), 'Running, Crashed, NoState') } },
    });
    expect(await act(vm, { reimageVmInstance: {} })).toMatchObject({
      status: 200,
      json: { inventory: { state: 'Stopped' } },
    });
    expect(await act(vm, { startVmInstance: null })).toMatchObject({ json: { inventory: { state: 'Running' } } });
    expect(await act(vm, { pauseVmInstance: {} })).toMatchObject({ json: { inventory: { state: 'Paused' } } });
    expect(await act(vm, { resumeVmInstance: {} })).toMatchObject({ json: { inventory: { state: 'Running' } } });
    expect(await act(vm, { rebootVmInstance: {} })).toMatchObject({ json: { inventory: { state: 'Running' } } });
  });

  it('is renamed and described', async () => {
    const vm = await create();
    const changes = { name: 'db-1', description: 'words', platform: 'Windows', guestOsType: 'Windows 11' };
    expect(await act(vm, { updateVmInstance: { ...changes, cpuNum: 1, memorySize: 134217728 } })).toMatchObject({
      status: 200,
      json: { inventory: changes },
    });
    expect(await act(vm, { updateVmInstance: { cpuNum: 2 } })).toMatchObject({ json: { error: { code: 'SYS.1014' } } });
  });

  it('is destroyed, and then is no more', async () => {
    const vm = await create();
    const path = `/vm-instances/${String(vm['uuid'])}`;
    expect(await zstack.run('DELETE', `${path}?deleteMode=Permissive`)).toMatchObject({ status: 200, json: {} });
    expect(await zstack.query(path)).toEqual([]);
    expect(await act(vm, { expungeVmInstance: {} })).toMatchObject({ status: 200, json: {} });
    expect(await zstack.run('DELETE', path)).toMatchObject({ status: 200, json: {} });
    expect(await zstack.query(`/volumes?q=uuid=${String(vm['rootVolumeUuid'])}`)).toEqual([]);
    expect(await zstack.run('PUT', `/vm-instances/${newId(env)}/actions`, { expungeVmInstance: {} })).toMatchObject({
      json: { error: { code: 'SYS.1003' } },
    });
  });

  it('belongs to its account', async () => {
    const bob = { authorization: `OAuth ${await zstack.newAccount('bob')}` };
    const vm = await create();
    expect(await zstack.query('/vm-instances', bob)).toEqual([]);
    expect(await zstack.query('/volumes', bob)).toEqual([]);
    expect(await zstack.query('/vm-instances/nics', bob)).toEqual([]);
    const path = `/vm-instances/${String(vm['uuid'])}`;
    expect(await zstack.run('PUT', `${path}/actions`, { stopVmInstance: {} }, bob)).toMatchObject({
      json: { error: { code: 'SYS.1003' } },
    });
    await zstack.run('DELETE', path, undefined, bob);
    expect(await zstack.query(path)).toMatchObject([{ state: 'Running' }]);
  });
});

describe('CreateRootVolumeTemplateFromRootVolume', () => {
  const from = (vm: Body) => `/images/root-volume-templates/from/volumes/${String(vm['rootVolumeUuid'])}`;

  it('makes an image, asked as its published page shows it', async () => {
    const vm = await create({ guestOsType: 'CentOS 7' });
    const resourceUuid = newId(env);
    const body = {
      params: {
        name: 'TinyLinux',
        description: 'made of web-1',
        guestOsType: 'Windows',
        backupStorageUuids: [store],
        rootVolumeUuid: vm['rootVolumeUuid'],
        platform: 'Windows',
        system: true,
        resourceUuid,
        architecture: 'x86_64',
        virtio: [true],
      },
      systemTags: ['any'],
      userTags: ['gold'],
    };
    const { status, json } = await zstack.run('POST', from(vm), body);
    expect({ status, json }).toMatchObject({
      status: 200,
      json: {
        success: true,
        inventory: {
          uuid: resourceUuid,
          name: 'TinyLinux',
          description: 'made of web-1',
          url: `volume://${String(vm['rootVolumeUuid'])}`,
          mediaType: 'RootVolumeTemplate',
          platform: 'Windows',
          guestOsType: 'Windows',
          architecture: 'x86_64',
          format: 'qcow2',
          size: 2 ** 30,
          system: true,
          virtio: true,
          state: 'Enabled',
          status: 'Ready',
          backupStorageRefs: [{ imageUuid: resourceUuid, backupStorageUuid: store, status: 'Ready' }],
        },
      },
    });
    expect(await zstack.query(`/vm-instances/${String(vm['uuid'])}`)).toMatchObject([{ state: 'Running' }]);
  });

  it('takes from the server what is not said', async () => {
    const vm = await create({ guestOsType: 'CentOS 7', platform: 'Linux' });
    await act(vm, { stopVmInstance: {} });
    const { json } = await zstack.run('POST', from(vm), { params: { name: 'of a stopped one' } });
    expect(json['inventory']).toMatchObject({
      platform: 'Linux',
      guestOsType: 'CentOS 7',
      virtio: true,
      system: false,
    });
    const copy = await create({ imageUuid: (json['inventory'] as Body)['uuid'] });
    expect(copy).toMatchObject({ state: 'Running', guestOsType: 'CentOS 7' });
  });

  it('says why it can not', async () => {
    const vm = await create();
    const unknown = newId(env);
    expect(
      await zstack.run('POST', `/images/root-volume-templates/from/volumes/${unknown}`, { params: { name: 'x' } }),
    ).toMatchObject({
      json: {
        error: {
          code: 'SYS.1003',
          details: `invalid field[rootVolumeUuid], resource[uuid:${unknown}, type:VolumeVO] not found`,
        },
      },
    });
    expect(await zstack.run('POST', from(vm), { params: { name: 'x', rootVolumeUuid: unknown } })).toMatchObject({
      json: { error: { code: 'SYS.1007' } },
    });
    expect(await zstack.run('POST', from(vm), { params: {} })).toMatchObject({
      json: {
        error: {
          code: 'SYS.1007',
          details:
            'field[name] of message[org.zstack.header.image.APICreateRootVolumeTemplateFromRootVolumeMsg] is mandatory, can not be null',
        },
      },
    });
  });
});
