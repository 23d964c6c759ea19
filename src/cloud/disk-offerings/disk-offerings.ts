import type { DiskOfferingsTable } from '../../database/schema.ts';
import { newId } from '../../env/env.ts';
import type { CloudCore } from '../core.ts';
import { CloudError, notFound } from '../errors.ts';

/** A size of data volume. ZStack's users choose by it; OpenStack's volumes say their size themselves. */
export interface DiskOffering {
  id: string;
  name: string;
  description: string | null;
  /** Bytes. */
  diskSize: number;
  sortKey: number;
  enabled: boolean;
}

export interface NewDiskOffering {
  id?: string;
  name: string;
  description?: string | null;
  diskSize: number;
  sortKey?: number;
}

export type DiskOfferingChanges = Partial<Pick<DiskOffering, 'name' | 'description' | 'enabled'>>;

export class DiskOfferings {
  readonly #core: Pick<CloudCore, 'db' | 'env'>;

  constructor(core: Pick<CloudCore, 'db' | 'env'>) {
    this.#core = core;
  }

  /** Throws `not_found`. */
  async get(id: string): Promise<DiskOffering> {
    const query = this.#core.db.read.selectFrom('disk_offerings').selectAll().where('id', '=', id);
    const row = await query.executeTakeFirst();
    if (!row) throw notFound('disk_offering', id);
    return offeringOf(row);
  }

  /** One that may be used now: throws `conflict` (`disabled`) for one that is disabled. */
  async usable(id: string): Promise<DiskOffering> {
    const offering = await this.get(id);
    if (offering.enabled) return offering;
    const words = `disk offering[uuid:${id}] is Disabled, can't create volume from it`;
    throw new CloudError('conflict', words, { resource: 'disk_offering', id, reason: 'disabled' });
  }

  async create(offering: NewDiskOffering): Promise<DiskOffering> {
    const now = this.#core.env.now();
    const row: DiskOfferingsTable = {
      id: offering.id ?? newId(this.#core.env),
      name: offering.name,
      description: offering.description ?? null,
      disk_size: offering.diskSize,
      sort_key: offering.sortKey ?? 0,
      enabled: 1,
      created_at: now,
      updated_at: now,
    };
    await this.#core.db.write((tx) => tx.insertInto('disk_offerings').values(row).execute());
    return offeringOf(row);
  }

  async update(id: string, { name, description, enabled }: DiskOfferingChanges): Promise<DiskOffering> {
    const row = await this.#core.db.write((tx) =>
      tx
        .updateTable('disk_offerings')
        .set({
          name,
          description,
          enabled: enabled === undefined ? undefined : enabled ? 1 : 0,
          updated_at: this.#core.env.now(),
        })
        .where('id', '=', id)
        .returningAll()
        .executeTakeFirst(),
    );
    if (!row) throw notFound('disk_offering', id);
    return offeringOf(row);
  }

  /** Volumes keep their size. One that is not there is deleted already. */
  async delete(id: string): Promise<void> {
    await this.#core.db.write((tx) => tx.deleteFrom('disk_offerings').where('id', '=', id).execute());
  }
}

function offeringOf(row: DiskOfferingsTable): DiskOffering {
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    diskSize: row.disk_size,
    sortKey: row.sort_key,
    enabled: row.enabled === 1,
  };
}
