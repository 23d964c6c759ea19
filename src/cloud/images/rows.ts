import type { Database, PreparedQuery, Tx } from '../../database/database.ts';
import { oneOf } from '../../database/expressions.ts';
import type { ImageMembersTable, ImageReplicasTable, ImagesTable, ImageTagsTable } from '../../database/schema.ts';
import { type Image, type ImageReplica, imageFromRow, type ReplicaRow, replicaFromRow } from './model.ts';

type Ids = { ids: readonly string[] };

/** The statements on images, their tags and their copies. */
export class ImageRows {
  readonly #byId: PreparedQuery<{ id: string }, ImagesTable>;
  readonly #byIdForUpdate: PreparedQuery<{ id: string }, ImagesTable>;
  readonly #tags: PreparedQuery<Ids, ImageTagsTable>;
  readonly #replicas: PreparedQuery<Ids, ReplicaRow>;
  readonly #member: PreparedQuery<{ id: string; project: string }, ImageMembersTable>;

  constructor(db: Database) {
    this.#byId = db.prepare<{ id: string }, ImagesTable>((q, { id }) =>
      q.selectFrom('images').selectAll().where('id', '=', id),
    );
    this.#byIdForUpdate = db.prepare<{ id: string }, ImagesTable>((q, { id }) =>
      q.selectFrom('images').selectAll().where('id', '=', id).forUpdate(),
    );
    this.#tags = db.prepare<Ids, ImageTagsTable>((q, { ids }) =>
      q
        .selectFrom('image_tags')
        .selectAll()
        .where((eb) => oneOf(db, eb.ref('image_id'), ids))
        .orderBy('tag'),
    );
    this.#replicas = db.prepare<Ids, ReplicaRow>((q, { ids }) =>
      q
        .selectFrom('image_replicas')
        .innerJoin('image_stores', 'image_stores.id', 'image_replicas.store_id')
        .selectAll('image_replicas')
        .select(['image_stores.name as store_name', 'image_stores.url as store_url'])
        .select(['image_stores.kind as store_kind', 'image_stores.address as store_address'])
        .where((eb) => oneOf(db, eb.ref('image_replicas.image_id'), ids))
        .orderBy('image_replicas.created_at')
        .orderBy('image_replicas.store_id'),
    );
    this.#member = db.prepare<{ id: string; project: string }, ImageMembersTable>((q, { id, project }) =>
      q.selectFrom('image_members').selectAll().where('image_id', '=', id).where('project_id', '=', project),
    );
  }

  async row(id: string, tx?: Tx): Promise<ImagesTable | undefined> {
    return await this.#byId.first({ id }, tx);
  }

  async image(id: string, tx?: Tx): Promise<Image | undefined> {
    const row = await this.#byId.first({ id }, tx);
    return row && (await this.withTags([row], tx))[0];
  }

  /** The image as it stays until the end of the transaction, which is about to change it. */
  async imageForUpdate(id: string, tx: Tx): Promise<Image | undefined> {
    const row = await this.#byIdForUpdate.first({ id }, tx);
    return row && (await this.withTags([row], tx))[0];
  }

  /** Whether the image is shared with the project, whatever its answer is. */
  async isMember(id: string, project: string | undefined, tx?: Tx): Promise<boolean> {
    return project !== undefined && (await this.#member.first({ id, project }, tx)) !== undefined;
  }

  /** One statement for the tags of all. */
  async withTags(rows: readonly ImagesTable[], tx?: Tx): Promise<Image[]> {
    if (rows.length === 0) return [];
    const tags = new Map<string, string[]>(rows.map(({ id }) => [id, []]));
    for (const row of await this.#tags.all({ ids: [...tags.keys()] }, tx)) tags.get(row.image_id)?.push(row.tag);
    return rows.map((row) => imageFromRow(row, tags.get(row.id)!));
  }

  /** All copies of the images, oldest first. */
  async replicas(ids: readonly string[], tx?: Tx): Promise<ImageReplica[]> {
    if (ids.length === 0) return [];
    return (await this.#replicas.all({ ids }, tx)).map(replicaFromRow);
  }
}

/** Makes the image's tags these. */
export async function setTags(tx: Tx, imageId: string, tags: readonly string[]): Promise<void> {
  await tx.deleteFrom('image_tags').where('image_id', '=', imageId).execute();
  const rows = [...new Set(tags)].map((tag) => ({ image_id: imageId, tag }));
  if (rows.length > 0) await tx.insertInto('image_tags').values(rows).execute();
}

/** Makes a copy's row exist in the given state, whatever there was of it before. */
export async function putReplica(
  tx: Tx,
  at: { imageId: string; storeId: string; now: number },
  state: 'pending' | 'copying',
): Promise<void> {
  const row: ImageReplicasTable = {
    image_id: at.imageId,
    store_id: at.storeId,
    state,
    install_path: null,
    size: null,
    export_url: null,
    export_checksum: null,
    progress: 0,
    attempts: 1,
    last_error: null,
    created_at: at.now,
    updated_at: at.now,
  };
  await tx
    .insertInto('image_replicas')
    .values(row)
    .onConflict((conflict) =>
      conflict.columns(['image_id', 'store_id']).doUpdateSet((eb) => ({
        state,
        progress: 0,
        // Why the last try failed is told until one succeeds.
        attempts: eb('image_replicas.attempts', '+', 1),
        updated_at: at.now,
      })),
    )
    .execute();
}

/** The copy has all its bytes. */
export async function finishReplica(
  tx: Tx,
  at: { imageId: string; storeId: string; now: number },
  stored: { size: number; installPath: string },
): Promise<void> {
  await tx
    .updateTable('image_replicas')
    .set({
      state: 'active',
      install_path: stored.installPath,
      size: stored.size,
      progress: 100,
      last_error: null,
      updated_at: at.now,
    })
    .where('image_id', '=', at.imageId)
    .where('store_id', '=', at.storeId)
    .execute();
}

/** Forgets copies of which there are no bytes, or no longer any that matter. */
export async function dropReplicas(tx: Tx, imageId: string, storeIds?: readonly string[]): Promise<void> {
  if (storeIds?.length === 0) return;
  let query = tx.deleteFrom('image_replicas').where('image_id', '=', imageId);
  if (storeIds) query = query.where('store_id', 'in', [...storeIds]);
  await query.execute();
}
