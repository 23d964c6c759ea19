import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { operator } from '../../src/cloud/identity/subject.ts';
import type { ImageStore } from '../../src/image-stores/store.ts';
import { TestCloud } from '../support/cloud.ts';

let cloud: TestCloud;
beforeAll(async () => {
  cloud = await TestCloud.start();
});
afterAll(async () => {
  await cloud?.close();
});

/** What each API says of one image. */
async function told(id: string) {
  const openstack = await cloud.openstack();
  const zstack = await cloud.zstack();
  const glance = await openstack.request('GET', `/image/v2/images/${id}`);
  const k5 = await openstack.call('GET', `/v2/${openstack.projectId}/images/detail`);
  const { inventories } = await zstack.call('GET', `/images?q=uuid=${id.replaceAll('-', '')}`);
  const mine = k5.images.find((image: { id: string }) => image.id === id);
  return {
    glance: glance.status === 200 ? glance.body.status : glance.status,
    k5: mine?.status,
    zstack: inventories[0]?.status,
    state: inventories[0]?.state,
    visibility: glance.body?.visibility,
    reasons: [glance.body?.sync_status_reason, mine?.metadata.sync_status_reason],
    checksums: [glance.body?.checksum, inventories[0]?.md5Sum],
    copies: inventories[0]?.backupStorageRefs.map(({ status }: { status: string }) => status),
  };
}

it('is one story of an image, whichever API tells it', async () => {
  const openstack = await cloud.openstack();
  const zstack = await cloud.zstack();
  const { images, imageStores, zones } = cloud.cloud;

  const made = await openstack.post('/image/v2/images', {
    name: 'story',
    disk_format: 'raw',
    container_format: 'bare',
  });
  const id = made.id as string;
  const uuid = id.replaceAll('-', '');
  expect(await told(id)).toMatchObject({ glance: 'queued', k5: 'SAVING', zstack: 'Creating' });

  // A second zone, whose store can't take the image at first.
  const zone = await zones.ensure('zone-2');
  const url = join(cloud.dataDir, 'second');
  const second = await imageStores.add({ name: 'second', url, address: 'http://10.7.0.201:9292', zoneIds: [zone] });
  const driver = imageStores.driver(second.id) as Required<ImageStore>;
  const copyIn = driver.copyIn.bind(driver);
  driver.copyIn = async () => {
    throw new Error('no room');
  };
  const upload = await fetch(`${cloud.origin}/image/v2/images/${id}/file`, {
    method: 'PUT',
    headers: { 'x-auth-token': openstack.token, 'content-type': 'application/octet-stream' },
    body: randomBytes(100_000),
  });
  expect(upload.status).toBe(204);
  await expect.poll(async () => (await told(id)).reasons[0]).toBeDefined();
  const reason =
    'ERROR:A failure occurred during synchronize image the server(http://10.7.0.201:9292) in the image operation. ' +
    `image_id=${id}`;
  const failed = await told(id);
  expect(failed).toMatchObject({ glance: 'active', k5: 'ACTIVE', zstack: 'Ready', reasons: [reason, reason] });
  expect(failed.checksums[0]).toBe(failed.checksums[1]);

  driver.copyIn = copyIn;
  await images.copies.resync(operator(), uuid);
  await expect.poll(async () => (await told(id)).reasons).toEqual([undefined, undefined]);
  expect(await told(id)).toMatchObject({ copies: ['Ready', 'Ready'] });

  // Out of use in one API, and back in another.
  expect(await told(id)).toMatchObject({ glance: 'active', state: 'Enabled' });
  await openstack.post(`/image/v2/images/${id}/actions/deactivate`, {});
  expect(await told(id)).toMatchObject({ glance: 'deactivated', zstack: 'Ready', state: 'Disabled' });
  await zstack.call('PUT', `/images/${uuid}/actions`, { changeImageState: { stateEvent: 'enable' } });
  expect(await told(id)).toMatchObject({ glance: 'active', k5: 'ACTIVE', zstack: 'Ready', state: 'Enabled' });

  // An export of ZStack's is a link that anybody may follow, until it is taken back.
  const { inventories: stores } = await zstack.call('GET', '/backup-storage?q=name=default');
  const store = stores[0].uuid as string;
  const exported = await zstack.call('PUT', `/backup-storage/${store}/actions`, {
    exportImageFromBackupStorage: { imageUuid: uuid },
  });
  const link = await fetch(exported.imageUrl);
  expect(link.status).toBe(200);
  expect((await link.arrayBuffer()).byteLength).toBe(100_000);

  await openstack.delete(`/v2/${openstack.projectId}/images/${id}`);
  expect(await told(id)).toMatchObject({ glance: 404, k5: undefined, zstack: 'Deleted' });
  await zstack.call('PUT', `/images/${uuid}/actions`, { recoverImage: {} });
  expect(await told(id)).toMatchObject({ glance: 'active', k5: 'ACTIVE', zstack: 'Ready' });

  await zstack.call('DELETE', `/images/${uuid}`);
  expect(await told(id)).toMatchObject({ glance: 404, k5: undefined, zstack: 'Deleted' });
  await zstack.call('PUT', `/images/${uuid}/actions`, { expungeImage: {} });
  expect(await told(id)).toMatchObject({ glance: 404, k5: undefined, zstack: undefined });
});
