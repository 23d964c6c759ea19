import { createHmac, timingSafeEqual } from 'node:crypto';
import type { AccessKeysTable } from '../../database/schema.ts';
import { newId } from '../../env/env.ts';
import type { CloudCore } from '../core.ts';
import { CloudError, notFound } from '../errors.ts';
import type { Identity } from '../identity/identity.ts';
import type { Subject } from '../identity/subject.ts';
import { opened, sealed } from '../secrets/kept-secrets.ts';
import { type Signer, Signers } from './signers.ts';

/** A pair by which programs sign requests instead of logging in. */
export interface AccessKey {
  id: string;
  projectId: string;
  userId: string;
  description: string | null;
  accessKeyId: string;
  secret: string;
  enabled: boolean;
}

export interface NewAccessKey {
  id?: string;
  projectId: string;
  userId: string;
  description?: string | null;
  accessKeyId?: string;
  secret?: string;
}

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const idLength = 20;
const secretLength = 40;

export class AccessKeys {
  readonly #core: Pick<CloudCore, 'db' | 'env' | 'settings'>;
  readonly #signers: Signers;
  readonly #byKeyId;

  constructor(core: Pick<CloudCore, 'db' | 'env' | 'settings'>, identity: Identity) {
    this.#core = core;
    this.#signers = new Signers(core, identity, async (accessKeyId) => {
      const key = await this.#byKeyId.first({ keyId: accessKeyId });
      if (key?.enabled !== 1) return undefined;
      const subject = await identity.sessions.subjectFor(key.user_id, key.project_id);
      return subject && { secret: opened(core, 'accessKey', accessKeyId, key.secret), subject };
    });
    this.#byKeyId = core.db.prepare<{ keyId: string }, AccessKeysTable>((q, p) =>
      q.selectFrom('access_keys').selectAll().where('access_key_id', '=', p.keyId),
    );
  }

  /**
   * For oneself; accounts make them for their users too, administrators for anybody. Throws `forbidden`, and `duplicate`
   * for an id that is taken.
   */
  async create(subject: Subject, key: NewAccessKey): Promise<AccessKey> {
    if (!(await this.#mayMake(subject, key))) {
      throw new CloudError('forbidden', 'Access keys can be made for oneself only.');
    }
    const now = this.#core.env.now();
    const row: AccessKeysTable = {
      id: key.id ?? newId(this.#core.env),
      project_id: key.projectId,
      user_id: key.userId,
      description: key.description ?? null,
      access_key_id: key.accessKeyId ?? this.#random(idLength),
      secret: key.secret ?? this.#random(secretLength),
      enabled: 1,
      created_at: now,
      updated_at: now,
    };
    await this.#core.db.write(async (tx) => {
      const twin = await tx
        .selectFrom('access_keys')
        .select('id')
        .where('access_key_id', '=', row.access_key_id)
        .executeTakeFirst();
      if (twin) throw new CloudError('duplicate', `the access key id[${row.access_key_id}] is taken`);
      const secret = sealed(this.#core, 'accessKey', row.access_key_id, row.secret);
      await tx
        .insertInto('access_keys')
        .values({ ...row, secret })
        .execute();
    });
    return accessKeyOf(row);
  }

  /** Who signs by the key of this id. Undefined where there is none, or none that is enabled; in memory mostly. */
  signerOf(accessKeyId: string): Signer | undefined | Promise<Signer | undefined> {
    return this.#signers.find(accessKeyId);
  }

  /** Throws `not_found`. */
  async setEnabled(subject: Subject, id: string, enabled: boolean): Promise<void> {
    const { numUpdatedRows } = await this.#core.db.write((tx) => {
      tx.onCommit(() => this.#signers.forget());
      const values = { enabled: enabled ? (1 as const) : (0 as const), updated_at: this.#core.env.now() };
      const query = tx.updateTable('access_keys').set(values).where('id', '=', id);
      return query.where((e) => e.and(theirs(subject))).executeTakeFirst();
    });
    if (numUpdatedRows === 0n) throw notFound('access_key', id);
  }

  /** One that is not there is deleted already. */
  async delete(subject: Subject, id: string): Promise<void> {
    await this.#core.db.write((tx) => {
      tx.onCommit(() => this.#signers.forget());
      const query = tx.deleteFrom('access_keys').where('id', '=', id);
      return query.where((e) => e.and(theirs(subject))).execute();
    });
  }

  async #mayMake(subject: Subject, { userId, projectId }: NewAccessKey): Promise<boolean> {
    if (userId === subject.userId && projectId === subject.projectId) return true;
    if (subject.statements) return false;
    if (subject.isAdmin) return true;
    if (projectId !== subject.projectId) return false;
    const own = this.#core.db.read.selectFrom('account_users').select('user_id').where('user_id', '=', userId);
    return (await own.where('project_id', '=', projectId).executeTakeFirst()) !== undefined;
  }

  #random(length: number): string {
    // 248 is the largest multiple of the letters' number in a byte: above it, the first letters would be likelier.
    let text = '';
    while (text.length < length) {
      for (const byte of this.#core.env.randomBytes(length)) {
        if (byte < 248 && text.length < length) text += letters[byte % letters.length];
      }
    }
    return text;
  }
}

/** What a key has to be for the subject to change it: any one, the account's, or the user's own. */
function theirs({ statements, isAdmin, userId, projectId = '' }: Subject): { project_id?: string; user_id?: string } {
  if (statements) return { project_id: projectId, user_id: userId };
  return isAdmin ? {} : { project_id: projectId };
}

/** Whether the signature (base64 of HMAC-SHA1) is that of the text. */
export function isSignedBy({ secret }: Pick<Signer, 'secret'>, text: string, signature: string): boolean {
  const expected = createHmac('sha1', secret).update(text).digest();
  const given = Buffer.from(signature, 'base64');
  return given.length === expected.length && timingSafeEqual(given, expected);
}

function accessKeyOf(row: AccessKeysTable): AccessKey {
  return {
    id: row.id,
    projectId: row.project_id,
    userId: row.user_id,
    description: row.description,
    accessKeyId: row.access_key_id,
    secret: row.secret,
    enabled: row.enabled === 1,
  };
}
