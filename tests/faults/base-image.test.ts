import { afterEach, beforeEach, expect, test } from 'vitest';
import { trimImageCaches } from '../../src/cloud/volumes/image-cache.ts';
import { makeServer, serverId } from '../engine/fixtures/fixture.ts';
import { World } from '../engine/world.ts';

let world: World;

beforeEach(async () => {
  world = await World.open();
});

afterEach(async () => {
  await world[Symbol.asyncDispose]();
});

test('the image under a disk is known after shelving and resizing, so that it stays in the cache', async () => {
  await makeServer(world);
  const server = await serverId(world);
  await world.done(world.cloud.servers.shelve(world.subject, server));
  await world.done(world.cloud.servers.unshelve(world.subject, server));
  await world.done(world.cloud.servers.resize(world.subject, server, '84'));
  await world.done(world.cloud.servers.confirmResize(world.subject, server));
  await world.settled();
  const under = await world.db.read.selectFrom('disks').select('image_id').execute();
  expect(under.map(({ image_id }) => image_id)).not.toContain(world.imageIds[0]);
  await trimImageCaches(world.cloud);
  expect((await world.host.inventory()).images).toContain(under[0]!.image_id);
  expect(await world.audit()).toEqual([]);
});

test('a host keeps no more of images than it may, but what disks are layers over in any case', async () => {
  await makeServer(world);
  const server = await serverId(world);
  await world.done(world.cloud.servers.rebuild(world.subject, server, { imageId: world.imageIds[1]! }));
  await world.settled();
  const kept = async () => (await world.host.inventory()).images;
  expect(await trimImageCaches(world.cloud)).toMatchObject({ removed: 0, images: 2 });
  world.cloud.settings.imageCacheBytes = 1;
  expect(await trimImageCaches(world.cloud)).toMatchObject({ removed: 1, failed: 0, images: 1 });
  expect(await kept()).toEqual([world.imageIds[1]]);
  await world.done(world.cloud.servers.delete(world.subject, server));
  await world.settled();
  world.cloud.settings.imageCacheBytes = 0;
  world.cloud.settings.imageCacheAge = 0;
  expect(await trimImageCaches(world.cloud)).toEqual({ found: 0, removed: 1, failed: 0, images: 0, bytes: 0 });
  expect(await kept()).toEqual([]);
});

test('what a host was brought by somebody who died before it was written down is found, and goes in its time', async () => {
  await makeServer(world);
  const image = await world.cloud.images.cachedImageSpec(world.imageIds[1]!);
  await world.host.ensureImageCached(image);
  expect(await trimImageCaches(world.cloud)).toMatchObject({ found: 1, removed: 0 });
  expect(await trimImageCaches(world.cloud)).toMatchObject({ found: 0, removed: 0, images: 2 });
  world.cloud.settings.imageCacheAge = 0;
  expect(await trimImageCaches(world.cloud)).toMatchObject({ found: 0, removed: 1, images: 1 });
  expect((await world.host.inventory()).images).toEqual([world.imageIds[0]]);
});
