import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { operator } from '../../../cloud/identity/subject.ts';
import { ImageFiles } from '../image-files.fixture.ts';
import { SettledAccount } from '../settled-account.fixture.ts';
import { TestZStack, uuidOf } from '../zstack.fixture.ts';

type Body = Record<string, unknown>;

let test: TestZStack;
let alice: SettledAccount;
let folder: string;

beforeAll(async () => {
  test = await TestZStack.start();
  alice = await SettledAccount.settle(test, 'alice');
  folder = await mkdtemp(join(tmpdir(), 'unkai-care-'));
});
afterAll(async () => {
  await test.stop();
  await rm(folder, { recursive: true, force: true });
});

const failing = (code: string, words: string) => ({
  json: { error: { code, details: expect.stringContaining(words) } },
});

describe('an image', () => {
  it('is copied to a second image store, and has one hash wherever it is', async () => {
    const image = alice.own['image']!;
    const [first] = await test.query('/backup-storage?q=name=default');
    const source = String(first!['uuid']);
    const { id: target } = await test.cloud.imageStores.addConnected({ name: 'second', url: join(folder, 'second') });
    const act = (body: Body, headers = alice.headers) => test.run('PUT', `/images/${image}/actions`, body, headers);
    const copy = { srcBackupStorageUuid: source, dstBackupStorageUuid: target, name: 'x' };
    const hash = (backupStorageUuid: string) => act({ calculateImageHash: { backupStorageUuid } });
    expect(await hash(target)).toMatchObject(failing('SYS.1006', 'is not Ready on backup storage'));
    expect(
      await act({ syncImageFromImageStoreBackupStorage: { ...copy, srcBackupStorageUuid: target } }),
    ).toMatchObject(failing('SYS.1006', `is not Ready on backup storage[uuid:${target}]`));
    const { json } = await act({ syncImageFromImageStoreBackupStorage: copy });
    const refs = (json['inventory'] as Body)['backupStorageRefs'] as Body[];
    expect(refs.map(({ backupStorageUuid, status }) => [backupStorageUuid, status]).toSorted()).toEqual(
      [
        [source, 'Ready'],
        [target, 'Ready'],
      ].toSorted(),
    );
    expect(await act({ syncImageFromImageStoreBackupStorage: copy })).toMatchObject(failing('SYS.1006', 'already'));
    const md5Sum = expect.stringMatching(/^[0-9a-f]{32}$/);
    for (const store of [source, target]) {
      expect(await hash(store)).toMatchObject({ json: { inventory: { uuid: image, md5Sum } } });
    }
  });
});

describe('a new server', () => {
  const fields = (more: string) => `imageUuid=${alice.own['image']}&l3NetworkUuids=${alice.own['l3Network']}${more}`;
  const destinations = async (more: string, headers = {}) =>
    (await test.call('GET', `/vm-instances/candidate-destinations?${fields(more)}`, undefined, headers)).json;

  it('is told where it would find room, hosts to administrators only', async () => {
    const found = await destinations('&cpuNum=1&memorySize=134217728');
    const [host] = await test.query('/hosts');
    expect(found).toMatchObject({
      zones: [{ uuid: host!['zoneUuid'] }],
      clusters: [{ uuid: host!['clusterUuid'] }],
      hosts: [{ uuid: host!['uuid'] }],
    });
    expect(await destinations('&cpuNum=1&memorySize=134217728', alice.headers)).toMatchObject({
      zones: [{ uuid: host!['zoneUuid'] }],
      hosts: [],
    });
    const params = { name: 'data', diskSize: 2 ** 30 };
    const offering = uuidOf(await test.run('POST', '/disk-offerings', { params }));
    const asked = fields(`&rootDiskSize=1073741824&dataDiskOfferingUuids=${offering}`);
    const path = `/vm-instances/candidate-storages?${asked}`;
    const storage = [expect.objectContaining({ uuid: host!['uuid'] })];
    expect((await test.call('GET', path)).json).toEqual({
      rootVolumePrimaryStorages: storage,
      dataVolumePrimaryStorages: { [offering]: storage },
    });
  });

  it('is told so where there is none', async () => {
    expect(await destinations(`&cpuNum=1024&memorySize=${2 ** 50}`)).toEqual({ zones: [], clusters: [], hosts: [] });
    expect(await destinations('&cpuNum=1&memorySize=134217728&clusterUuid=nowhere')).toMatchObject({ hosts: [] });
    const huge = { name: 'huge', diskSize: 2 ** 50 };
    const offering = uuidOf(await test.run('POST', '/disk-offerings', { params: huge }));
    const withData = `&cpuNum=1&memorySize=134217728&dataDiskOfferingUuids=${offering}`;
    expect(await destinations(withData)).toMatchObject({ hosts: [] });
  });
});

describe('a host and its storage', () => {
  it('are asked again, and known by the server that runs there', async () => {
    const [host] = await test.query('/hosts');
    const uuid = String(host!['uuid']);
    const answer = { status: 200, json: { inventory: { uuid, status: 'Connected' } } };
    expect(await test.run('PUT', `/hosts/${uuid}/actions`, { reconnectHost: {} })).toMatchObject(answer);
    for (const action of ['reconnectPrimaryStorage', 'syncPrimaryStorageCapacity']) {
      const path = `/primary-storage/${uuid}/actions`;
      expect(await test.run('PUT', path, { [action]: {} }), action).toMatchObject(answer);
    }
    const nowhere = 'f'.repeat(32);
    expect(await test.run('PUT', `/hosts/${nowhere}/actions`, { reconnectHost: {} })).toMatchObject(
      failing('SYS.1003', nowhere),
    );
  });
});

describe('the image cache of a primary storage', () => {
  it('keeps what disks are layers over; force takes all else, the rest goes with its image', async () => {
    const [host] = await test.query('/hosts');
    const uuid = String(host!['uuid']);
    const [store] = await test.query('/backup-storage?q=name=default');
    const files = await ImageFiles.start();
    const newImage = async (name: string) => {
      const params = { name, url: files.url('tiny.qcow2'), backupStorageUuids: [store!['uuid']] };
      return String(((await test.run('POST', '/images', { params })).json['inventory'] as Body)['uuid']);
    };
    const usedOnce = async (imageUuid: string) => {
      const size = { cpuNum: 1, memorySize: 2 ** 27, rootDiskSize: 2 ** 30 };
      const { json } = await test.run('POST', '/vm-instances', { params: { name: 'once', imageUuid, ...size } });
      await test.cloud.servers.forceDelete(operator(), String((json['inventory'] as Body)['uuid']));
      await test.cloud.runner.idle();
    };
    const cached = async () => (await test.query('/primary-storage/imagecache')).map((one) => one['imageUuid']);
    const clean = (body: Body, storage = uuid) =>
      test.run('PUT', `/primary-storage/${storage}/actions`, { cleanUpImageCacheOnPrimaryStorage: body });
    try {
      const [kept, deleted] = [await newImage('kept'), await newImage('deleted')];
      for (const image of [kept, deleted]) await usedOnce(image);
      const tried = { cleanUpImageCacheOnPrimaryStorage: { force: true } };
      const dry = { 'unkai-dry-run': '1' };
      expect(await test.run('PUT', `/primary-storage/${uuid}/actions`, tried, dry)).toMatchObject(
        failing('SYS.1007', 'has no dry run'),
      );
      expect(await cached()).toEqual(expect.arrayContaining([kept, deleted, alice.own['image']]));
      await test.cloud.images.delete(operator(), deleted);
      await test.cloud.images.expunge(operator(), deleted);
      expect(await clean({})).toMatchObject({ status: 200, json: {} });
      expect(await cached()).toEqual(expect.arrayContaining([kept, alice.own['image']]));
      expect(await cached()).not.toContain(deleted);
      expect(await clean({ force: true })).toMatchObject({ status: 200, json: {} });
      expect(await cached()).toEqual([alice.own['image']]);
      expect((await test.cloud.hosts.agent(uuid).inventory()).images).toEqual([alice.own['image']]);
    } finally {
      await files.stop();
    }
    const nowhere = 'f'.repeat(32);
    expect(await clean({}, nowhere)).toMatchObject(
      failing('SYS.1003', `resource[uuid:${nowhere}, type:PrimaryStorageVO]`),
    );
    const byAlice = { cleanUpImageCacheOnPrimaryStorage: {} };
    expect(await test.run('PUT', `/primary-storage/${uuid}/actions`, byAlice, alice.headers)).toMatchObject({
      status: 503,
    });
  });
});

describe('a snapshot', () => {
  it('is a tree of its own', async () => {
    const snapshot = alice.own['snapshot']!;
    const trees = await test.query(`/volume-snapshots/trees?q=volumeUuid=${alice.own['volume']}`, alice.headers);
    expect(trees.find(({ uuid }) => uuid === snapshot)).toMatchObject({
      ...{ current: false, status: 'Completed', tree: { inventory: { uuid: snapshot }, children: [] } },
    });
    expect(trees).toHaveLength(2);
    expect(await test.query(`/volume-snapshots/trees?q=snapshot.name=alice`, alice.headers)).toHaveLength(1);
  });
});
