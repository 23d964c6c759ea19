import { sql } from 'kysely';
import { ConstraintViolation, type Queryable, type Tx } from '../../database/database.ts';
import type { ResourceTagsTable } from '../../database/schema.ts';
import { newId } from '../../env/env.ts';
import type { CloudCore } from '../core.ts';
import { CloudError, notFound } from '../errors.ts';
import { ownsOrAdmin, type Subject } from '../identity/subject.ts';
import { type NewTag, type Tag, type TagPlace, tagFromRow, taggableTypes } from './model.ts';
import { refuseLong } from './tag-length.ts';
import { TagPatterns } from './tag-patterns.ts';
import { isMine, maxTagsPerResource, ownerOf, stillThere } from './tagged-resources.ts';

/** Tags on resources of any type. A project's tags are its own, whoever owns the resource. */
export class Tags {
  readonly patterns: TagPatterns;
  readonly #core: Pick<CloudCore, 'db' | 'env'>;

  constructor(core: Pick<CloudCore, 'db' | 'env'>) {
    this.#core = core;
    this.patterns = new TagPatterns(core);
  }

  /**
   * Puts a tag on a resource. Throws `not_found` for a resource that the subject may not know of, `duplicate` where it
   * has the tag, `conflict` where it has too many, `invalid` for a text that is too long.
   */
  async create(subject: Subject, tag: NewTag): Promise<Tag> {
    const [made] = await this.createAll(subject, [tag]);
    return made!;
  }

  /** As `create`, within the caller's transaction. */
  async createIn(tx: Tx, subject: Subject, tag: NewTag): Promise<Tag> {
    await this.#requireResource(tx, subject, tag);
    const { count } = await tx
      .selectFrom('resource_tags')
      .select((eb) => eb.fn.countAll<number>().as('count'))
      .where('resource_id', '=', tag.resourceId)
      .executeTakeFirstOrThrow();
    if (count >= maxTagsPerResource) {
      throw new CloudError('conflict', `A resource can have ${maxTagsPerResource} tags at most.`, {
        reason: 'too_many',
      });
    }
    return await this.#insert(tx, subject.projectId ?? '', tag);
  }

  /** As `create`, all of them or none. */
  async createAll(subject: Subject, tags: readonly NewTag[]): Promise<Tag[]> {
    return await this.#core.db
      .write(async (tx) => {
        const made: Tag[] = [];
        for (const tag of tags) made.push(await this.createIn(tx, subject, tag));
        return made;
      })
      .catch(duplicate({ tag: tags.map(({ tag }) => tag).join(', '), resourceId: tags[0]?.resourceId }));
  }

  /** Gives a resource all of these tags; those that it has already stay as they are. */
  async addAll(subject: Subject, tags: readonly NewTag[]): Promise<void> {
    if (tags.length === 0) return;
    await this.#core.db.write((tx) => this.#insertMissing(tx, subject.projectId ?? '', tags));
  }

  /**
   * Takes those tags off a resource that fit, inherent ones too, and puts these in their place, for the cloud's own
   * notes; those among them that it has stay as they are.
   */
  async renew(subject: Subject, on: TagPlace, fits: (tag: string) => boolean, tags: readonly string[]): Promise<void> {
    await this.#core.db.write((tx) => this.renewIn(tx, subject.projectId ?? '', on, fits, tags));
  }

  /** As `renew`, within the caller's transaction. */
  async renewIn(
    tx: Tx,
    projectId: string,
    on: TagPlace,
    fits: (tag: string) => boolean,
    tags: readonly string[],
  ): Promise<void> {
    const { kind, resourceId, isInherent = false } = on;
    const before = await tx
      .selectFrom('resource_tags')
      .select(['id', 'tag', 'inherent'])
      .where('resource_id', '=', resourceId)
      .where('kind', '=', kind)
      .execute();
    const stays = before.filter(({ tag, inherent }) => tags.includes(tag) && (inherent === 1) === isInherent);
    const gone = before.filter((one) => !stays.includes(one) && (fits(one.tag) || tags.includes(one.tag)));
    const ids = gone.map(({ id }) => id);
    if (ids.length > 0) await tx.deleteFrom('resource_tags').where('id', 'in', ids).execute();
    await this.#insertMissing(
      tx,
      projectId,
      tags.map((tag) => ({ ...on, tag })),
    );
  }

  async get(subject: Subject, id: string): Promise<Tag> {
    return tagFromRow(await this.#own(this.#core.db.read, subject, id));
  }

  /** The tags of one kind on a resource, oldest first. */
  async of(resourceId: string, kind: Tag['kind']): Promise<Tag[]> {
    return (await this.ofEach([resourceId], kind)).get(resourceId) ?? [];
  }

  /** As `of`, for many resources at once; those without tags are left out. */
  async ofEach(resourceIds: readonly string[], kind: Tag['kind']): Promise<Map<string, Tag[]>> {
    const tags = new Map<string, Tag[]>();
    if (resourceIds.length === 0) return tags;
    const rows = await this.#core.db.read
      .selectFrom('resource_tags')
      .selectAll()
      .where('resource_id', 'in', resourceIds)
      .where('kind', '=', kind)
      .orderBy('created_at')
      .orderBy('id')
      .execute();
    for (const tag of rows.map(tagFromRow)) {
      const known = tags.get(tag.resourceId);
      if (known) known.push(tag);
      else tags.set(tag.resourceId, [tag]);
    }
    return tags;
  }

  /** Changes the text of a tag. Throws `forbidden` for inherent ones, `duplicate`, and `invalid` for a text that is too long. */
  async update(subject: Subject, id: string, text: string): Promise<Tag> {
    refuseLong(text);
    const now = this.#core.env.now();
    return await this.#core.db
      .write(async (tx) => {
        const row = await this.#own(tx, subject, id);
        refuseInherent(row);
        const changed = { tag: text, updated_at: now };
        await tx.updateTable('resource_tags').set(changed).where('id', '=', id).execute();
        return tagFromRow({ ...row, ...changed });
      })
      .catch(duplicate({ tag: text }));
  }

  /** Takes a tag away. Throws `forbidden` for inherent ones. */
  async delete(subject: Subject, id: string): Promise<void> {
    await this.#core.db.write(async (tx) => {
      refuseInherent(await this.#own(tx, subject, id));
      await tx.deleteFrom('resource_tags').where('id', '=', id).execute();
    });
  }

  /** Takes all tags off a resource that goes away. */
  async deleteAllOf(tx: Tx, resourceId: string): Promise<void> {
    await tx.deleteFrom('resource_tags').where('resource_id', '=', resourceId).execute();
  }

  /** Takes tags off resources that are gone. Returns how many it were. */
  async sweep(): Promise<number> {
    const result = await this.#core.db.write((tx) => {
      const goneTypes = Object.entries(taggableTypes).map(
        ([type, { table }]) =>
          sql`(resource_type = ${type} and not exists (select 1 from ${sql.table(table)} as r
            where r.id = resource_id ${stillThere(type)}))`,
      );
      return sql`delete from resource_tags where ${sql.join(goneTypes, sql` or `)}`.execute(tx);
    });
    return Number(result.numAffectedRows ?? 0n);
  }

  async #insert(tx: Tx, projectId: string, tag: NewTag): Promise<Tag> {
    const row = this.#rowOf(projectId, tag);
    await tx.insertInto('resource_tags').values(row).execute();
    return tagFromRow(row);
  }

  /** Also where others insert the same at the same moment. */
  async #insertMissing(tx: Tx, projectId: string, tags: readonly NewTag[]): Promise<void> {
    if (tags.length === 0) return;
    await tx
      .insertInto('resource_tags')
      .values(tags.map((tag) => this.#rowOf(projectId, tag)))
      .onConflict((conflict) => conflict.columns(['resource_id', 'kind', 'tag']).doNothing())
      .execute();
  }

  #rowOf(projectId: string, tag: NewTag): ResourceTagsTable {
    refuseLong(tag.tag);
    const now = this.#core.env.now();
    return {
      id: tag.id ?? newId(this.#core.env),
      kind: tag.kind,
      resource_type: tag.resourceType,
      resource_id: tag.resourceId,
      project_id: projectId,
      tag: tag.tag,
      inherent: tag.isInherent ? 1 : 0,
      created_at: now,
      updated_at: now,
      pattern_id: null,
    };
  }

  async #requireResource(db: Queryable, subject: Subject, { resourceType, resourceId }: NewTag): Promise<void> {
    const kind = taggableTypes[resourceType];
    const { rows } = await sql<{
      owner: string | null;
    }>`select ${ownerOf(kind)} as owner from ${sql.table(kind.table)} as r
      where r.id = ${resourceId} ${stillThere(resourceType)}`.execute(db);
    const found = rows[0];
    if (!found || !isMine(subject, found.owner)) throw notFound(resourceType, resourceId);
  }

  async #own(db: Queryable, subject: Subject, id: string): Promise<ResourceTagsTable> {
    const row = await db.selectFrom('resource_tags').selectAll().where('id', '=', id).executeTakeFirst();
    if (!row || !ownsOrAdmin(subject, row.project_id)) throw notFound('tag', id);
    return row;
  }
}

function refuseInherent(row: ResourceTagsTable): void {
  if (row.inherent === 1) {
    throw new CloudError('forbidden', `The tag ${row.tag} is inherent to its resource.`, { reason: 'inherent' });
  }
}

function duplicate(tag: { tag: string; resourceId?: string }) {
  return (error: unknown): never => {
    if (!(error instanceof ConstraintViolation)) throw error;
    throw new CloudError('duplicate', `The resource has the tag ${tag.tag} already.`, {
      resource: 'tag',
      id: tag.resourceId,
      reason: 'duplicate_tag',
      cause: error,
    });
  };
}
