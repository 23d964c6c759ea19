import { expect, it } from 'vitest';
import { eachDatabase } from '../../../tests/support/postgres.ts';
import type { Database } from '../../database/database.ts';
import type { HostsTable } from '../../database/schema.ts';
import { newId } from '../../env/env.ts';
import { realEnv } from '../../env/real.ts';
import { operator } from '../identity/subject.ts';
import { Quotas } from '../quotas/quotas.ts';
import { defaultSettings } from '../settings.ts';
import { Zones } from '../zones/zones.ts';
import { Aggregates } from './aggregates.ts';

const env = realEnv();

async function addHost(db: Database, zones: Zones, name: string): Promise<string> {
  const { zoneId, clusterId } = await zones.placeFor('tokyo');
  const row: HostsTable = {
    ...{ id: newId(env), name, zone_id: zoneId, cluster_id: clusterId, state: 'enabled', status: 'connected' },
    ...{ management_address: '127.0.0.1', hypervisor_type: 'qemu', hypervisor_version: 7002000, accelerator: 'tcg' },
    ...{ architecture: 'x86_64', vcpus: 4, memory_mb: 4096, disk_gb: 100, reserved_memory_mb: 0, cpu_ratio: 1 },
    ...{ memory_ratio: 1, disk_ratio: 1, disabled_reason: null, forced_down: 0, created_at: 1, updated_at: 1 },
  };
  await db.write((tx) => tx.insertInto('hosts').values(row).execute());
  return row.id;
}

eachDatabase('hosts and their zones', (open) => {
  it('change with their aggregate, as long as nothing is on them', async () => {
    const db = await open();
    try {
      const core = { db, env, settings: { ...defaultSettings } } as unknown as ConstructorParameters<typeof Zones>[0];
      const zones = new Zones(core);
      const aggregates = new Aggregates(core, zones);
      const hostId = await addHost(db, zones, 'one');
      await addHost(db, zones, 'two');
      const zoneOf = async (name: string) => {
        const host = await db.read
          .selectFrom('hosts')
          .innerJoin('clusters', 'clusters.id', 'hosts.cluster_id')
          .select(['hosts.zone_id', 'clusters.zone_id as cluster_zone'])
          .where('hosts.name', '=', name)
          .executeTakeFirstOrThrow();
        expect(host.cluster_zone).toBe(host.zone_id);
        return (await zones.names()).get(host.zone_id);
      };
      const { number } = await aggregates.create({ name: 'a', zone: 'osaka' });
      await aggregates.addHost(number, 'one');
      expect([await zoneOf('one'), await zoneOf('two')]).toEqual(['osaka', 'tokyo']);
      await aggregates.update(number, { zone: null });
      expect(await zoneOf('one')).toBe('tokyo');
      await aggregates.addHost(number, 'two');
      await aggregates.setMetadata(number, { availability_zone: 'kobe' });
      expect([await zoneOf('one'), await zoneOf('two')]).toEqual(['kobe', 'kobe']);

      const disk = { id: newId(env), host_id: hostId, volume_id: newId(env), image_id: null, size: 1 };
      await db.write((tx) =>
        tx
          .insertInto('disks')
          .values({ ...disk, created_at: 1, released_at: null })
          .execute(),
      );
      const refused = { code: 'conflict', message: expect.stringContaining('contain disks in this zone') };
      await expect(aggregates.removeHost(number, 'one')).rejects.toMatchObject(refused);
      expect((await aggregates.get(number)).hosts).toEqual(['one', 'two']);
      const other = await aggregates.create({ name: 'b', zone: 'nara' });
      await expect(aggregates.addHost(other.number, 'two')).rejects.toMatchObject({
        code: 'conflict',
        message: expect.stringContaining('already in availability zone(s) kobe'),
      });
      const tokyo = (await zones.byName('tokyo'))!.id;
      await expect(zones.changes.deleteZone(tokyo)).rejects.toMatchObject({ code: 'conflict' });
      await aggregates.removeHost(number, 'two');
      expect([await zoneOf('one'), await zoneOf('two')]).toEqual(['kobe', 'tokyo']);
    } finally {
      await db.close();
    }
  });

  it('have another name in aggregates too, and go only when nothing is in them', async () => {
    const db = await open();
    try {
      const core = { db, env, settings: { ...defaultSettings } } as unknown as ConstructorParameters<typeof Zones>[0];
      const zones = new Zones(core);
      const aggregates = new Aggregates(core, zones);
      await addHost(db, zones, 'one');
      const { number } = await aggregates.create({ name: 'a', zone: 'osaka' });
      const other = await aggregates.create({ name: 'b', zone: 'nara' });
      await aggregates.setMetadata(number, { ssd: 'true' });
      await aggregates.addHost(number, 'one');
      const zoneId = (await zones.byName('osaka'))!.id;
      await zones.changes.updateZone(zoneId, { name: 'kobe' });
      expect(await aggregates.get(number)).toMatchObject({ zone: 'kobe', metadata: { ssd: 'true' }, hosts: ['one'] });
      expect((await aggregates.get(other.number)).zone).toBe('nara');
      // It names the same zone still: the host goes back to where it was.
      await aggregates.removeHost(number, 'one');
      expect((await zones.list()).map(({ name }) => name).sort()).toEqual(['kobe', 'tokyo']);

      const times = { created_at: 1, updated_at: 1 };
      const volume = {
        ...{ id: newId(env), project_id: 'p', user_id: 'u', name: null, description: null, kind: 'data' as const },
        ...{ origin: 'volume' as const, status: 'creating', size: 1, zone_id: zoneId, volume_type: 't' },
        ...{
          metadata: '{}',
          image_metadata: '{}',
          delete_on_termination: 0 as const,
          bootable: 0 as const,
          enabled: 1 as const,
          multiattach: 0 as const,
        },
      };
      await db.write((tx) =>
        tx
          .insertInto('volumes')
          .values({ ...volume, ...times } as never)
          .execute(),
      );
      await expect(zones.changes.deleteZone(zoneId)).rejects.toMatchObject({
        code: 'conflict',
        message: expect.stringContaining(volume.id),
      });
      await db.write((tx) => tx.updateTable('volumes').set({ deleted_at: 2 }).execute());
      await zones.changes.updateZone(zoneId, { isDefault: true });
      await zones.changes.deleteZone(zoneId);
      expect(await zones.default()).toMatchObject({ name: 'tokyo', isDefault: true });
    } finally {
      await db.close();
    }
  });

  it('have quotas of their own, which go with them', async () => {
    const db = await open();
    try {
      const core = { db, env, settings: { ...defaultSettings } } as unknown as ConstructorParameters<typeof Zones>[0];
      const zones = new Zones(core);
      const quotas = new Quotas(core);
      const admin = operator();
      const project = newId(env);
      const zoneId = await zones.ensure('osaka');
      await zones.ensure('tokyo');
      const limits = { ...defaultSettings.defaultQuotas, instances: 0, cores: 4 };
      expect(await quotas.zones.setLimits(admin, project, 'osaka', { instances: 0, cores: 4 })).toEqual(limits);
      const check = (zone?: string) => db.write((tx) => quotas.check(tx, project, { instances: 1, cores: 4 }, zone));
      await expect(check(zoneId)).rejects.toMatchObject({ code: 'quota_exceeded', details: { reason: 'instances' } });
      await check((await zones.byName('tokyo'))!.id);
      await quotas.zones.setLimits(admin, project, 'osaka', { instances: -1 });
      await check(zoneId);
      await zones.changes.deleteZone(zoneId);
      expect(await db.read.selectFrom('zone_quotas').selectAll().execute()).toEqual([]);
      await expect(quotas.zones.limits(admin, project, 'osaka')).rejects.toMatchObject({ code: 'invalid' });
    } finally {
      await db.close();
    }
  });
});
