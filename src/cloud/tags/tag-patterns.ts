import type { Queryable, Tx } from '../../database/database.ts';
import type { ResourceTagsTable, TagPatternsTable } from '../../database/schema.ts';
import { newId } from '../../env/env.ts';
import type { CloudCore } from '../core.ts';
import { CloudError, isTaken, notFound } from '../errors.ts';
import { ownsOrAdmin, projectOf, type Subject } from '../identity/subject.ts';
import { refuseLong } from './tag-length.ts';
import { maxTagsPerResource, typesOf } from './tagged-resources.ts';

export interface NewTagPattern {
  id?: string;
  name: string;
  /** The text of its tags; where it is `withToken`, as `performance::{level}`. */
  value: string;
  description?: string;
  color?: string;
  type?: TagPatternsTable['type'];
}

/** Tags that are defined once, with a colour, and worn by many resources. */
export class TagPatterns {
  readonly #core: Pick<CloudCore, 'db' | 'env'>;

  constructor(core: Pick<CloudCore, 'db' | 'env'>) {
    this.#core = core;
  }

  /** Throws `invalid` for a pattern with tokens that names none. */
  async create(subject: Subject, { id, name, value, description, color, type = 'simple' }: NewTagPattern) {
    if (type === 'withToken' && tokensIn(value).length === 0) {
      throw new CloudError('invalid', `value[${value}] of a tag withToken must have tokens, as name::{key}`);
    }
    const now = this.#core.env.now();
    const row: TagPatternsTable = {
      id: id ?? newId(this.#core.env),
      project_id: projectOf(subject),
      name,
      value,
      description: description ?? null,
      color: color ?? null,
      type,
      created_at: now,
      updated_at: now,
    };
    await this.#core.db.write((tx) => tx.insertInto('tag_patterns').values(row).execute());
    return { id: row.id };
  }

  /**
   * Tags that were made of it stay as they are. Throws `not_found`, and `invalid` where the text of a simple one, or the
   * name or the number of tokens of another, would change.
   */
  async update(
    subject: Subject,
    id: string,
    changes: Partial<Pick<NewTagPattern, 'name' | 'value' | 'description' | 'color'>>,
  ) {
    const now = this.#core.env.now();
    await this.#core.db.write(async (tx) => {
      const pattern = await claim(tx, subject, id);
      if (changes.value !== undefined && !mayBecome(pattern, changes.value)) {
        throw new CloudError(
          'invalid',
          `value[${pattern.value}] of tag[uuid:${id}] can't be changed to ${changes.value}`,
        );
      }
      await tx
        .updateTable('tag_patterns')
        .set({ ...changes, updated_at: now })
        .where('id', '=', id)
        .execute();
    });
  }

  /** All resources lose the tags that were made of it. False where there is none of that id, or none of the subject's. */
  async delete(subject: Subject, id: string): Promise<boolean> {
    return await this.#core.db.write(async (tx) => {
      const pattern = await find(tx, subject, id);
      if (!pattern) return false;
      await tx.deleteFrom('resource_tags').where('pattern_id', '=', id).execute();
      await tx.deleteFrom('tag_patterns').where('id', '=', id).execute();
      return true;
    });
  }

  /**
   * Gives each of the resources a tag of this pattern: all of them, or none. Those that have one keep it.
   * @param tokens what stands for the words in braces
   * @returns the tags' ids, in the order of the resources
   * Throws `not_found`, `invalid` where a token is missing or the text gets too long, `duplicate` where a resource has another tag of that text,
   * `conflict` where it has too many.
   */
  async attach(
    subject: Subject,
    id: string,
    resourceIds: readonly string[],
    tokens: Readonly<Record<string, string>> = {},
  ): Promise<string[]> {
    const attach = () => this.#core.db.write((tx) => this.#attach(tx, subject, id, [...new Set(resourceIds)], tokens));
    return await attach().catch((error: unknown) => {
      if (!isTaken(error)) throw error;
      // A tag of the same text came meanwhile: now it is seen which resource has it.
      return attach();
    });
  }

  /** Throws `not_found`, and `invalid` for a pattern with tokens: nobody has said what these are to be. */
  async requireSimple(subject: Subject, id: string): Promise<void> {
    const pattern = await find(this.#core.db.read, subject, id);
    if (!pattern) throw notFound('tag_pattern', id);
    if (pattern.type === 'withToken') filledIn(pattern, {});
  }

  async #attach(
    tx: Tx,
    subject: Subject,
    id: string,
    resourceIds: readonly string[],
    tokens: Readonly<Record<string, string>>,
  ): Promise<string[]> {
    const pattern = await claim(tx, subject, id);
    const tag = pattern.type === 'withToken' ? filledIn(pattern, tokens) : pattern.value;
    refuseLong(tag);
    const types = await typesOf(tx, subject, resourceIds);
    const known = await tagsOn(tx, resourceIds);
    const now = this.#core.env.now();
    const ids: string[] = [];
    const rows: ResourceTagsTable[] = [];
    for (const resourceId of resourceIds) {
      const tags = known.get(resourceId) ?? [];
      const worn = tags.find(({ pattern_id }) => pattern_id === id);
      if (!worn) {
        refuseWhatHasNoRoom(resourceId, tags, tag);
        rows.push({
          id: newId(this.#core.env),
          kind: 'user',
          resource_type: types.get(resourceId)!,
          resource_id: resourceId,
          project_id: projectOf(subject),
          tag,
          inherent: 0,
          created_at: now,
          updated_at: now,
          pattern_id: id,
        });
      }
      ids.push(worn?.id ?? rows.at(-1)!.id);
    }
    if (rows.length > 0) await tx.insertInto('resource_tags').values(rows).execute();
    return ids;
  }

  /** Takes the tags of this pattern off resources; those that have none stay as they are. Throws `not_found`. */
  async detach(subject: Subject, id: string, resourceIds: readonly string[]): Promise<void> {
    await this.#core.db.write(async (tx) => {
      await claim(tx, subject, id);
      const tags = tx.deleteFrom('resource_tags').where('pattern_id', '=', id);
      await tags.where('resource_id', 'in', [...resourceIds]).execute();
    });
  }
}

async function find(db: Queryable, subject: Subject, id: string): Promise<TagPatternsTable | undefined> {
  const row = await db.selectFrom('tag_patterns').selectAll().where('id', '=', id).executeTakeFirst();
  return row && ownsOrAdmin(subject, row.project_id) ? row : undefined;
}

/** The pattern as this transaction may change it. On PostgreSQL the update that does nothing is the lock. */
async function claim(tx: Tx, subject: Subject, id: string): Promise<TagPatternsTable> {
  await tx.updateTable('tag_patterns').set({ id }).where('id', '=', id).execute();
  const pattern = await find(tx, subject, id);
  if (!pattern) throw notFound('tag_pattern', id);
  return pattern;
}

async function tagsOn(db: Queryable, resourceIds: readonly string[]) {
  const tags = db.selectFrom('resource_tags').select(['id', 'kind', 'resource_id', 'tag', 'pattern_id']);
  const rows = await tags.where('resource_id', 'in', [...resourceIds]).execute();
  return Map.groupBy(rows, ({ resource_id }) => resource_id);
}

function refuseWhatHasNoRoom(
  resourceId: string,
  tags: ReadonlyArray<{ kind: string; tag: string }>,
  tag: string,
): void {
  if (tags.some((one) => one.kind === 'user' && one.tag === tag)) {
    const details = { resource: 'tag', id: resourceId, reason: 'duplicate_tag' };
    throw new CloudError('duplicate', `The resource ${resourceId} has the tag ${tag} already.`, details);
  }
  if (tags.length < maxTagsPerResource) return;
  const words = `A resource can have ${maxTagsPerResource} tags at most.`;
  throw new CloudError('conflict', words, { reason: 'too_many' });
}

/** The words in braces. */
function tokensIn(value: string): string[] {
  return [...value.matchAll(/\{([^{}]+)\}/g)].map(([, name]) => name!);
}

function filledIn({ id, value }: TagPatternsTable, tokens: Readonly<Record<string, string>>): string {
  const missing = tokensIn(value).find((name) => !Object.hasOwn(tokens, name));
  if (missing !== undefined) throw new CloudError('invalid', `tokens must say what ${missing} of tag[uuid:${id}] is`);
  return value.replaceAll(/\{([^{}]+)\}/g, (_, name: string) => tokens[name]!);
}

function mayBecome({ value, type }: TagPatternsTable, wanted: string): boolean {
  if (value === wanted) return true;
  const nameOf = (text: string) => text.split('::', 1)[0];
  return type === 'withToken' && nameOf(value) === nameOf(wanted) && tokensIn(value).length === tokensIn(wanted).length;
}
