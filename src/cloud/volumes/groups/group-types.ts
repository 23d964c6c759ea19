import type { Tx } from '../../../database/database.ts';
import type { VolumeGroupTypesTable } from '../../../database/schema.ts';
import { newId, parseId } from '../../../env/env.ts';
import type { Cloud } from '../../cloud.ts';
import { CloudError } from '../../errors.ts';
import { requireAdmin, type Subject } from '../../identity/subject.ts';
import { type GroupType, groupTypeFromRow, groupTypeNotFound } from './model.ts';

type Words = Record<string, string>;

/** The kinds of volume groups that administrators offer. */
export class GroupTypes {
  readonly #cloud: Cloud;

  constructor(cloud: Cloud) {
    this.#cloud = cloud;
  }

  /** The newest first. Types that are not public are seen by administrators. */
  async list(subject: Subject, filter: { isPublic?: boolean } = {}): Promise<GroupType[]> {
    const isPublic = subject.isAdmin ? filter.isPublic : true;
    let query = this.#cloud.db.read.selectFrom('volume_group_types').selectAll().where('deleted_at', 'is', null);
    if (isPublic !== undefined) query = query.where('is_public', '=', isPublic ? 1 : 0);
    return (await query.orderBy('created_at', 'desc').orderBy('id').execute()).map(groupTypeFromRow);
  }

  async get(subject: Subject, id: string): Promise<GroupType> {
    const row = await this.#cloud.db.read
      .selectFrom('volume_group_types')
      .selectAll()
      .where('id', '=', id)
      .where('deleted_at', 'is', null)
      .executeTakeFirst();
    if (!row || (row.is_public === 0 && !subject.isAdmin)) throw groupTypeNotFound(id);
    return groupTypeFromRow(row);
  }

  /** By its id or name. */
  async find(subject: Subject, nameOrId: string): Promise<GroupType> {
    const named = (await this.list(subject)).find(({ name }) => name === nameOrId);
    const id = named?.id ?? parseId(nameOrId);
    if (!id) throw groupTypeNotFound(nameOrId);
    return await this.get(subject, id);
  }

  async create(
    subject: Subject,
    wanted: { name: string; description?: string | null; isPublic?: boolean; specs?: Words },
  ): Promise<GroupType> {
    requireAdmin(subject, 'group:group_types:create');
    const { env, db } = this.#cloud;
    const now = env.now();
    const row: VolumeGroupTypesTable = {
      id: newId(env),
      name: nameOf(wanted.name),
      description: wanted.description ?? null,
      is_public: wanted.isPublic === false ? 0 : 1,
      group_specs: JSON.stringify(wanted.specs ?? {}),
      created_at: now,
      updated_at: now,
      deleted_at: null,
    };
    await db.write(async (tx) => {
      await refuseTakenName(tx, row.name);
      await tx.insertInto('volume_group_types').values(row).execute();
    });
    return groupTypeFromRow(row);
  }

  async update(
    subject: Subject,
    id: string,
    changes: { name?: string; description?: string | null; isPublic?: boolean },
  ): Promise<GroupType> {
    return await this.#change(subject, id, async (tx) => {
      if (changes.name !== undefined) await refuseTakenName(tx, nameOf(changes.name), id);
      return {
        ...(changes.name === undefined ? {} : { name: nameOf(changes.name) }),
        ...(changes.description === undefined ? {} : { description: changes.description }),
        ...(changes.isPublic === undefined ? {} : { is_public: changes.isPublic ? 1 : 0 }),
      };
    });
  }

  /** `change` gets a copy of the specs and returns what they shall be. */
  setSpecs(subject: Subject, id: string, change: (specs: Words) => Words): Promise<GroupType> {
    return this.#change(subject, id, async (_tx, type) => ({
      group_specs: JSON.stringify(change({ ...type.specs })),
    }));
  }

  /** Refused while there are groups of the type. */
  async delete(subject: Subject, id: string): Promise<void> {
    await this.#change(subject, id, async (tx) => {
      const used = await tx
        .selectFrom('volume_groups')
        .select('id')
        .where('group_type_id', '=', id)
        .where('deleted_at', 'is', null)
        .executeTakeFirst();
      if (used) throw new CloudError('invalid', 'Target group type is still in use.', { reason: 'in_use' });
      return { deleted_at: this.#cloud.env.now() };
    });
  }

  async #change(
    subject: Subject,
    id: string,
    change: (tx: Tx, type: GroupType) => Promise<Partial<VolumeGroupTypesTable>>,
  ): Promise<GroupType> {
    requireAdmin(subject, 'group:group_types:update');
    const { db, env } = this.#cloud;
    return await db.write(async (tx) => {
      const found = tx
        .selectFrom('volume_group_types')
        .selectAll()
        .where('id', '=', id)
        .where('deleted_at', 'is', null);
      const row = await found.forUpdate().executeTakeFirst();
      if (!row) throw groupTypeNotFound(id);
      const changes = { ...(await change(tx, groupTypeFromRow(row))), updated_at: env.now() };
      await tx.updateTable('volume_group_types').set(changes).where('id', '=', id).execute();
      return groupTypeFromRow({ ...row, ...changes });
    });
  }
}

function nameOf(name: string): string {
  const trimmed = name.trim();
  if (trimmed !== '' && trimmed.length <= 255) return trimmed;
  throw new CloudError('invalid', 'Group type name can not be empty.', { field: 'name' });
}

async function refuseTakenName(tx: Tx, name: string, ownId?: string): Promise<void> {
  const rows = await tx
    .selectFrom('volume_group_types')
    .select('id')
    .where('name', '=', name)
    .where('deleted_at', 'is', null)
    .execute();
  if (rows.some(({ id }) => id !== ownId)) throw new CloudError('duplicate', `Group Type ${name} already exists.`);
}
