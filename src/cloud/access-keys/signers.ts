import type { Database } from '../../database/database.ts';
import type { Schema } from '../../database/schema.ts';
import type { CloudCore } from '../core.ts';
import type { Identity } from '../identity/identity.ts';
import type { Subject } from '../identity/subject.ts';

/** Who signs by an access key. */
export interface Signer {
  secret: string;
  subject: Omit<Subject, 'requestId'>;
}

/** All that says who a signer is and what they may do. */
const tables: ReadonlyArray<keyof Schema> = [
  'access_keys',
  'users',
  'domains',
  'projects',
  'roles',
  'role_assignments',
  'implied_roles',
  'group_members',
  'account_owners',
  'account_users',
  'account_group_members',
  'account_policies',
  'account_user_policies',
  'account_group_policies',
];
/** How long what was read is good where other processes may change it unseen, microseconds: as for sessions. */
const unseenFor = 2_000_000;
const maxKept = 10_000;

/**
 * Who signs by which access key: a look-up in memory, but for the first. What this process changes is in force at
 * once, what others change within two seconds.
 */
export class Signers {
  readonly #db: Database;
  readonly #env: CloudCore['env'];
  readonly #read: (accessKeyId: string) => Promise<Signer | undefined>;
  readonly #kept = new Map<string, { signer: Signer; goodUntil: number }>();
  /** That of the tables when the first of the kept was read. */
  #version: number | undefined;
  /** Counts what this process has changed: what was read before is not kept after it. */
  #changes = 0;

  constructor(
    { db, env }: Pick<CloudCore, 'db' | 'env'>,
    identity: Pick<Identity, 'onSubjectsChanged'>,
    read: (accessKeyId: string) => Promise<Signer | undefined>,
  ) {
    this.#db = db;
    this.#env = env;
    this.#read = read;
    identity.onSubjectsChanged(() => this.forget());
  }

  /** Undefined for a key that is unknown or disabled, and for whoever may not come in. */
  find(accessKeyId: string): Signer | undefined | Promise<Signer | undefined> {
    const version = this.#db.versionOf(tables);
    if (version !== this.#version) this.forget();
    this.#version = version;
    const kept = this.#kept.get(accessKeyId);
    if (kept && kept.goodUntil > this.#env.now()) return kept.signer;
    return this.#load(accessKeyId);
  }

  /** Has all of them read anew. */
  forget(): void {
    this.#changes += 1;
    this.#kept.clear();
  }

  async #load(accessKeyId: string): Promise<Signer | undefined> {
    const changes = this.#changes;
    const version = this.#db.versionOf(tables);
    const goodUntil = version === undefined ? this.#env.now() + unseenFor : Number.POSITIVE_INFINITY;
    const signer = await this.#read(accessKeyId);
    const isStill = changes === this.#changes && version === this.#db.versionOf(tables);
    this.#kept.delete(accessKeyId);
    if (signer && isStill) {
      if (this.#kept.size >= maxKept) this.#kept.delete(this.#kept.keys().next().value!);
      this.#kept.set(accessKeyId, { signer, goodUntil });
    }
    return signer;
  }
}
