import { expect, test } from 'vitest';
import { makeServer, serverId } from './fixtures/fixture.ts';
import { World } from './world.ts';

test('backups of a type take turns, and leave the others alone', async () => {
  await using world = await World.open();
  await makeServer(world);
  const id = await serverId(world);
  const backUp = async (name: string, backupType: string, rotation: number) => {
    const properties = { purpose: 'test' };
    await world.done(world.cloud.servers.createBackup(world.subject, id, { name, backupType, rotation, properties }));
    const images = await world.cloud.images.list(world.subject, { properties: { purpose: 'test' } });
    return images.map((image) => image.name).sort();
  };
  expect(await backUp('monday', 'daily', 2)).toEqual(['monday']);
  expect(await backUp('first', 'weekly', 1)).toEqual(['first', 'monday']);
  expect(await backUp('tuesday', 'daily', 2)).toEqual(['first', 'monday', 'tuesday']);
  expect(await backUp('wednesday', 'daily', 2)).toEqual(['first', 'tuesday', 'wednesday']);
  expect(await backUp('thursday', 'daily', 0)).toEqual(['first']);
});
