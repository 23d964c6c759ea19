import type { Kysely, Migration } from 'kysely';

interface Tables {
  servers: { id: string; flavor: string; previous: string | null };
  allocations: { server_id: string; purpose: string; disk_gb: number };
}

/** Ephemeral and swap disks of servers, which count as room that they hold: the latter had not been counted before. */
export const localDisks: Migration = {
  async up(db: Kysely<never>): Promise<void> {
    await db.schema.alterTable('volumes').addColumn('local_disk', 'text').execute();
    const tables = db as unknown as Kysely<Tables>;
    const held = await tables
      .selectFrom('allocations')
      .innerJoin('servers', 'servers.id', 'allocations.server_id')
      .select(['server_id', 'purpose', 'disk_gb', 'flavor', 'previous'])
      .execute();
    for (const { server_id, purpose, disk_gb, flavor, previous } of held) {
      const before = previous === null ? undefined : (JSON.parse(previous) as { flavor?: object }).flavor;
      const size = (purpose === 'previous' && before) || JSON.parse(flavor);
      const swapGb = Math.ceil(((size as { swapMb?: number }).swapMb ?? 0) / 1024);
      if (swapGb === 0) continue;
      await tables
        .updateTable('allocations')
        .set({ disk_gb: Number(disk_gb) + swapGb })
        .where('server_id', '=', server_id)
        .where('purpose', '=', purpose)
        .execute();
    }
  },
};
