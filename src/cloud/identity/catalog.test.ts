import { afterEach, beforeEach, expect, it } from 'vitest';
import { holdWrites, untilBlocked } from '../../../tests/support/held-writes.ts';
import { eachDatabase } from '../../../tests/support/postgres.ts';
import type { Database } from '../../database/database.ts';
import { Catalog } from './catalog.ts';
import type { Options } from './model.ts';
import type { Subject } from './subject.ts';
import { testCore } from './test-identity.ts';

const admin: Subject = {
  ...{ userId: 'admin', userName: 'admin', domainId: 'default', roles: ['admin'], isAdmin: true },
  ...{ requestId: 'req-1' },
};
const service = { type: 'object-store', name: 's', description: '', enabled: true };
const endpoint = { interface: 'public', url: 'http://x', regionId: null, name: null, enabled: true } as const;

type Change = (catalog: Catalog, extra: Options) => Promise<{ extra: Options }>;

/** Makes one of each kind, and gives how it is changed. */
const kinds: Record<string, (catalog: Catalog) => Promise<Change>> = {
  region: async (catalog) => {
    await catalog.createRegion(admin, { id: 'far', description: '', parentId: null, extra: { before: 1 } });
    return (one, extra) => one.updateRegion(admin, 'far', { extra });
  },
  service: async (catalog) => {
    const { id } = await catalog.createService(admin, { ...service, extra: { before: 1 } });
    return (one, extra) => one.updateService(admin, id, { extra });
  },
  endpoint: async (catalog) => {
    const { id: serviceId } = await catalog.createService(admin, service);
    const { id } = await catalog.createEndpoint(admin, { ...endpoint, serviceId, extra: { before: 1 } });
    return (one, extra) => one.updateEndpoint(admin, id, { extra });
  },
};

eachDatabase('what is in the catalog', (open) => {
  let db: Database;
  beforeEach(async () => {
    db = await open();
  });
  afterEach(() => db.close());

  const over = async (of: Database) => new Catalog((await testCore({ db: of })).core);

  it.each(Object.keys(kinds))('keeps what two changes of a %s say that are made at once', async (kind) => {
    const catalog = await over(db);
    const change = await kinds[kind]!(catalog);
    const slow = holdWrites(db);
    const first = change(await over(slow.db), { first: 1 });
    await slow.held;
    const second = change(catalog, { second: 2 });
    await untilBlocked(db).finally(slow.commit);
    expect((await first).extra).toEqual({ before: 1, first: 1 });
    expect((await second).extra).toEqual({ before: 1, first: 1, second: 2 });
    const shown = [...(await catalog.regions()), ...(await catalog.services()), ...(await catalog.endpoints())];
    expect(shown.map(({ extra }) => extra)).toContainEqual({ before: 1, first: 1, second: 2 });
  });

  it('has a region once, where two make it at once', async () => {
    const catalog = await over(db);
    const region = { id: 'far', description: '', parentId: null, extra: {} };
    const slow = holdWrites(db);
    const first = (await over(slow.db)).createRegion(admin, region);
    await slow.held;
    const second = catalog.createRegion(admin, { ...region, description: 'second' });
    const ensured = catalog.ensureRegion(admin, 'far');
    const outcomes = Promise.allSettled([first, second, ensured]);
    await untilBlocked(db, 2).finally(slow.commit);
    const [, refused, known] = await outcomes;
    expect(refused).toMatchObject({ status: 'rejected', reason: { code: 'duplicate' } });
    expect(known.status).toBe('fulfilled');
    expect((await catalog.regions()).filter(({ id }) => id === 'far')).toEqual([region]);
  });

  it('is changed member by member, and under a region that there is', async () => {
    const catalog = await over(db);
    await catalog.createRegion(admin, { id: 'far', description: 'd', parentId: null, extra: {} });
    await expect(catalog.updateRegion(admin, 'far', { parentId: 'nowhere' })).rejects.toMatchObject({
      code: 'not_found',
    });
    await expect(catalog.updateRegion(admin, 'nowhere', {})).rejects.toMatchObject({ code: 'not_found' });
    const region = await catalog.updateRegion(admin, 'far', { parentId: 'RegionOne' });
    expect(region).toEqual({ id: 'far', description: 'd', parentId: 'RegionOne', extra: {} });
  });
});
