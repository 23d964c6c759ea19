import { sql } from 'kysely';
import type { Tx } from '../../database/database.ts';
import type { VolumeTypesTable } from '../../database/schema.ts';
import { newId, parseId, withDashes } from '../../env/env.ts';
import type { Cloud } from '../cloud.ts';
import { CloudError, notFound } from '../errors.ts';
import { requireAdmin, type Subject } from '../identity/subject.ts';
import { type Encryption, localVolumeType, type VolumeType, volumeTypeFromRow } from './type-model.ts';

export interface NewVolumeType {
  name: string;
  description?: string | null;
  isPublic?: boolean;
  extraSpecs?: Record<string, string>;
}

type Words = Record<string, string>;

/** The kinds of storage that volumes can be on, and who may use which. */
export class VolumeTypes {
  readonly #cloud: Cloud;
  readonly #byId;

  constructor(cloud: Cloud) {
    this.#cloud = cloud;
    this.#byId = cloud.db.prepare<{ id: string }, VolumeTypesTable>((q, p) =>
      q.selectFrom('volume_types').selectAll().where('id', '=', p.id),
    );
  }

  /** The types that the subject may use, the newest first. */
  async list(subject: Subject, filter: { isPublic?: boolean } = {}): Promise<VolumeType[]> {
    let query = this.#cloud.db.read.selectFrom('volume_types').selectAll().where('deleted_at', 'is', null);
    if (!subject.isAdmin) {
      query = query.where((e) =>
        e.or([
          e('is_public', '=', 1),
          e(
            'id',
            'in',
            e
              .selectFrom('volume_type_projects')
              .select('type_id')
              .where('project_id', '=', subject.projectId ?? ''),
          ),
        ]),
      );
    }
    if (filter.isPublic !== undefined) query = query.where('is_public', '=', filter.isPublic ? 1 : 0);
    const rows = await query.orderBy('created_at', 'desc').orderBy('id').execute();
    return rows.map(volumeTypeFromRow);
  }

  /** The names of all types that there are or were. */
  async names(): Promise<Map<string, string>> {
    const rows = await this.#cloud.db.read.selectFrom('volume_types').select(['id', 'name']).execute();
    return new Map(rows.map(({ id, name }) => [id, name]));
  }

  /** Throws `not_found`, also for a type that the subject may not use. */
  async get(subject: Subject, id: string): Promise<VolumeType> {
    const row = await this.#byId.first({ id });
    if (!row || row.deleted_at !== null) throw typeNotFound(id);
    const type = volumeTypeFromRow(row);
    if (type.isPublic || subject.isAdmin) return type;
    const access = await this.#cloud.db.read
      .selectFrom('volume_type_projects')
      .select('type_id')
      .where('type_id', '=', id)
      .where('project_id', '=', subject.projectId ?? '')
      .executeTakeFirst();
    if (!access) throw typeNotFound(id);
    return type;
  }

  /** The type by its id or name. */
  async find(subject: Subject, nameOrId: string): Promise<VolumeType> {
    if (nameOrId === '__DEFAULT__') return this.default(subject);
    const id = parseId(nameOrId);
    const byId = id && (await this.#byId.first({ id }));
    if (byId && byId.deleted_at === null) return this.get(subject, id);
    const row = await this.#cloud.db.read
      .selectFrom('volume_types')
      .select('id')
      .where('name', '=', nameOrId)
      .where('deleted_at', 'is', null)
      .executeTakeFirst();
    if (!row) throw typeNotFound(nameOrId);
    return this.get(subject, row.id);
  }

  /** The type of the subject's volumes for which none is asked. */
  async default(subject: Subject): Promise<VolumeType> {
    const own = await this.defaultOf(subject.projectId ?? '');
    return this.get({ ...subject, isAdmin: true }, own ?? localVolumeType.id);
  }

  /** A project's own default type, if it has one. */
  async defaultOf(projectId: string): Promise<string | undefined> {
    const row = await this.#cloud.db.read
      .selectFrom('default_volume_types')
      .select('type_id')
      .where('project_id', '=', projectId)
      .executeTakeFirst();
    return row?.type_id;
  }

  async defaults(): Promise<Array<{ projectId: string; typeId: string }>> {
    const rows = await this.#cloud.db.read.selectFrom('default_volume_types').selectAll().execute();
    return rows.map(({ project_id, type_id }) => ({ projectId: project_id, typeId: type_id }));
  }

  /** Sets a project's own default type; none takes it away. */
  async setDefault(subject: Subject, projectId: string, typeId: string | null): Promise<void> {
    requireAdmin(subject, 'volume_extension:default_set_or_update');
    await this.#cloud.db.write(async (tx) => {
      if (typeId === null) {
        await tx.deleteFrom('default_volume_types').where('project_id', '=', projectId).execute();
        return;
      }
      // The type stays until the transaction ends, or is gone.
      const type = tx.selectFrom('volume_types').select('id').where('id', '=', typeId).where('deleted_at', 'is', null);
      if (!(await type.forShare().executeTakeFirst())) throw typeNotFound(typeId);
      await tx
        .insertInto('default_volume_types')
        .values({ project_id: projectId, type_id: typeId })
        .onConflict((conflict) => conflict.column('project_id').doUpdateSet({ type_id: typeId }))
        .execute();
    });
  }

  async create(subject: Subject, wanted: NewVolumeType): Promise<VolumeType> {
    requireAdmin(subject, 'volume_extension:type_create');
    const { env, db } = this.#cloud;
    const now = env.now();
    const row: VolumeTypesTable = {
      id: newId(env),
      name: nameOf(wanted.name),
      description: wanted.description ?? null,
      is_public: wanted.isPublic === false ? 0 : 1,
      extra_specs: JSON.stringify(wanted.extraSpecs ?? {}),
      qos_specs_id: null,
      encryption: null,
      created_at: now,
      updated_at: now,
      deleted_at: null,
    };
    await db.write(async (tx) => {
      await refuseTakenName(tx, row.name);
      await tx.insertInto('volume_types').values(row).execute();
    });
    return volumeTypeFromRow(row);
  }

  update(subject: Subject, id: string, changes: { name?: string; description?: string | null; isPublic?: boolean }) {
    return this.#change(subject, id, async (tx) => {
      if (changes.name !== undefined) await refuseTakenName(tx, nameOf(changes.name), id);
      const isPublic =
        changes.isPublic === undefined ? {} : { is_public: changes.isPublic ? (1 as const) : (0 as const) };
      const { name, description } = changes;
      return {
        ...(name === undefined ? {} : { name }),
        ...(description === undefined ? {} : { description }),
        ...isPublic,
      };
    });
  }

  /** `change` gets a copy of the extra specs and returns what they shall be. */
  setExtraSpecs(subject: Subject, id: string, change: (specs: Words) => Words): Promise<VolumeType> {
    return this.#change(subject, id, async (tx, type) => {
      await refuseInUse(tx, id, 'extra specs can not be changed while volumes use the type');
      return { extra_specs: JSON.stringify(change({ ...type.extraSpecs })) };
    });
  }

  /** Says how volumes of the type would be encrypted; none takes it away. There must be no volume of the type. */
  setEncryption(
    subject: Subject,
    id: string,
    change: (current: Encryption | undefined) => Encryption | undefined,
  ): Promise<VolumeType> {
    return this.#change(subject, id, async (tx, type) => {
      await refuseInUse(tx, id, 'encryption can not be changed while volumes use the type');
      const encryption = change(type.encryption);
      return { encryption: encryption ? JSON.stringify(encryption) : null };
    });
  }

  async delete(subject: Subject, id: string): Promise<void> {
    if (id === localVolumeType.id) {
      throw new CloudError('invalid', 'The default volume type can not be deleted.', { reason: 'default_type' });
    }
    await this.#change(subject, id, async (tx) => {
      await refuseInUse(tx, id, 'volumes use it');
      await tx.deleteFrom('volume_type_projects').where('type_id', '=', id).execute();
      await tx.deleteFrom('default_volume_types').where('type_id', '=', id).execute();
      return { deleted_at: this.#cloud.env.now(), qos_specs_id: null };
    });
  }

  /** The projects that may use a type that is not public. Throws `not_found` for one that is. */
  async access(subject: Subject, id: string): Promise<string[]> {
    requireAdmin(subject, 'volume_extension:volume_type_access:get_all_for_type');
    if ((await this.get(subject, id)).isPublic) {
      throw notFound('volume_type', id, 'Access list not available for public volume types.');
    }
    const rows = await this.#cloud.db.read
      .selectFrom('volume_type_projects')
      .select('project_id')
      .where('type_id', '=', id)
      .execute();
    return rows.map(({ project_id }) => project_id);
  }

  async addAccess(subject: Subject, id: string, projectId: string): Promise<void> {
    await this.#change(subject, id, async (tx, type) => {
      if (type.isPublic)
        throw new CloudError('conflict', 'Type access modification is not applicable to public volume type.');
      const has = await accessOf(tx, id, projectId);
      if (has)
        throw new CloudError(
          'duplicate',
          `Volume type access for ${withDashes(id)} / ${projectId} combination already exists.`,
        );
      await tx.insertInto('volume_type_projects').values({ type_id: id, project_id: projectId }).execute();
      return {};
    });
  }

  async removeAccess(subject: Subject, id: string, projectId: string): Promise<void> {
    await this.#change(subject, id, async (tx, type) => {
      if (type.isPublic)
        throw new CloudError('conflict', 'Type access modification is not applicable to public volume type.');
      if (!(await accessOf(tx, id, projectId))) {
        const words = `Volume type access not found for ${withDashes(id)} / ${projectId} combination.`;
        throw notFound('volume_type_access', projectId, words);
      }
      await tx
        .deleteFrom('volume_type_projects')
        .where('type_id', '=', id)
        .where('project_id', '=', projectId)
        .execute();
      return {};
    });
  }

  /** Says which QoS specs are meant for the type's volumes. */
  setQos(subject: Subject, id: string, qosSpecsId: string | null): Promise<VolumeType> {
    return this.#change(subject, id, async (_tx, type) => {
      if (qosSpecsId !== null && type.qosSpecsId !== null && type.qosSpecsId !== qosSpecsId) {
        const words = `Type ${withDashes(id)} is already associated with another qos specs: ${withDashes(type.qosSpecsId)}.`;
        throw new CloudError('invalid', words, { reason: 'invalid_volume_type' });
      }
      return { qos_specs_id: qosSpecsId };
    });
  }

  async #change(
    subject: Subject,
    id: string,
    change: (tx: Tx, type: VolumeType) => Promise<Partial<VolumeTypesTable>>,
  ): Promise<VolumeType> {
    requireAdmin(subject, 'volume_extension:type_update');
    return await this.#cloud.db.write(async (tx) => {
      const found = tx.selectFrom('volume_types').selectAll().where('id', '=', id).where('deleted_at', 'is', null);
      const row = await found.forUpdate().executeTakeFirst();
      if (!row) throw typeNotFound(id);
      const changes = { ...(await change(tx, volumeTypeFromRow(row))), updated_at: this.#cloud.env.now() };
      await tx.updateTable('volume_types').set(changes).where('id', '=', id).execute();
      return volumeTypeFromRow({ ...row, ...changes });
    });
  }
}

function accessOf(tx: Tx, typeId: string, projectId: string) {
  const rows = tx.selectFrom('volume_type_projects').select('type_id').where('type_id', '=', typeId);
  return rows.where('project_id', '=', projectId).executeTakeFirst();
}

function nameOf(name: string): string {
  const trimmed = name.trim();
  if (trimmed !== '' && trimmed.length <= 255) return trimmed;
  throw new CloudError('invalid', 'Volume type name can not be empty.', { field: 'name' });
}

async function refuseTakenName(tx: Tx, name: string, ownId?: string): Promise<void> {
  const rows = await tx
    .selectFrom('volume_types')
    .select('id')
    .where('name', '=', name)
    .where('deleted_at', 'is', null)
    .execute();
  if (rows.some(({ id }) => id !== ownId)) throw new CloudError('duplicate', `Volume Type ${name} already exists.`);
}

async function refuseInUse(tx: Tx, typeId: string, why: string): Promise<void> {
  const { count } = await tx
    .selectFrom('volumes')
    .select(sql<number>`count(*)`.as('count'))
    .where('volume_type', '=', typeId)
    .where('deleted_at', 'is', null)
    .executeTakeFirstOrThrow();
  if (Number(count) > 0)
    throw new CloudError('invalid', `Target volume type is still in use: ${why}.`, { reason: 'in_use' });
}

function typeNotFound(nameOrId: string): CloudError {
  return notFound('volume_type', nameOrId, `Volume type ${withDashes(nameOrId)} could not be found.`);
}
