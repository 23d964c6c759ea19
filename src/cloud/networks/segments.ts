import type { NetworkSegmentsTable } from '../../database/schema.ts';
import type { CloudCore } from '../core.ts';
import { notFound } from '../errors.ts';
import { requireAdmin, type Subject } from '../identity/subject.ts';

/** What administrators call the one segment that a network is. */
export interface SegmentWords {
  networkId: string;
  name: string | null;
  description: string;
  updatedAt: number;
  /** How often it was changed. */
  revision: number;
}

const wordsOf = (row: NetworkSegmentsTable): SegmentWords => ({
  networkId: row.network_id,
  name: row.name,
  description: row.description,
  updatedAt: row.updated_at,
  revision: row.revision,
});

/** Names of segments: how a network is carried is the cloud's own matter, what its segment is called is not. */
export class Segments {
  readonly #core: CloudCore;

  constructor(core: CloudCore) {
    this.#core = core;
  }

  /** By their networks; of those that nobody has named there is nothing. */
  async all(): Promise<Map<string, SegmentWords>> {
    const rows = await this.#core.db.read.selectFrom('network_segments').selectAll().execute();
    return new Map(rows.map((row) => [row.network_id, wordsOf(row)]));
  }

  /** Names the segment of a network, or describes it. Throws `not_found` where the network has gone. */
  async update(
    subject: Subject,
    networkId: string,
    changes: { name?: string | null; description?: string },
  ): Promise<SegmentWords> {
    requireAdmin(subject, 'update_segment');
    const { db, env } = this.#core;
    return await db.write(async (tx) => {
      const network = await tx.selectFrom('networks').select('id').where('id', '=', networkId).executeTakeFirst();
      if (!network) throw notFound('segment', networkId);
      const { name, description } = changes;
      const row = await tx
        .insertInto('network_segments')
        .values({
          network_id: networkId,
          name: name ?? null,
          description: description ?? '',
          updated_at: env.now(),
          revision: 1,
        })
        .onConflict((conflict) =>
          conflict.column('network_id').doUpdateSet((e) => ({
            ...(name === undefined ? {} : { name }),
            ...(description === undefined ? {} : { description }),
            updated_at: env.now(),
            revision: e('network_segments.revision', '+', 1),
          })),
        )
        .returningAll()
        .executeTakeFirstOrThrow();
      return wordsOf(row);
    });
  }
}
