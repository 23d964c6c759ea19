import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { holdWrites, untilBlocked } from '../../../tests/support/held-writes.ts';
import { eachDatabase } from '../../../tests/support/postgres.ts';
import type { Database } from '../../database/database.ts';
import { newId } from '../../env/env.ts';
import { realEnv } from '../../env/real.ts';
import { operator } from '../identity/subject.ts';
import { defaultSettings } from '../settings.ts';
import { Zones } from '../zones/zones.ts';
import { Tags } from './tags.ts';

const env = realEnv();
const admin = { ...operator(), projectId: 'admin' };
const alice = { ...admin, projectId: 'alice', isAdmin: false, roles: ['member'] };

eachDatabase('patterns of tags', (open) => {
  async function withZone(
    work: (world: { db: Database; tags: Tags; zoneId: string; clusterId: string }) => Promise<void>,
  ) {
    const db = await open();
    try {
      const core = { db, env, settings: { ...defaultSettings } } as unknown as ConstructorParameters<typeof Zones>[0];
      const { zoneId, clusterId } = await new Zones(core).placeFor('tokyo');
      await work({ db, tags: new Tags({ db, env }), zoneId, clusterId });
    } finally {
      await db.close();
    }
  }

  it('are put on all of the resources or on none, once each', () =>
    withZone(async ({ tags, zoneId, clusterId }) => {
      const { id } = await tags.patterns.create(admin, { name: 'level', value: 'level::{a}', type: 'withToken' });
      const onBoth = [zoneId, clusterId];
      await expect(tags.patterns.attach(admin, id, [...onBoth, newId(env)], { a: '1' })).rejects.toMatchObject({
        code: 'not_found',
      });
      await expect(tags.patterns.attach(admin, id, onBoth)).rejects.toMatchObject({ code: 'invalid' });
      expect(await tags.of(zoneId, 'user')).toEqual([]);
      const made = await tags.patterns.attach(admin, id, onBoth, { a: '1' });
      expect(await tags.patterns.attach(admin, id, [zoneId, zoneId], { a: '2' })).toEqual([made[0]]);
      expect(await tags.of(zoneId, 'user')).toMatchObject([{ id: made[0], tag: 'level::1', resourceType: 'zone' }]);
      expect(await tags.of(clusterId, 'user')).toMatchObject([{ id: made[1], resourceType: 'cluster' }]);
    }));

  it('are attached once by requests that come at the same time', () =>
    withZone(async ({ tags, zoneId }) => {
      const { id } = await tags.patterns.create(admin, { name: 'one', value: 'one' });
      const made = await Promise.all([1, 2, 3].map(() => tags.patterns.attach(admin, id, [zoneId])));
      expect(new Set(made.flat()).size).toBe(1);
    }));

  it('are refused where another tag of their text comes at the same moment', () =>
    withZone(async ({ db, tags, zoneId }) => {
      const { id } = await tags.patterns.create(admin, { name: 'one', value: 'same' });
      const { db: slowDb, held, commit } = holdWrites(db);
      const slow = new Tags({ db: slowDb, env });
      const first = slow.create(admin, { kind: 'user', resourceType: 'zone', resourceId: zoneId, tag: 'same' });
      await held;
      const duplicate = { code: 'duplicate', details: { id: zoneId, reason: 'duplicate_tag' } };
      const second = expect(tags.patterns.attach(admin, id, [zoneId])).rejects.toMatchObject(duplicate);
      await untilBlocked(db);
      commit();
      await Promise.all([first, second]);
    }));

  it('make no tags that are too long, as nothing else does', () =>
    withZone(async ({ tags, zoneId }) => {
      const { id } = await tags.patterns.create(admin, { name: 'long', value: '{a}', type: 'withToken' });
      const tag = { kind: 'user', resourceType: 'zone', resourceId: zoneId } as const;
      // Nothing that can be compressed.
      const text = Array.from(randomBytes(1024), (byte) => String.fromCodePoint(0x4e00 + byte)).join('');
      await expect(tags.patterns.attach(admin, id, [zoneId], { a: text })).rejects.toMatchObject({ code: 'invalid' });
      await expect(tags.create(admin, { ...tag, tag: text })).rejects.toMatchObject({ code: 'invalid' });
      const made = await tags.create(admin, { ...tag, tag: randomBytes(1024).toString('hex') });
      await expect(tags.update(admin, made.id, text)).rejects.toMatchObject({ code: 'invalid' });
      const longest = randomBytes(1024).toString('hex');
      expect(await tags.patterns.attach(admin, id, [zoneId], { a: longest })).toHaveLength(1);
    }));

  it('go with the tags that were made of them, and leave others', () =>
    withZone(async ({ db, tags, zoneId, clusterId }) => {
      const { id } = await tags.patterns.create(admin, { name: 'one', value: 'one' });
      await tags.patterns.attach(admin, id, [zoneId, clusterId]);
      const other = await tags.create(admin, { kind: 'user', resourceType: 'zone', resourceId: zoneId, tag: 'other' });
      await tags.patterns.detach(admin, id, [clusterId]);
      expect(await tags.of(clusterId, 'user')).toEqual([]);
      expect(await tags.patterns.delete(alice, id)).toBe(false);
      expect(await tags.patterns.delete(admin, id)).toBe(true);
      expect(await tags.of(zoneId, 'user')).toMatchObject([{ id: other.id }]);
      expect(await db.read.selectFrom('tag_patterns').selectAll().execute()).toEqual([]);
    }));

  it('are for resources that their project may tag', () =>
    withZone(async ({ tags, zoneId }) => {
      const hers = await tags.patterns.create(alice, { name: 'hers', value: 'hers' });
      await expect(tags.patterns.attach(alice, hers.id, [zoneId])).rejects.toMatchObject({ code: 'not_found' });
      const { id } = await tags.patterns.create(admin, { name: 'one', value: 'one' });
      await expect(tags.patterns.update(alice, id, { name: 'x' })).rejects.toMatchObject({ code: 'not_found' });
      await expect(tags.patterns.detach(alice, id, [zoneId])).rejects.toMatchObject({ code: 'not_found' });
    }));
});
