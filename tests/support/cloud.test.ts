import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { TestCloud } from './cloud.ts';
import { postgresVariable } from './postgres-server.ts';

const kinds = ['sqlite', 'postgres'] as const;

describe.each(kinds)('a cloud for tests on %s', (database) => {
  const canRun = database === 'sqlite' || process.env[postgresVariable] !== undefined;

  it.runIf(canRun)('serves every dialect, keeps what it holds over a restart, and leaves nothing behind', async () => {
    const cloud = await TestCloud.start({ database });
    const admin = await cloud.openstack();
    const image = await admin.post('/image/v2/images', { name: 'kept' });
    expect((await fetch(`${cloud.origin}/readyz`)).status).toBe(200);

    await cloud.restart();

    const again = await cloud.openstack();
    expect(await again.get(`/image/v2/images/${image.id}`)).toMatchObject({ name: 'kept', status: 'queued' });
    const zstack = await cloud.zstack();
    expect(await zstack.call('GET', '/zones')).toMatchObject({ inventories: [{ name: 'nova' }] });
    await cloud.close();
    expect(existsSync(cloud.dataDir)).toBe(false);
  });

  it.runIf(canRun)('gives members of projects of their own', async () => {
    await using cloud = await TestCloud.start({ database });
    const member = await cloud.member('alice');
    await member.post('/image/v2/images', { name: 'hers' });
    const other = await cloud.member('bob');
    expect((await member.get('/image/v2/images')).images).toHaveLength(1);
    expect((await other.get('/image/v2/images')).images).toHaveLength(0);
  });
});
