import type { Queryable } from '../../../database/database.ts';
import type { OauthConsumersTable } from '../../../database/schema.ts';
import { newId } from '../../../env/env.ts';
import type { CloudCore } from '../../core.ts';
import { sealed } from '../../secrets/kept-secrets.ts';
import { missing } from '../failures.ts';
import type { Revocations } from '../revocations.ts';
import { mayReadIdentity, requireAdmin, type Subject } from '../subject.ts';

/** A program that users may let act for them (OAuth 1.0's client). */
export interface Consumer {
  id: string;
  description: string | null;
}

const consumerOf = ({ id, description }: OauthConsumersTable): Consumer => ({ id, description });

/** A secret to sign requests with. */
export function newSecret(core: Pick<CloudCore, 'env'>): string {
  return core.env.randomBytes(32).toString('hex');
}

/** The programs that administrators have registered. */
export class Consumers {
  readonly #core: CloudCore;
  readonly #revocations: Revocations;

  constructor(core: CloudCore, revocations: Revocations) {
    this.#core = core;
    this.#revocations = revocations;
  }

  async list(subject: Subject): Promise<Consumer[]> {
    if (!mayReadIdentity(subject)) requireAdmin(subject, 'list_consumers');
    const rows = await this.#core.db.read.selectFrom('oauth_consumers').selectAll().orderBy('created_at').execute();
    return rows.map(consumerOf);
  }

  async get(subject: Subject, id: string): Promise<Consumer> {
    if (!mayReadIdentity(subject)) requireAdmin(subject, 'get_consumer');
    return consumerOf(await rowOf(this.#core.db.read, id));
  }

  /** The secret is told once, here. */
  async create(subject: Subject, description: string | null): Promise<Consumer & { secret: string }> {
    requireAdmin(subject, 'create_consumer');
    const { env, db } = this.#core;
    const row = { id: newId(env), secret: newSecret(this.#core), description, created_at: env.now() };
    const secret = sealed(this.#core, 'oauthConsumer', row.id, row.secret);
    await db.write((tx) =>
      tx
        .insertInto('oauth_consumers')
        .values({ ...row, secret })
        .execute(),
    );
    return { ...consumerOf(row), secret: row.secret };
  }

  async update(subject: Subject, id: string, description: string | null | undefined): Promise<Consumer> {
    requireAdmin(subject, 'update_consumer');
    return await this.#core.db.write(async (tx) => {
      if (description !== undefined) {
        await tx.updateTable('oauth_consumers').set({ description }).where('id', '=', id).execute();
      }
      return consumerOf(await rowOf(tx, id));
    });
  }

  /** With all that users have let it do. */
  async delete(subject: Subject, id: string): Promise<void> {
    requireAdmin(subject, 'delete_consumer');
    await this.#core.db.write(async (tx) => {
      await rowOf(tx, id);
      await tx.deleteFrom('oauth_request_tokens').where('consumer_id', '=', id).execute();
      await tx.deleteFrom('oauth_access_tokens').where('consumer_id', '=', id).execute();
      await tx.deleteFrom('oauth_consumers').where('id', '=', id).execute();
      await this.#revocations.revoke(tx, 'credential', id);
    });
  }
}

async function rowOf(db: Queryable, id: string): Promise<OauthConsumersTable> {
  const row = await db.selectFrom('oauth_consumers').selectAll().where('id', '=', id).executeTakeFirst();
  if (!row) throw missing('consumer', id);
  return row;
}
