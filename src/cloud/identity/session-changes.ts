import { sql } from 'kysely';
import type { Tx } from '../../database/database.ts';

/** Whose sessions: those of a user, or those for a project. */
export type SessionsOf = { userId: string } | { projectId: string };

/**
 * Tells those who keep sessions in memory that what these say of their users (names, policies) is to be read anew. The
 * sessions themselves stay good: what ends them is a revocation.
 */
export class SessionChanges {
  readonly #listeners: Array<(whose: SessionsOf) => void> = [];

  /** Called in this process once such a change is committed. */
  onChanged(listener: (whose: SessionsOf) => void): void {
    this.#listeners.push(listener);
  }

  /** Part of the change. Other processes see it by the revision of the sessions' rows. */
  async mark(tx: Tx, whose: SessionsOf): Promise<void> {
    const [column, id] =
      'userId' in whose ? (['user_id', whose.userId] as const) : (['project_id', whose.projectId] as const);
    await tx.updateTable('sessions').set({ revision: sql`revision + 1` }).where(column, '=', id).execute();
    tx.onCommit(() => {
      for (const listener of this.#listeners) listener(whose);
    });
  }
}
