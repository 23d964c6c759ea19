import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { operator } from '../../../cloud/identity/subject.ts';
import { ImageFiles } from '../image-files.fixture.ts';
import { TestZStack } from '../zstack.fixture.ts';

type Body = Record<string, unknown>;

let test: TestZStack;
let files: ImageFiles;
let image: string;
let network: string;

beforeAll(async () => {
  test = await TestZStack.start();
  files = await ImageFiles.start();
  const store = (await test.query('/backup-storage'))[0]!['uuid'];
  network = (await test.query('/l3-networks?q=name=default'))[0]!['uuid'] as string;
  const added = await run('POST', '/images', {
    params: { name: 'tiny', url: files.url('tiny.qcow2'), backupStorageUuids: [store] },
  });
  image = added['uuid'] as string;
});
afterAll(async () => {
  await files.stop();
  await test.stop();
});

async function run(method: string, path: string, body?: Body): Promise<Body> {
  const { status, json, text } = await test.run(method, path, body);
  expect(status, text).toBe(200);
  return (json['inventory'] ?? json) as Body;
}

const act = (path: string, body: Body) => run('PUT', `${path}/actions`, body);
const create = (more: Body) =>
  run('POST', '/vm-instances', { params: { name: 'vm', imageUuid: image, l3NetworkUuids: [network], ...more } });

describe('servers of any size', () => {
  it('have data volumes from the start, and a size that is no offering', async () => {
    const disk = await run('POST', '/disk-offerings', { params: { name: 'two', diskSize: 2 * 2 ** 30 } });
    const vm = await create({
      cpuNum: 3,
      memorySize: 320 * 2 ** 20,
      rootDiskSize: 3 * 2 ** 30,
      dataDiskSizes: [2 ** 30],
      dataDiskOfferingUuids: [disk['uuid']],
    });
    expect(vm).toMatchObject({ state: 'Running', cpuNum: 3, memorySize: 320 * 2 ** 20 });
    expect(vm).not.toHaveProperty('instanceOfferingUuid');
    const volumes = vm['allVolumes'] as Body[];
    const sizes = volumes.map(({ type, size }) => `${String(type)} ${Number(size) / 2 ** 30}`);
    expect(sizes.toSorted()).toEqual(['Data 1', 'Data 2', 'Root 3']);
    await run('DELETE', `/vm-instances/${vm['uuid']}`);
    const left = await test.query('/volumes?q=type=Data');
    expect(left.map(({ vmInstanceUuid }) => vmInstanceUuid)).toEqual([undefined, undefined]);
    for (const { uuid } of left) await run('DELETE', `/volumes/${uuid}`);
  });

  it('get another offering, confirmed at once, with their root volume as it was', async () => {
    const offering = await run('POST', '/instance-offerings', {
      params: { name: 'wide', cpuNum: 4, memorySize: 256 * 2 ** 20 },
    });
    const vm = await create({ cpuNum: 1, memorySize: 128 * 2 ** 20, rootDiskSize: 2 ** 30 });
    const changed = await act(`/vm-instances/${vm['uuid']}`, {
      changeInstanceOffering: { instanceOfferingUuid: offering['uuid'] },
    });
    expect(changed).toMatchObject({
      cpuNum: 4,
      memorySize: 256 * 2 ** 20,
      instanceOfferingUuid: offering['uuid'],
      state: 'Running',
    });
    const [root] = await test.query(`/volumes?q=vmInstanceUuid=${vm['uuid']}`);
    expect(root).toMatchObject({ type: 'Root', size: 2 ** 30 });
  });

  it('have the local disks of an offering that Nova made, of which no query tells, and keep them with another one', async () => {
    const sizes = { vcpus: 1, memoryMb: 96, diskGb: 1, ephemeralGb: 2, swapMb: 64 };
    const { uuid: instanceOfferingUuid } = await test.cloud.flavors.create({ name: 'local', ...sizes });
    const vm = await create({ instanceOfferingUuid });
    const kinds = async () => (await test.cloud.volumes.ofServer(vm['uuid'] as string)).map(({ kind }) => kind);
    expect(await kinds()).toEqual(['root', 'ephemeral', 'swap']);
    expect(vm['allVolumes']).toMatchObject([{ type: 'Root' }]);
    expect(await test.query(`/volumes?q=vmInstanceUuid=${vm['uuid']}`)).toHaveLength(1);
    const plain = await create({ cpuNum: 1, memorySize: 96 * 2 ** 20 });
    expect(await test.cloud.volumes.ofServer(plain['uuid'] as string)).toHaveLength(1);
    const wide = { name: 'wider', cpuNum: 2, memorySize: 256 * 2 ** 20 };
    const offering = await run('POST', '/instance-offerings', { params: wide });
    const changeInstanceOffering = { instanceOfferingUuid: offering['uuid'] };
    await act(`/vm-instances/${vm['uuid']}`, { changeInstanceOffering });
    expect(await kinds()).toEqual(['root', 'ephemeral', 'swap']);
  });

  it('say their host name, and have a console while they run', async () => {
    const vm = await create({ cpuNum: 1, memorySize: 128 * 2 ** 20 });
    await act(`/vm-instances/${vm['uuid']}`, { setVmHostname: { hostname: 'front' } });
    expect(await run('GET', `/vm-instances/${vm['uuid']}/hostnames`)).toMatchObject({ hostname: 'front' });
    expect(await run('GET', `/resources/names?uuids=${vm['uuid']}&uuids=${network}`)).toEqual({
      inventories: [
        { uuid: vm['uuid'], resourceName: 'vm', resourceType: 'VmInstanceVO' },
        { uuid: network, resourceName: 'default', resourceType: 'L3NetworkVO' },
      ],
    });
    await act(`/vm-instances/${vm['uuid']}`, { stopVmInstance: {} });
    const refused = await test.call('POST', '/consoles', { params: { vmInstanceUuid: vm['uuid'] } });
    expect(refused.json['error']).toMatchObject({ code: 'SYS.1006', cause: { code: 'VM.1010' } });
  });
});

describe('places', () => {
  it('are made, renamed, disabled with all that is in them, and deleted while they are empty', async () => {
    const zone = await run('POST', '/zones', { params: { name: 'west' } });
    const cluster = await run('POST', '/clusters', {
      params: { zoneUuid: zone['uuid'], name: 'west-1', hypervisorType: 'KVM' },
    });
    expect(cluster).toMatchObject({ zoneUuid: zone['uuid'], hypervisorType: 'KVM', architecture: 'x86_64' });
    expect((await test.cloud.zones.list()).map(({ name }) => name)).toContain('west');
    await act(`/zones/${zone['uuid']}`, { changeZoneState: { stateEvent: 'disable' } });
    expect(await test.query(`/clusters/${cluster['uuid']}`)).toMatchObject([{ state: 'Disabled' }]);
    expect(await act(`/zones/${zone['uuid']}`, { updateZone: { name: 'far-west' } })).toMatchObject({
      name: 'far-west',
    });
    const twin = await test.call('POST', '/zones', { params: { name: 'far-west' } });
    expect(twin.json['error']).toMatchObject({ code: 'SYS.1007' });
    await run('DELETE', `/zones/${zone['uuid']}`);
    expect(await test.query(`/clusters/${cluster['uuid']}`)).toEqual([]);
    const [first] = await test.query('/zones');
    const last = await test.call('DELETE', `/zones/${first!['uuid']}`);
    expect(last.json['error']).toMatchObject({ code: 'SYS.1006' });
  });

  it('take no new servers where their host is disabled', async () => {
    const [host] = await test.query('/hosts');
    await act(`/hosts/${host!['uuid']}`, { changeHostState: { stateEvent: 'disable' } });
    const params = { name: 'x', imageUuid: image, l3NetworkUuids: [network], cpuNum: 1, memorySize: 128 * 2 ** 20 };
    const { json } = await test.run('POST', '/vm-instances', { params });
    expect(JSON.stringify(json['error'])).toContain('HOST_ALLOCATION.1000');
    await act(`/hosts/${host!['uuid']}`, { changeHostState: { stateEvent: 'enable' } });
  });
});

describe('sharing', () => {
  it('shows networks and images to accounts, and to everybody', async () => {
    const session = await test.newAccount('neighbour');
    const headers = { authorization: `OAuth ${session}` };
    const [account] = await test.query('/accounts?q=name=neighbour');
    const [mine] = await test.cloud.networks.networks.create(operator(), [{ name: 'mine' }]);
    const resourceUuids = [mine!.id, image];
    const seen = async () => {
      const both = [
        await test.query(`/l3-networks/${mine!.id}`, headers),
        await test.query(`/images/${image}`, headers),
      ];
      return both.map(({ length }) => length);
    };
    expect(await seen()).toEqual([0, 0]);
    await act('/accounts/resources', { shareResource: { resourceUuids, accountUuids: [account!['uuid']] } });
    expect(await seen()).toEqual([1, 1]);
    await act('/accounts/resources', { revokeResourceSharing: { resourceUuids, all: true } });
    expect(await seen()).toEqual([0, 0]);
    await act('/accounts/resources', { shareResource: { resourceUuids, toPublic: true } });
    expect(await seen()).toEqual([1, 1]);
  });
});
