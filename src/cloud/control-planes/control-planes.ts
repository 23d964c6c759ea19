import type { CloudCore } from '../core.ts';
import { CloudError, notFound } from '../errors.ts';

/** A machine on which a process of the control plane serves requests and walks actions. */
export interface ControlPlane {
  name: string;
  isUp: boolean;
  /** When it last said that it is there, microseconds. */
  seenAt: number;
}

/** How long one that says nothing counts as being there, as Nova's `service_down_time`. */
const downAfterMicros = 60_000_000;

/**
 * Where the control plane runs. Processes that share a PostgreSQL tell each other by a row that each renews; over SQLite
 * there is one, and who answers is there.
 */
export class ControlPlanes {
  readonly #core: Pick<CloudCore, 'db' | 'env'>;
  readonly #name: string;

  /** @param name the machine of this process */
  constructor(core: Pick<CloudCore, 'db' | 'env'>, name: string) {
    this.#core = core;
    this.#name = name;
  }

  /** Says that this process is there. */
  async beat(): Promise<void> {
    const { db, env } = this.#core;
    if (db.kind === 'sqlite') return;
    const now = env.now();
    await db.write((tx) =>
      tx
        .insertInto('control_planes')
        .values({ name: this.#name, created_at: now, seen_at: now })
        .onConflict((conflict) => conflict.column('name').doUpdateSet({ seen_at: now }))
        .execute(),
    );
  }

  async list(): Promise<ControlPlane[]> {
    const { db, env } = this.#core;
    const now = env.now();
    if (db.kind === 'sqlite') return [{ name: this.#name, isUp: true, seenAt: now }];
    const rows = await db.read.selectFrom('control_planes').selectAll().orderBy('name').execute();
    return rows.map(({ name, seen_at: seenAt }) => ({
      name,
      seenAt,
      isUp: name === this.#name || seenAt > now - downAfterMicros,
    }));
  }

  /** Forgets one that is not there any more. Throws `conflict` for one that is. */
  async forget(name: string): Promise<void> {
    const known = (await this.list()).find((one) => one.name === name);
    if (!known) throw notFound('control plane', name);
    const isUp = () => new CloudError('conflict', `The control plane on ${name} is up, and would come back by itself.`);
    if (known.isUp) throw isUp();
    const { numDeletedRows } = await this.#core.db.write((tx) =>
      tx.deleteFrom('control_planes').where('name', '=', name).where('seen_at', '=', known.seenAt).executeTakeFirst(),
    );
    if (numDeletedRows === 0n) throw isUp();
  }
}
