import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Database } from '../../database/database.ts';
import { openSqlite } from '../../database/sqlite.ts';
import { newId } from '../../env/env.ts';
import { realEnv } from '../../env/real.ts';
import type { Subject } from '../identity/subject.ts';
import { Tags } from './tags.ts';

const env = realEnv();

function subject(projectId: string, isAdmin = false): Subject {
  const roles = isAdmin ? ['admin'] : ['member'];
  return { userId: projectId, userName: projectId, projectId, domainId: 'default', roles, isAdmin, requestId: 'req-1' };
}

describe('tags', () => {
  const alice = subject('alice');
  const bob = subject('bob');
  const admin = subject('admin', true);
  let db: Database;
  let tags: Tags;
  let network: string;

  beforeEach(async () => {
    db = await openSqlite(':memory:');
    tags = new Tags({ db, env });
    network = newId(env);
    const zeros = {
      shared: 0,
      external: 0,
      is_default: 0,
      admin_state_up: 1,
      port_security: 1,
      created_at: 0,
      updated_at: 0,
    } as const;
    const row = { id: network, project_id: 'alice', name: 'n', description: '', status: '', mtu: 1500, revision: 0 };
    const extras = { dns_domain: '', qos_policy_id: null, segmentation_id: null };
    await db.write((tx) =>
      tx
        .insertInto('networks')
        .values({ ...row, ...zeros, ...extras })
        .execute(),
    );
  });
  afterEach(() => db.close());

  const on = (tag: string, kind: 'user' | 'system' = 'user') => ({
    kind,
    resourceType: 'network' as const,
    resourceId: network,
    tag,
  });

  it('are put on resources, changed and taken off', async () => {
    const { id } = await tags.create(alice, on('blue'));
    expect(await tags.of(network, 'user')).toMatchObject([{ id, tag: 'blue', projectId: 'alice', isInherent: false }]);
    expect(await tags.update(alice, id, 'green')).toMatchObject({ id, tag: 'green' });
    expect(await tags.get(alice, id)).toMatchObject({ tag: 'green' });
    await tags.delete(alice, id);
    expect(await tags.of(network, 'user')).toEqual([]);
  });

  it('are there once', async () => {
    const { id } = await tags.create(alice, on('blue'));
    await tags.create(alice, on('blue', 'system'));
    await expect(tags.create(alice, on('blue'))).rejects.toMatchObject({ code: 'duplicate' });
    await tags.create(alice, on('green'));
    await expect(tags.update(alice, id, 'green')).rejects.toMatchObject({ code: 'duplicate' });
    await tags.addAll(alice, [on('blue'), on('red')]);
    expect((await tags.of(network, 'user')).map(({ tag }) => tag)).toEqual(['blue', 'green', 'red']);
  });

  it('are for those who own the resource, and seen by those who own the tag', async () => {
    await expect(tags.create(bob, on('mine'))).rejects.toMatchObject({ code: 'not_found' });
    const { id } = await tags.create(alice, on('blue'));
    await expect(tags.delete(bob, id)).rejects.toMatchObject({ code: 'not_found' });
    await expect(tags.get(bob, id)).rejects.toMatchObject({ code: 'not_found' });
    expect(await tags.create(admin, on('by admin'))).toMatchObject({ projectId: 'admin' });
    const zone = { kind: 'user', resourceType: 'zone', resourceId: newId(env), tag: 'x' } as const;
    await expect(tags.create(admin, zone)).rejects.toMatchObject({ code: 'not_found' });
  });

  it('that are inherent only the cloud changes', async () => {
    await tags.addAll(alice, [{ ...on('platform::Linux', 'system'), isInherent: true }]);
    const [tag] = await tags.of(network, 'system');
    await expect(tags.delete(alice, tag!.id)).rejects.toMatchObject({ code: 'forbidden' });
    await expect(tags.update(alice, tag!.id, 'x')).rejects.toMatchObject({ code: 'forbidden' });
    const { tag: _, ...place } = { ...on('', 'system'), isInherent: true };
    const isPlatform = (text: string) => text.startsWith('platform::');
    await tags.create(alice, on('bootMode::UEFI', 'system'));
    const renewed = ['platform::Windows', 'platform::Windows', 'platform::Other'];
    await Promise.all(renewed.map((platform) => tags.renew(alice, place, isPlatform, [platform])));
    const [boot, platform, ...others] = await tags.of(network, 'system');
    expect([boot, platform]).toMatchObject([{ tag: 'bootMode::UEFI' }, { isInherent: true }]);
    expect(others).toEqual([]);
    await tags.renew(alice, place, isPlatform, [platform!.tag]);
    expect((await tags.get(alice, platform!.id)).tag).toBe(platform!.tag);
  });

  it('of resources that are gone are swept away', async () => {
    await tags.create(alice, on('blue'));
    expect(await tags.sweep()).toBe(0);
    await db.write((tx) => tx.deleteFrom('networks').execute());
    expect(await tags.sweep()).toBe(1);
    expect(await tags.of(network, 'user')).toEqual([]);
  });
});
