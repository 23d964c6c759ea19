import type { Queryable, Tx } from '../../database/database.ts';
import type { Schema } from '../../database/schema.ts';
import type { CloudCore } from '../core.ts';
import { notFound } from '../errors.ts';
import type { Subject } from '../identity/subject.ts';
import { revisionMismatch } from './failures.ts';
import { inOrder, Listing, type ListRequest } from './listing.ts';
import { owned, visibleShared } from './ownership.ts';

/** Tables of small resources that a project owns and may share: all have an owner, times and a revision. */
type Table = 'address_scopes' | 'subnet_pools' | 'qos_policies' | 'address_groups' | 'rbac_policies';

/** How one of these resources is kept. */
export interface OwnedKind<T extends Table, Model> {
  table: T;
  /** As a failure names it. */
  name: string;
  /** Whether it has a flag that shares it with everybody. */
  hasSharedFlag: boolean;
  modelOf(rows: ReadonlyArray<Schema[T]>, db: Queryable): Promise<Model[]>;
}

/** What all of these resources do in the same way. Whoever may see one may not change it, unless it is his. */
export class OwnedResources<T extends Table, Field extends string, Model> {
  readonly #core: CloudCore;
  readonly #kind: OwnedKind<T, Model>;
  readonly #listing: Listing<Field>;

  constructor(core: CloudCore, kind: OwnedKind<T, Model>) {
    this.#core = core;
    this.#kind = kind;
    this.#listing = new Listing<Field>(kind.table);
  }

  async list(subject: Subject, request: ListRequest<Field> = {}): Promise<Model[]> {
    const db = this.#core.db.read;
    const rows = await (await this.#listing.apply(db, this.#select(db, subject), request)).execute();
    return inOrder(await this.#kind.modelOf(rows as unknown as Array<Schema[T]>, db), request);
  }

  async get(subject: Subject, id: string, db: Queryable = this.#core.db.read): Promise<Model> {
    const rows = await this.#select(db, subject).where('id', '=', id).execute();
    const [model] = await this.#kind.modelOf(rows as unknown as Array<Schema[T]>, db);
    if (model === undefined) throw notFound(this.#kind.name, id);
    return model;
  }

  /** It stays there until the transaction ends. Throws `not_found` unless the subject may see it. */
  async keep(tx: Tx, subject: Subject, id: string): Promise<void> {
    const kept = await this.#select(tx, subject).where('id', '=', id).forKeyShare().executeTakeFirst();
    if (!kept) throw notFound(this.#kind.name, id);
  }

  /** Like `claim`, after all those that are just getting it: who has it can be seen then, and nobody gets it any more. */
  async claimToRemove(tx: Tx, subject: Subject, id: string): Promise<Schema[T]> {
    await tx.selectFrom(this.#table).select('id').where('id', '=', id).forUpdate().execute();
    return await this.claim(tx, subject, id);
  }

  /** Counts the revision up, which also keeps others from changing it until the transaction ends. */
  async claim(tx: Tx, subject: Subject, id: string, expectedRevision?: number): Promise<Schema[T]> {
    const { table, name } = this.#kind;
    const row = await tx
      .updateTable(this.#table)
      .set((eb) => ({ revision: eb('revision', '+', 1), updated_at: this.#core.env.now() }))
      .where('id', '=', id)
      .where(owned(subject, table))
      .returningAll()
      .executeTakeFirst();
    if (!row) throw notFound(name, id);
    if (expectedRevision !== undefined && row.revision - 1 !== expectedRevision)
      throw revisionMismatch(expectedRevision);
    return row as unknown as Schema[T];
  }

  async remove(tx: Tx, id: string): Promise<void> {
    await tx.deleteFrom(this.#table).where('id', '=', id).execute();
    await tx.deleteFrom('rbac_policies').where('object_id', '=', id).execute();
    await tx.deleteFrom('network_resource_tags').where('resource_id', '=', id).execute();
  }

  #select(db: Queryable, subject: Subject) {
    const { table, hasSharedFlag } = this.#kind;
    return db
      .selectFrom(this.#table)
      .selectAll()
      .where(visibleShared(subject, table, hasSharedFlag));
  }

  /** One of the tables stands for all: only columns that all of them have are named here. */
  get #table(): 'address_scopes' {
    return this.#kind.table as 'address_scopes';
  }
}

/** The members that all of these resources have. */
export function commonOf(row: {
  id: string;
  project_id: string;
  name: string;
  description: string;
  created_at: number;
  updated_at: number;
  revision: number;
}) {
  return {
    id: row.id,
    projectId: row.project_id,
    name: row.name,
    description: row.description,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    revision: row.revision,
  };
}

export type Owned = ReturnType<typeof commonOf>;
