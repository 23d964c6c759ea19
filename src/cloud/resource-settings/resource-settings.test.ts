import { expect, it } from 'vitest';
import { holdWrites, untilBlocked } from '../../../tests/support/held-writes.ts';
import { eachDatabase } from '../../../tests/support/postgres.ts';
import type { HostsTable, ResourceSettingsTable } from '../../database/schema.ts';
import { newId } from '../../env/env.ts';
import { realEnv } from '../../env/real.ts';
import { ChangedSettings } from '../changed-settings.ts';
import { operator } from '../identity/subject.ts';
import { defaultSettings } from '../settings.ts';
import { Zones } from '../zones/zones.ts';
import { ResourceSettings } from './resource-settings.ts';

const env = realEnv();
const root = operator();

eachDatabase('settings of resources', (open) => {
  async function setUp() {
    const db = await open();
    const core = { db, env, settings: { ...defaultSettings } } as unknown as ConstructorParameters<typeof Zones>[0];
    const zones = new Zones(core);
    const { zoneId, clusterId } = await zones.placeFor('tokyo');
    const hostId = newId(env);
    const host: HostsTable = {
      ...{ id: hostId, name: 'one', zone_id: zoneId, cluster_id: clusterId, state: 'enabled', status: 'connected' },
      ...{ management_address: '127.0.0.1', hypervisor_type: 'qemu', hypervisor_version: 7002000, accelerator: 'tcg' },
      ...{ architecture: 'x86_64', vcpus: 4, memory_mb: 4096, disk_gb: 100, reserved_memory_mb: 0, cpu_ratio: 16 },
      ...{ memory_ratio: 1, disk_ratio: 1, disabled_reason: null, forced_down: 0, created_at: 1, updated_at: 1 },
    };
    await db.write((tx) => tx.insertInto('hosts').values(host).execute());
    const ratio = async () => {
      const row = await db.read.selectFrom('hosts').select('cpu_ratio').where('id', '=', hostId).executeTakeFirst();
      return row?.cpu_ratio;
    };
    return { db, core, zones, zoneId, clusterId, hostId, ratio, settings: new ResourceSettings(core) };
  }

  it('say for how long a deleted server is kept: its own, its cluster’s, its zone’s, the cloud’s', async () => {
    const { db, core, zoneId, clusterId, hostId, settings } = await setUp();
    const server = { id: newId(env), hostId, zoneId };
    const give = (id: string, type: ResourceSettingsTable['resource_type'], setting: string, value: number) => {
      const row = {
        id: newId(env),
        resource_id: id,
        resource_type: type,
        setting,
        value,
        created_at: 1,
        updated_at: 1,
      };
      return db.write((tx) => tx.insertInto('resource_settings').values(row).execute());
    };
    try {
      expect(await settings.serverRetention(server)).toBe(0);
      core.settings.reclaimInterval = 50;
      expect(await settings.serverRetention(server)).toBe(50);
      await settings.set(root, zoneId, new Map([['serverRetention', 40]]));
      expect(await settings.serverRetention(server)).toBe(40);
      await settings.set(root, clusterId, new Map([['serverDeletion', 0]]));
      expect(await settings.serverRetention(server)).toBe(0);
      // It is on no host, and so in no cluster.
      expect(await settings.serverRetention({ ...server, hostId: null })).toBe(40);
      await give(server.id, 'server', 'serverDeletion', 1);
      expect(await settings.serverRetention(server)).toBe(40);
      await give(server.id, 'server', 'serverRetention', 30);
      expect(await settings.serverRetention(server)).toBe(30);
      core.settings.reclaimInterval = 0;
      expect(await settings.serverRetention(server)).toBe(30);
      await settings.remove(root, zoneId, 'serverRetention');
      await settings.remove(root, server.id, 'serverRetention');
      // Kept, and nobody says for how long.
      expect(await settings.serverRetention(server)).toBe(604_800);
    } finally {
      await db.close();
    }
  });

  it('say how many processors hosts give away, also after what another process has changed', async () => {
    const { db, core, zones, zoneId, clusterId, hostId, ratio, settings } = await setUp();
    try {
      await settings.set(root, clusterId, new Map([['cpuRatio', 4]]));
      expect(await ratio()).toBe(4);
      await settings.set(root, hostId, new Map([['cpuRatio', 2]]));
      expect(await ratio()).toBe(2);
      await settings.set(root, hostId, new Map([['cpuRatio', 3]]));
      expect(await ratio()).toBe(3);
      const [nearest, next] = await settings.holdingFor(root, hostId, ['cpuRatio']);
      expect([nearest, next]).toMatchObject([
        { resourceType: 'host', value: 3 },
        { resourceType: 'cluster', value: 4 },
      ]);
      await settings.remove(root, hostId, 'cpuRatio');
      const other = new ChangedSettings({ db, settings: { ...defaultSettings } });
      await other.set(root, 'cpuRatio', 32);
      expect(await ratio()).toBe(4);
      // This process does not know of 32 yet.
      expect(core.settings.cpuRatio).toBe(16);
      await settings.remove(root, clusterId, 'cpuRatio');
      expect(await ratio()).toBe(32);
      await settings.set(root, zoneId, new Map([['cpuRatio', 8]]));
      await other.reset(root);
      expect(await ratio()).toBe(8);
      await db.write((tx) => tx.deleteFrom('hosts').execute());
      await zones.changes.deleteCluster(clusterId);
      expect(await settings.holdingFor(root, zoneId, ['cpuRatio'])).toMatchObject([{ value: 8 }]);
    } finally {
      await db.close();
    }
  });

  it.each([
    ['the nearest', 'zone', 4],
    ['the last', 'cluster', 8],
  ] as const)('hold as %s says where two are set at the same moment', async (_, second, expected) => {
    const { db, core, zoneId, clusterId, ratio, settings } = await setUp();
    const { db: slowDb, held, commit } = holdWrites(db);
    const slow = new ResourceSettings({ ...core, db: slowDb });
    try {
      const first = slow.set(root, clusterId, new Map([['cpuRatio', 4]]));
      await held;
      const other = settings.set(root, second === 'zone' ? zoneId : clusterId, new Map([['cpuRatio', 8]]));
      await untilBlocked(db);
      commit();
      await Promise.all([first, other]);
      expect(await ratio()).toBe(expected);
    } finally {
      commit();
      await db.close();
    }
  });

  it('are refused out of their bounds, where they have no meaning, and to who is no administrator', async () => {
    const { db, zoneId, hostId, settings } = await setUp();
    try {
      const both = new Map([
        ['serverDeletion', 1],
        ['cpuRatio', 0],
      ] as const);
      const wrong = { code: 'invalid', details: { reason: 'out_of_range', field: 'cpuRatio' } };
      await expect(settings.set(root, zoneId, both)).rejects.toMatchObject(wrong);
      expect(await settings.holdingFor(root, zoneId, ['serverDeletion'])).toEqual([]);
      await expect(settings.set(root, hostId, new Map([['serverDeletion', 1]]))).rejects.toMatchObject({
        code: 'invalid',
        details: { reason: 'not_bindable', resource: 'host' },
      });
      await expect(settings.set(root, newId(env), new Map([['cpuRatio', 1]]))).rejects.toMatchObject({
        code: 'not_found',
      });
      const member = { ...root, isAdmin: false, roles: ['member'] };
      await expect(settings.set(member, zoneId, new Map([['cpuRatio', 1]]))).rejects.toMatchObject({
        code: 'forbidden',
      });
      await expect(settings.holdingFor(member, hostId, ['cpuRatio'])).rejects.toMatchObject({ code: 'not_found' });
    } finally {
      await db.close();
    }
  });
});
