import type { Tx } from '../../database/database.ts';
import { newId } from '../../env/env.ts';
import type { CloudCore } from '../core.ts';

/** How long a process that says nothing more counts as having its connections. They are told again three times in it. */
const leaseMicros = 60_000_000;

/**
 * Which processes of the control plane have a connection to which host on another machine. A host is there as long as it
 * answers any of them: one that can't reach it, as behind a firewall, says nothing about it. The database decides, so that
 * all processes see the same.
 */
export class HostLines {
  readonly #core: Pick<CloudCore, 'db' | 'env'>;
  readonly #process: string;

  constructor(core: Pick<CloudCore, 'db' | 'env'>) {
    this.#core = core;
    this.#process = newId(core.env);
  }

  /** Over SQLite there is one process: what an earlier one has left is not true any more. */
  async start(): Promise<void> {
    if (this.#core.db.kind === 'sqlite') await this.#core.db.write((tx) => tx.deleteFrom('far_host_lines').execute());
  }

  /** The host answers this process from now on. */
  async take(tx: Tx, hostId: string): Promise<void> {
    const until = this.#core.env.now() + leaseMicros;
    await tx
      .insertInto('far_host_lines')
      .values({ host_id: hostId, process: this.#process, until })
      .onConflict((conflict) => conflict.columns(['host_id', 'process']).doUpdateSet({ until }))
      .execute();
  }

  /** These hosts still answer this process, and no others. */
  async renew(hostIds: readonly string[]): Promise<void> {
    const until = this.#core.env.now() + leaseMicros;
    const own = this.#process;
    await this.#core.db.write(async (tx) => {
      const others = tx.deleteFrom('far_host_lines').where('process', '=', own);
      await (hostIds.length === 0 ? others : others.where('host_id', 'not in', hostIds)).execute();
      if (hostIds.length === 0) return;
      await tx
        .insertInto('far_host_lines')
        .values(hostIds.map((host_id) => ({ host_id, process: own, until })))
        .onConflict((conflict) => conflict.columns(['host_id', 'process']).doUpdateSet({ until }))
        .execute();
    });
  }

  /** Hosts whose status is another one than their connections say. */
  async misjudged(): Promise<Array<{ id: string; hasLine: boolean }>> {
    const rows = await this.#core.db.read
      .selectFrom('hosts')
      .innerJoin('far_hosts', 'far_hosts.host_id', 'hosts.id')
      .leftJoin('far_host_lines', (join) =>
        join.onRef('far_host_lines.host_id', '=', 'hosts.id').on('until', '>', this.#core.env.now()),
      )
      .select(['hosts.id', 'hosts.status'])
      .select((e) => e.fn.count<number>('far_host_lines.process').as('lines'))
      .where('far_hosts.gone', '=', 0)
      .groupBy(['hosts.id', 'hosts.status'])
      .execute();
    return rows
      .map(({ id, status, lines }) => ({ id, hasLine: Number(lines) > 0, status }))
      .filter(({ hasLine, status }) => (hasLine ? status !== 'connected' : status === 'connected'));
  }

  async noteAnswering(tx: Tx, hostId: string): Promise<void> {
    if (!(await this.#isHeld(tx, hostId))) return;
    const set = { status: 'connected' as const, updated_at: this.#core.env.now() };
    await tx.updateTable('hosts').set(set).where('id', '=', hostId).where('status', '!=', 'connected').execute();
  }

  /** The host does not answer this process. Whether it is lost by that: it answers no other one either. */
  async noteLost(tx: Tx, hostId: string): Promise<boolean> {
    await this.#lock(tx, hostId);
    await tx.deleteFrom('far_host_lines').where('host_id', '=', hostId).where('process', '=', this.#process).execute();
    if (await this.#isHeld(tx, hostId)) return false;
    const set = { status: 'disconnected' as const, updated_at: this.#core.env.now() };
    const query = tx.updateTable('hosts').set(set).where('id', '=', hostId).where('status', '!=', 'disconnected');
    return (await query.executeTakeFirst()).numUpdatedRows > 0n;
  }

  /** Nobody knows whether the host answers, unless another process has a connection to it. */
  async noteUnknown(tx: Tx, hostId: string): Promise<void> {
    await this.#lock(tx, hostId);
    if (await this.#isHeld(tx, hostId)) return;
    const set = { status: 'connecting' as const };
    await tx.updateTable('hosts').set(set).where('id', '=', hostId).where('status', '=', 'connected').execute();
  }

  async forget(tx: Tx, hostId: string): Promise<void> {
    await tx.deleteFrom('far_host_lines').where('host_id', '=', hostId).execute();
  }

  /** This process has no connection any more: it ends. */
  async leave(): Promise<void> {
    await this.#core.db.write((tx) => tx.deleteFrom('far_host_lines').where('process', '=', this.#process).execute());
  }

  async #isHeld(tx: Tx, hostId: string): Promise<boolean> {
    const query = tx.selectFrom('far_host_lines').select('process').where('host_id', '=', hostId);
    return (await query.where('until', '>', this.#core.env.now()).executeTakeFirst()) !== undefined;
  }

  /** Of two processes that lose the host at once, the second one sees that the first has. */
  async #lock(tx: Tx, hostId: string): Promise<void> {
    if (this.#core.db.kind === 'sqlite') return;
    await tx.selectFrom('far_hosts').select('host_id').where('host_id', '=', hostId).forUpdate().execute();
  }
}
