import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OpenStackClient } from '../../src/cli/clients/openstack-client.ts';
import { TestCloud } from '../support/cloud.ts';
import { curl } from './curl.ts';

/** The two pages of ZStack's API explorer that Unkai began with, by their own curl lines; and both clouds over one engine. */
describe("ZStack's reference", () => {
  let cloud: TestCloud;
  let client: OpenStackClient;
  let session: string;
  let imageUuid: string;
  let storeUuid: string;

  const send = (method: string, path: string, body?: unknown) =>
    curl(
      ...['-X', method, `${cloud.origin}${path}`, '-H', `Authorization: OAuth ${session}`],
      ...['-H', 'Content-Type: application/json;charset=UTF-8'],
      ...(body === undefined ? [] : ['-d', JSON.stringify(body)]),
    );
  const settled = async (id: string) => {
    await expect
      .poll(async () => (await client.get(`/compute/v2.1/servers/${id}`)).server['OS-EXT-STS:task_state'], {
        interval: 20,
      })
      .toBeNull();
  };

  beforeAll(async () => {
    cloud = await TestCloud.start({ tinyLinux: true });
    client = await cloud.openstack();
    imageUuid = (await client.get('/image/v2/images?name=TinyLinux')).images[0].id.replaceAll('-', '');
    const password = createHash('sha512').update('test-password').digest('hex');
    const login = await curl(
      '-X',
      'PUT',
      `${cloud.origin}/zstack/v1/accounts/login`,
      '-d',
      JSON.stringify({ logInByAccount: { accountName: 'admin', password } }),
    );
    session = login.body.inventory.uuid;
    storeUuid = (await send('GET', '/zstack/v1/backup-storage')).body.inventories[0].uuid;
  });

  afterAll(async () => {
    await cloud?.close();
  });

  const ref = ['backupStorageUuid', 'createDate', 'id', 'imageUuid', 'installPath', 'lastOpDate', 'status'];

  it('recovers an image as its page says, whichever API deleted it', async () => {
    const deleted = await client.request('DELETE', `/image/v2/images/${imageUuid}`);
    expect(deleted.status).toBe(204);
    const { status, body } = await send('PUT', `/zstack/v1/images/${imageUuid}/actions`, {
      params: { backupStorageUuids: [storeUuid] },
      systemTags: [],
      userTags: ['recovered'],
    });
    expect(status, JSON.stringify(body)).toBe(200);
    expect(body.inventory).toMatchObject({
      uuid: imageUuid,
      name: 'TinyLinux',
      mediaType: 'RootVolumeTemplate',
      platform: 'Linux',
      format: 'qcow2',
      status: 'Ready',
      state: 'Enabled',
    });
    expect(body.inventory.backupStorageRefs).toHaveLength(1);
    expect(Object.keys(body.inventory.backupStorageRefs[0])).toEqual(expect.arrayContaining(ref));
    expect(body.inventory.createDate).toMatch(/^[A-Z][a-z]{2} \d{1,2}, \d{4} \d{1,2}:\d\d:\d\d [AP]M$/);
    expect((await client.get('/image/v2/images?name=TinyLinux')).images).toHaveLength(1);
  });

  it('never takes the tolerated form for an expunge', async () => {
    const { status, body } = await send('PUT', `/zstack/v1/images/${imageUuid}/actions`, {
      params: { uuid: imageUuid },
    });
    expect(status).toBe(400);
    expect(body).toContain("doesn't contain action mapping");
    expect((await client.get('/image/v2/images?name=TinyLinux')).images).toHaveLength(1);
  });

  it.each(['running', 'paused', 'stopped'])('makes a template of the root volume of a %s server', async (state) => {
    const { server } = await client.post('/compute/v2.1/servers', {
      server: { name: `template-${state}`, imageRef: imageUuid, flavorRef: '42' },
    });
    await settled(server.id);
    if (state === 'paused') await client.post(`/compute/v2.1/servers/${server.id}/action`, { pause: null });
    if (state === 'stopped') await client.post(`/compute/v2.1/servers/${server.id}/action`, { 'os-stop': null });
    await settled(server.id);
    const vmUuid = server.id.replaceAll('-', '');
    const volumes = await send('GET', `/zstack/v1/volumes?q=vmInstanceUuid=${vmUuid}&q=type=Root`);
    const rootVolumeUuid = volumes.body.inventories[0].uuid;
    const { status, body } = await send(
      'POST',
      `/zstack/v1/images/root-volume-templates/from/volumes/${rootVolumeUuid}`,
      {
        params: {
          name: `TinyLinux-${state}`,
          description: 'from a root volume',
          guestOsType: 'Linux',
          backupStorageUuids: [storeUuid],
          rootVolumeUuid,
          platform: 'Linux',
          system: false,
          architecture: 'x86_64',
          virtio: [true],
        },
        systemTags: [],
        userTags: [],
      },
    );
    expect(status, JSON.stringify(body)).toBe(200);
    expect(body.success).toBe(true);
    expect(body.inventory).toMatchObject({
      name: `TinyLinux-${state}`,
      mediaType: 'RootVolumeTemplate',
      platform: 'Linux',
      architecture: 'x86_64',
      format: 'qcow2',
      status: 'Ready',
      backupStorageRefs: [{ backupStorageUuid: storeUuid, status: 'Ready' }],
    });
    const image = (await client.get(`/image/v2/images?name=TinyLinux-${state}`)).images[0];
    expect(image).toMatchObject({ status: 'active', disk_format: 'qcow2' });
  });

  it('sees and operates a server that OpenStack made, and the other way round', async () => {
    const { server } = await client.post('/compute/v2.1/servers', {
      server: { name: 'theirs', imageRef: imageUuid, flavorRef: '42' },
    });
    await settled(server.id);
    const uuid = server.id.replaceAll('-', '');
    const seen = await send('GET', `/zstack/v1/vm-instances?q=uuid=${uuid}`);
    expect(seen.body.inventories[0]).toMatchObject({ name: 'theirs', state: 'Running' });
    const stopped = await send('PUT', `/zstack/v1/vm-instances/${uuid}/actions`, { stopVmInstance: { type: 'grace' } });
    expect(stopped.body.inventory.state).toBe('Stopped');
    expect((await client.get(`/compute/v2.1/servers/${server.id}`)).server.status).toBe('SHUTOFF');

    const offering = (await send('GET', '/zstack/v1/instance-offerings?q=name=m1.nano')).body.inventories[0].uuid;
    const network = (await send('GET', '/zstack/v1/l3-networks?q=name=default')).body.inventories[0].uuid;
    const made = await send('POST', '/zstack/v1/vm-instances', {
      params: { name: 'ours', instanceOfferingUuid: offering, imageUuid, l3NetworkUuids: [network] },
    });
    expect(made.body.inventory.state).toBe('Running');
    const { servers } = await client.get('/compute/v2.1/servers/detail?name=ours');
    expect(servers[0]).toMatchObject({ status: 'ACTIVE', name: 'ours' });
  });
});
