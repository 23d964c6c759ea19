import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OpenStackClient } from '../../src/cli/clients/openstack-client.ts';
import { TestCloud, type TestCloudOptions } from '../support/cloud.ts';

const tokenKey = 'what clouds of both regions sign with';
const bytes = randomBytes(3 * 2 ** 20);

describe('an image of another region', () => {
  let clouds: TestCloud[];
  let here: OpenStackClient;
  let there: OpenStackClient;
  let imageId: string;

  const region = async (name: string, more: TestCloudOptions = {}, key = tokenKey) => {
    const cloud = await TestCloud.start({ ...more, settings: { region: name, tokenKey: key } });
    clouds.push(cloud);
    return cloud;
  };

  /** Puts the image service of a cloud into the catalog of another, as a region. */
  async function addRegion(client: OpenStackClient, name: string, url: string): Promise<void> {
    const [image] = (await client.get('/identity/v3/services?type=image')).services;
    const endpoint = { service_id: image.id, interface: 'public', region: name, url };
    await client.post('/identity/v3/endpoints', { endpoint });
  }

  beforeAll(async () => {
    clouds = [];
    const [one, two] = [await region('RegionOne'), await region('RegionTwo')];
    here = await one.openstack();
    there = await two.openstack();
    await addRegion(here, 'RegionTwo', `${two.origin}/image/v2/`);
    const words = { name: 'far', disk_format: 'raw', container_format: 'bare', visibility: 'private' };
    imageId = (
      await there.post('/image/v2/images', { ...words, hw_disk_bus: 'scsi', os_type: 'linux', owner_note: 'x' })
    ).id;
    await there.call('PUT', `/image/v2/images/${imageId}/file`, bytes);
  });

  afterAll(async () => {
    for (const cloud of clouds) await cloud.close();
  });

  const queued = async (client: OpenStackClient) =>
    (
      await client.post('/image/v2/images', {
        name: 'near',
        disk_format: 'raw',
        container_format: 'bare',
        hw_vif_model: 'e1000',
      })
    ).id;
  const from = (id: string, name = 'RegionTwo', more = {}) => ({
    method: { name: 'glance-download', glance_region: name, glance_image_id: id, ...more },
  });

  /** The image, once its import is over. */
  async function imported(client: OpenStackClient, id: string) {
    const path = `/image/v2/images/${id}`;
    await expect.poll(async () => (await client.get(path)).status).not.toBe('importing');
    const { tasks } = await client.get(`${path}/tasks`);
    return { image: await client.get(path), task: tasks[0] };
  }

  it('comes with its bytes and what says how it boots', async () => {
    const info = await here.get('/image/v2/info/import');
    expect(info['import-methods'].value).toContain('glance-download');
    const id = await queued(here);
    await here.post(`/image/v2/images/${id}/import`, from(imageId));
    const { image, task } = await imported(here, id);
    const original = await there.get(`/image/v2/images/${imageId}`);
    expect(image).toMatchObject({
      status: 'active',
      name: 'near',
      size: bytes.length,
      os_hash_value: original.os_hash_value,
      hw_disk_bus: 'scsi',
      hw_vif_model: 'e1000',
      os_type: 'linux',
    });
    expect(image.owner_note).toBeUndefined();
    const method = { name: 'glance-download', glance_region: 'RegionTwo', glance_image_id: imageId };
    expect(task).toMatchObject({ status: 'success', input: { import_req: { method } } });
    expect(JSON.stringify(task)).not.toContain('unkai1.');
  });

  it('may be of the same region: its formats come along', async () => {
    const words = { name: 'own', disk_format: 'iso', container_format: 'ovf' };
    const { id } = await there.post('/image/v2/images', words);
    await there.post(`/image/v2/images/${id}/import`, from(imageId));
    const { image } = await imported(there, id);
    expect(image).toMatchObject({ status: 'active', disk_format: 'raw', container_format: 'bare', os_type: 'linux' });
    expect(image.owner_note).toBeUndefined();
    const other = await queued(there);
    await there.post(`/image/v2/images/${other}/import`, from('36d4b546-64a2-4bb9-bdd0-ba676aa48f2c'));
    expect(await imported(there, other)).toMatchObject({ image: { status: 'queued' }, task: { status: 'failure' } });
  });

  it('is asked for by whoever imports: what they may not see there, they do not get', async () => {
    const foreign = await here.post('/identity/v3/projects', { project: { name: 'eve' } });
    const { user } = await here.post('/identity/v3/users', { user: { name: 'eve', password: 'pw' } });
    const [member] = (await here.get('/identity/v3/roles?name=member')).roles;
    await here.call('PUT', `/identity/v3/projects/${foreign.project.id}/users/${user.id}/roles/${member.id}`);
    const eve = await clouds[0]!.openstack({ user: 'eve', password: 'pw' });
    const id = await queued(eve);
    await eve.post(`/image/v2/images/${id}/import`, from(imageId));
    const { image, task } = await imported(eve, id);
    expect(image).toMatchObject({ status: 'queued' });
    expect(task).toMatchObject({ status: 'failure', message: "The image's server answered with status 404." });
    await there.call(
      'PATCH',
      `/image/v2/images/${imageId}`,
      [{ op: 'replace', path: '/visibility', value: 'public' }],
      { 'content-type': 'application/openstack-images-v2.1-json-patch' },
    );
    await eve.post(`/image/v2/images/${id}/import`, from(imageId));
    expect((await imported(eve, id)).image).toMatchObject({ status: 'active' });
  });

  it('is refused where nothing is there, or the other region does not take our tokens', async () => {
    const id = await queued(here);
    const path = `/image/v2/images/${id}/import`;
    const wrongs = [
      from('../../servers'),
      { method: { name: 'glance-download', glance_image_id: imageId } },
      { method: { name: 'glance-download', glance_region: 'RegionTwo' } },
    ];
    for (const body of wrongs) {
      expect([body, (await here.request('POST', path, body)).status]).toEqual([body, 400]);
    }
    for (const nowhere of [
      from(imageId, 'RegionThree'),
      from(imageId, 'RegionTwo', { glance_service_interface: 'x' }),
    ]) {
      await here.post(path, nowhere);
      const { image, task } = await imported(here, id);
      expect([image.status, task.status, task.message]).toEqual([
        'queued',
        'failure',
        expect.stringContaining('The catalog has no'),
      ]);
    }
    const stranger = await region('RegionFour', {}, 'a key that nobody else in the world has got');
    await addRegion(here, 'RegionFour', `${stranger.origin}/image`);
    await here.post(path, from(imageId, 'RegionFour'));
    expect((await imported(here, id)).task).toMatchObject({
      status: 'failure',
      message: "The image's server answered with status 401.",
    });
    const shy = await region('RegionFive', { images: { internalSources: 'nobody' } });
    const client = await shy.openstack();
    await addRegion(client, 'RegionTwo', `${clouds[1]!.origin}/image`);
    const other = await queued(client);
    expect((await client.request('POST', `/image/v2/images/${other}/import`, from(imageId))).status).toBe(400);
  });
});
