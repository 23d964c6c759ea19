import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { emptyIso } from '../../agent/config-drive/empty-iso.fixture.ts';
import { AgentError } from '../../agent/contract.ts';
import { emptyQcow2 } from '../../agent/disks/qcow2-header.ts';
import { operator, type Subject } from '../../cloud/identity/subject.ts';
import type { NewImage } from '../../cloud/images/model.ts';
import { newId } from '../../env/env.ts';
import { realEnv } from '../../env/real.ts';
import { SettledAccount } from './settled-account.fixture.ts';
import { sha512, TestZStack } from './zstack.fixture.ts';

type Body = Record<string, unknown>;
const env = realEnv();
const nothing = Buffer.alloc(0);

/** What is refused, with the dialect's own words, where no other test of the dialect comes to it. */
describe('refusals', () => {
  let test: TestZStack;
  let alice: SettledAccount;
  let subject: Subject;
  let store: string;

  beforeAll(async () => {
    test = await TestZStack.start();
    alice = await SettledAccount.settle(test, 'alice');
    subject = { ...operator(), projectId: alice.own['account']!, isAdmin: false, roles: ['member'] };
    store = String((await test.query('/backup-storage'))[0]!['uuid']);
  });
  afterAll(async () => {
    vi.restoreAllMocks();
    await test?.stop();
  });

  async function image(more: Partial<NewImage> = {}, bytes: Buffer = emptyQcow2(2 ** 30)): Promise<string> {
    const words = { name: 'one', diskFormat: 'qcow2', containerFormat: 'bare' } as const;
    const { id } = await test.cloud.images.create(subject, { ...words, ...more });
    if (bytes.length > 0) await test.cloud.images.upload(subject, id, Readable.from([bytes]));
    return id;
  }

  async function refusal(method: string, path: string, body?: Body): Promise<Body> {
    const { status, json, text } = await test.run(method, path, body, alice.headers);
    expect(status, text).toBe(503);
    return json['error'] as Body;
  }
  const server = (imageUuid: string, more: Body = {}) =>
    refusal('POST', '/vm-instances', {
      params: { name: 'x', imageUuid, cpuNum: 1, memorySize: 2 ** 27, rootDiskSize: 2 ** 30, ...more },
    });
  const act = (path: string, name: string, fields: Body = {}) => refusal('PUT', `${path}/actions`, { [name]: fields });

  it('of a key without a colon, and of one without a date, are plain text', async () => {
    const ask = (authorization: string) => test.call('GET', '/images', undefined, { authorization });
    const colon = "accessKey format is 'ZStack AccessKeyId:Signature'";
    expect(await ask('ZStack abc')).toMatchObject({ status: 400, text: colon });
    const date = "'Date' must be incuded in request header";
    expect(await ask('ZStack abc:def')).toMatchObject({ status: 400, text: date });
  });

  it('are of nulls in lists, and of words that are none of the field’s', async () => {
    const nulls = await server(alice.own['image']!, { l3NetworkUuids: [null] });
    const words = { code: 'SYS.1007', details: 'field[l3NetworkUuids] cannot contain a NULL element' };
    expect(nulls).toMatchObject(words);
    expect(await act(`/images/${alice.own['image']}`, 'changeImageState', { stateEvent: 'flip' })).toMatchObject({
      code: 'SYS.1007',
      details: expect.stringMatching(/^valid value for field\[stateEvent\] .*are \[enable, disable\], but flip found$/),
    });
  });

  it('are of images that no server can be made of', async () => {
    const empty = await image({}, nothing);
    const details = `image[uuid:${empty}] is not ready yet, can't create vm from it`;
    expect(await server(empty)).toMatchObject({ code: 'SYS.1006', details });
    const data = await image({ mediaType: 'data' });
    expect(await server(data)).toMatchObject({
      code: 'SYS.1007',
      details: `image[uuid:${data}] is of mediaType: DataVolumeTemplate, only RootVolumeTemplate and ISO can be used to create vm`,
    });
    const system = await image({ isSystem: true });
    expect(await server(system)).toMatchObject({
      code: 'SYS.1007',
      details: `image[uuid:${system}] is system image, can't be used to create user vm`,
    });
    const iso = await image({ diskFormat: 'iso' }, emptyIso());
    expect(await server(iso, { rootDiskSize: undefined })).toMatchObject({
      code: 'SYS.1007',
      details: `the image[name:one, uuid:${iso}] is an ISO, rootDiskSize must be set`,
    });
  });

  it('are of copies of images that are not there, or not deleted', async () => {
    const live = alice.own['image']!;
    expect(await act(`/images/${live}`, 'expungeImage', { backupStorageUuids: [store] })).toMatchObject({
      code: 'SYS.1007',
      globalErrorCode: 'ORG_ZSTACK_IMAGE_10046',
      details: `the image[uuid:${live}, name:alice] is not deleted on the backup storage[uuid:${store}]`,
    });
    const empty = await image({}, nothing);
    expect(await act(`/images/${empty}`, 'syncImageSize')).toMatchObject({
      code: 'SYS.1006',
      globalErrorCode: 'ORG_ZSTACK_IMAGE_10038',
      details: expect.stringMatching(/is not on any backup storage$/),
    });
    expect(await act(`/images/${empty}`, 'changeImageState', { stateEvent: 'disable' })).toMatchObject({
      code: 'SYS.1006',
      details: `image[uuid:${empty}, name:one] is not ready yet, it is queued`,
    });
    const real = test.cloud.imageStores.find(store)!;
    const find = vi.spyOn(test.cloud.imageStores, 'find').mockReturnValue({ ...real, status: 'disconnected' });
    expect(await act(`/images/${live}`, 'syncImageSize')).toMatchObject({
      code: 'SYS.1006',
      details: `No connected backup storage found for image[uuid:${live}, name:alice]`,
    });
    find.mockRestore();
  });

  it('are of Legacy for aarch64', async () => {
    const arm = await image();
    const changed = { updateImage: { architecture: 'aarch64' } };
    expect((await test.run('PUT', `/images/${arm}/actions`, changed, alice.headers)).status).toBe(200);
    expect(await act(`/images/${arm}`, 'setImageBootMode', { bootMode: 'Legacy' })).toMatchObject({
      code: 'SYS.1007',
      details: 'The aarch64 architecture does not support legacy.',
    });
  });

  it('are of volumes that are not what is asked of them', async () => {
    const template = (kind: string, uuid: string) =>
      refusal('POST', `/images/${kind}-volume-templates/from/volumes/${uuid}`, { params: { name: 'x' } });
    const data = alice.own['volume']!;
    const notRoot = { code: 'SYS.1007', details: `volume[uuid:${data}] is not root volume` };
    expect(await template('root', data)).toMatchObject(notRoot);
    const unknown = newId(env);
    const noVolume = `invalid field[rootVolumeUuid], resource[uuid:${unknown}, type:VolumeVO] not found`;
    expect(await template('root', unknown)).toMatchObject({ code: 'SYS.1003', details: noVolume });

    const from = (imageUuid: string) =>
      refusal('POST', `/volumes/data/from/data-volume-templates/${imageUuid}`, {
        params: { name: 'x', primaryStorageUuid: alice.own['image'] },
      });
    const empty = await image({ mediaType: 'data' }, nothing);
    const creating = { code: 'SYS.1006', details: `image[uuid:${empty}] is not Ready, it's Creating` };
    expect(await from(empty)).toMatchObject(creating);
    const disabled = await image({ mediaType: 'data' });
    await test.cloud.images.deactivate(operator(), disabled);
    expect(await from(disabled)).toMatchObject({
      code: 'SYS.1006',
      details: `image[uuid:${disabled}] is not Enabled, it's Disabled`,
    });
  });

  it('are of volumes for a server that is paused', async () => {
    const params = { params: { name: 'free', diskSize: 2 ** 30 } };
    const { json } = await test.run('POST', '/volumes/data', params, alice.headers);
    const free = (json['inventory'] as Body)['uuid'] as string;
    const vm = alice.own['vm'];
    const pause = (name: string) => test.run('PUT', `/vm-instances/${vm}/actions`, { [name]: {} }, alice.headers);
    expect((await pause('pauseVmInstance')).status).toBe(200);
    const attached = await refusal('POST', `/volumes/${free}/vm-instances/${vm}`, { params: {} });
    const words = `vm[uuid:${vm}] can only attach volume when state is Running or Stopped, current state is Paused`;
    expect(attached).toMatchObject({ code: 'SYS.1006', details: words });
    expect((await pause('resumeVmInstance')).status).toBe(200);
  });

  it('are of keys that nobody has', async () => {
    const headers = { authorization: 'ZStack nobody:c2lnbmF0dXJl', date: new Date().toUTCString() };
    const { status, json } = await test.call('GET', '/images', undefined, headers);
    expect(status).toBe(503);
    expect(json['error']).toMatchObject({ code: 'ID.1001', details: 'access key id is not found, or disabled' });
  });

  it('are of one session too many', async () => {
    const { sessions } = test.cloud.identity;
    const [{ uuid }] = (await test.query('/accounts?q=name=alice')) as [Body];
    const now = test.cloud.env.now();
    const times = { created_at: now, expires_at: now + 3_600_000_000, revision: 0 };
    const opened = await sessions.openSession('alice', sha512('secret'));
    const rows = Array.from({ length: 500 }, () => ({
      ...{ id: newId(env), user_id: opened.userId, project_id: String(uuid) },
      ...times,
    }));
    await test.cloud.db.write((tx) => tx.insertInto('sessions').values(rows).execute());
    const body = { logInByAccount: { accountName: 'alice', password: sha512('secret') } };
    const { json } = await test.call('PUT', '/accounts/login', body, { authorization: '' });
    expect(json['error']).toMatchObject({ code: 'ID.1006', details: expect.stringContaining('max allowed: 500') });
    const ids = rows.map(({ id }) => id);
    await test.cloud.db.write((tx) => tx.deleteFrom('sessions').where('id', 'in', ids).execute());
  });

  it('are of more than a quota allows', async () => {
    const quota = (value: number) =>
      test.run('PUT', '/accounts/quotas/actions', {
        updateQuota: { identityUuid: alice.own['account'], name: 'vm.totalNum', value },
      });
    expect(await quota(1)).toMatchObject({ status: 200 });
    const refused = await server(alice.own['image']!);
    expect(refused).toMatchObject({ code: 'ID.1003', description: 'The user exceeds a quota of a resource' });
    expect(String(refused['details'])).toMatch(/instances.*1.*1/);
    expect((await quota(-1)).status).toBe(200);
  });

  it('are of images for which no backup storage can be had', async () => {
    const change = (stateEvent: string) =>
      test.run('PUT', `/backup-storage/${store}/actions`, { changeBackupStorageState: { stateEvent } });
    expect((await change('disable')).status).toBe(200);
    const path = `/images/root-volume-templates/from/volumes/${alice.own['rootVolume']}`;
    const refused = await refusal('POST', path, { params: { name: 'x' } });
    expect(refused).toMatchObject({ code: 'BS.1003', description: 'Unable to allocate a backup storage' });
    const named = await refusal('POST', path, { params: { name: 'x', backupStorageUuids: [store] } });
    const details = `unable to allocate backup storage specified by uuids[${store}], list errors are: `;
    expect(named).toMatchObject({ code: 'SYS.1006', details: expect.stringContaining(details) });
    expect((await change('enable')).status).toBe(200);
  });

  it('are of servers and volumes that have come to nothing', async () => {
    const agent = test.cloud.hosts.agent((await test.cloud.servers.byId(alice.own['vm']!)).hostId!);
    const failing = vi.spyOn(agent, 'ensureDisk').mockRejectedValue(new AgentError('no_space', 'the disk is full'));
    const resourceUuid = newId(env);
    await refusal('POST', '/volumes/data', { params: { name: 'none', diskSize: 2 ** 30, resourceUuid } });
    const vmUuid = newId(env);
    await server(alice.own['image']!, { resourceUuid: vmUuid });
    failing.mockRestore();

    const words = `volume[uuid:${resourceUuid}] is not in status Ready, current is NotInstantiated, can't create snapshot`;
    const snapshot = await refusal('POST', `/volumes/${resourceUuid}/volume-snapshots`, { params: { name: 'x' } });
    expect(snapshot).toMatchObject({ code: 'SYS.1006', details: words });
    const attached = await refusal('POST', `/volumes/${resourceUuid}/vm-instances/${alice.own['vm']}`, { params: {} });
    expect(attached).toMatchObject({ code: 'SYS.1006' });
    const [broken] = await test.query(`/volumes?q=vmInstanceUuid=${vmUuid}&q=type=Root`, alice.headers);
    const rootUuid = String(broken!['uuid']);
    const template = await refusal('POST', `/images/root-volume-templates/from/volumes/${rootUuid}`, {
      params: { name: 'x' },
    });
    const notReady = `volume[uuid:${rootUuid}] is not Ready, it's NotInstantiated`;
    expect(template).toMatchObject({ code: 'SYS.1006', details: notReady });
  });

  it('are of volumes that are still being made', async () => {
    const agent = test.cloud.hosts.agent((await test.cloud.servers.byId(alice.own['vm']!)).hostId!);
    const end = Promise.withResolvers<void>();
    const real = agent.ensureDisk.bind(agent);
    const slow = vi.spyOn(agent, 'ensureDisk').mockImplementation(async (disk) => {
      await end.promise;
      return await real(disk);
    });
    const resourceUuid = newId(env);
    const params = { name: 'slow', diskSize: 2 ** 30, resourceUuid };
    const begun = await test.call('POST', '/volumes/data', { params }, { ...alice.headers, prefer: 'wait=0' });
    expect(begun.status).toBe(202);
    const words = `data volume can only be attached when status is [Ready, NotInstantiated], current is Creating`;
    const attached = await refusal('POST', `/volumes/${resourceUuid}/vm-instances/${alice.own['vm']}`, { params: {} });
    expect(attached).toMatchObject({ code: 'SYS.1006', details: words });
    end.resolve();
    await test.cloud.runner.idle();
    slow.mockRestore();
  });

  it('of a template say the state of the server on three levels', async () => {
    const rootVolumeUuid = alice.own['rootVolume'];
    await test.cloud.servers.resetState(operator(), alice.own['vm']!, 'error');
    const path = `/images/root-volume-templates/from/volumes/${rootVolumeUuid}`;
    const details =
      "current vm instance state[Error] doesn't allow to proceed message" +
      '[org.zstack.header.image.APICreateRootVolumeTemplateFromRootVolumeMsg], allowed states are [Running, Stopped, Paused]';
    expect(await refusal('POST', path, { params: { name: 'x' } })).toMatchObject({
      code: 'SYS.1006',
      details: `failed to create image from root volume[uuid:${rootVolumeUuid}] on all backup storage, see cause for one of errors`,
      cause: { code: 'SYS.1006', details, cause: { code: 'VM.1010', details } },
    });
    await test.cloud.servers.resetState(operator(), alice.own['vm']!, 'active');
  });
});
