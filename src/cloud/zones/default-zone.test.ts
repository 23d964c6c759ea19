import { expect, it } from 'vitest';
import { eachDatabase } from '../../../tests/support/postgres.ts';
import type { Database } from '../../database/database.ts';
import type { HostsTable } from '../../database/schema.ts';
import { newId } from '../../env/env.ts';
import { realEnv } from '../../env/real.ts';
import { Zones } from './zones.ts';

const env = realEnv();

/** A zone with one host; gives its id. */
async function addZone(db: Database, name: string, more: { isDefault?: boolean; hosts?: 0 } = {}): Promise<string> {
  const times = { created_at: 1, updated_at: 1 };
  const id = newId(env);
  const cluster = { id: newId(env), zone_id: id, name, description: null, enabled: 1 as const, ...times };
  const host: HostsTable = {
    id: newId(env),
    name,
    zone_id: id,
    cluster_id: cluster.id,
    state: 'enabled',
    status: 'connected',
    management_address: '127.0.0.1',
    hypervisor_type: 'qemu',
    hypervisor_version: 7002000,
    accelerator: 'tcg',
    architecture: 'x86_64',
    vcpus: 4,
    memory_mb: 4096,
    disk_gb: 100,
    reserved_memory_mb: 0,
    cpu_ratio: 1,
    memory_ratio: 1,
    disk_ratio: 1,
    disabled_reason: null,
    forced_down: 0,
    ...times,
  };
  await db.write(async (tx) => {
    const zone = { id, name, description: null, is_default: more.isDefault ? 1 : 0, enabled: 1, ...times } as const;
    await tx.insertInto('zones').values(zone).execute();
    if (more.hosts === 0) return;
    await tx
      .insertInto('clusters')
      .values({ ...cluster, hypervisor_type: 'qemu', architecture: 'x86_64' })
      .execute();
    await tx.insertInto('hosts').values(host).execute();
  });
  return id;
}

eachDatabase('the zone of a request that names none', (open) => {
  it('follows from the domain, as long as several zones have hosts', async () => {
    const db = await open();
    try {
      const zones = new Zones({ db, env } as ConstructorParameters<typeof Zones>[0]);
      const domains = Array.from({ length: 60 }, () => newId(env));
      const choices = async () => await Promise.all(domains.map(async (id) => (await zones.default(id)).name));
      await addZone(db, 'first', { isDefault: true });
      await addZone(db, 'empty', { hosts: 0 });
      expect(new Set(await choices())).toEqual(new Set(['first']));
      await addZone(db, 'second');
      const chosen = await choices();
      expect(new Set(chosen)).toEqual(new Set(['first', 'second']));
      expect(await choices()).toEqual(chosen);
      // A new zone takes domains from the others, and moves none between them.
      await addZone(db, 'third');
      const moved = (await choices()).filter((name, index) => name !== chosen[index]);
      expect(new Set(moved)).toEqual(new Set(['third']));
      expect((await zones.default()).name).toBe('first');
    } finally {
      await db.close();
    }
  });
});

eachDatabase('the names of zones', (open) => {
  it('are those of now, also where another process gave them', async () => {
    const db = await open();
    try {
      const [here, there] = [1, 2].map(() => new Zones({ db, env } as ConstructorParameters<typeof Zones>[0]));
      const id = await addZone(db, 'edo');
      expect([...(await here!.names())]).toEqual([[id, 'edo']]);
      await there!.changes.updateZone(id, { name: 'tokyo' });
      expect((await here!.names()).get(id)).toBe('tokyo');
      const second = await there!.ensure('osaka');
      expect((await here!.names()).get(second)).toBe('osaka');
      await there!.changes.deleteZone(second);
      expect([...(await here!.names())]).toEqual([[id, 'tokyo']]);
    } finally {
      await db.close();
    }
  });
});
