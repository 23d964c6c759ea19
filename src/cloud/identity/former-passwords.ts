import type { Tx } from '../../database/database.ts';
import type { CloudCore } from '../core.ts';
import type { Passwords } from './passwords.ts';
import { repeatedPassword } from './security-compliance.ts';

/** Passwords that users had, and may not choose again as long as the cloud's operator says so. */
export class FormerPasswords {
  readonly #core: Pick<CloudCore, 'db' | 'env' | 'settings'>;
  readonly #passwords: Passwords;

  constructor(core: Pick<CloudCore, 'db' | 'env' | 'settings'>, passwords: Passwords) {
    this.#core = core;
    this.#passwords = passwords;
  }

  /** How many are kept besides the one that the user has. */
  get #count(): number {
    return Math.max(0, this.#core.settings.securityCompliance.uniqueLastPasswordCount - 1);
  }

  /** Keeps the password that is about to be replaced, and forgets those that nobody asks for any more. */
  async keep(tx: Tx, userId: string): Promise<void> {
    if (this.#count === 0) return;
    const row = await tx.selectFrom('users').select('password_hash').where('id', '=', userId).executeTakeFirst();
    if (!row?.password_hash) return;
    await tx
      .insertInto('former_passwords')
      .values({ user_id: userId, replaced_at: this.#core.env.now(), password_hash: row.password_hash })
      .execute();
    const kept = await this.#newest(tx, userId);
    const oldest = kept.at(-1)!.replaced_at;
    await tx.deleteFrom('former_passwords').where('user_id', '=', userId).where('replaced_at', '<', oldest).execute();
  }

  /**
   * Throws `invalid` where the password is the user's, or one of those before it.
   * @param current the hash of the one that the user has
   */
  async refuseRepeated(userId: string, newSha512: string, current: string | undefined): Promise<void> {
    const { securityCompliance } = this.#core.settings;
    if (securityCompliance.uniqueLastPasswordCount === 0) return;
    const former = this.#count === 0 ? [] : await this.#newest(this.#core.db.read, userId);
    for (const hash of [current, ...former.map(({ password_hash }) => password_hash)]) {
      if (hash !== undefined && (await this.#passwords.verify(newSha512, hash))) {
        throw repeatedPassword(securityCompliance);
      }
    }
  }

  async #newest(db: Pick<Tx, 'selectFrom'>, userId: string) {
    return await db
      .selectFrom('former_passwords')
      .selectAll()
      .where('user_id', '=', userId)
      .orderBy('replaced_at', 'desc')
      .limit(this.#count)
      .execute();
  }
}
