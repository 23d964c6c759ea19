import { sql } from 'kysely';
import { AgentError, type HostDescription } from '../../agent/contract.ts';
import type { Tx } from '../../database/database.ts';
import type { FarHostsTable } from '../../database/schema.ts';
import { KeyedLock } from '../../env/keyed-lock.ts';
import type { KnownHostKey } from '../../ssh/host-key.ts';
import type { CloudCore } from '../core.ts';
import { CloudError, notFound } from '../errors.ts';
import { contentOf } from '../hosts/content.ts';
import { setCpuRatios } from '../hosts/cpu-ratios.ts';
import type { Hosts } from '../hosts/hosts.ts';
import { describedColumns, type Host, reservedMemory } from '../hosts/model.ts';
import { noteHost } from '../hosts/notes.ts';
import type { HostNetworks } from '../networks/host-networks/host-networks.ts';
import { goneMachine } from './gone-machine.ts';
import { HostLines } from './host-lines.ts';
import { farHostRow, keepLogin, type LoginColumns } from './logins.ts';
import type { FarAgent, FarAgentOpener, FarPlace } from './model.ts';
import { type NewFarHost, refuseTaken, register } from './register.ts';

/** What is to be other than it is. */
export type FarLoginChanges = Partial<FarPlace & { password: string }>;

/**
 * Hosts on other machines: where they are, and their agents. One is in the cloud from the moment in which it is added: an
 * interrupted adding leaves a host that is being connected to.
 */
export class FarHosts {
  readonly #core: CloudCore;
  readonly #hosts: Hosts;
  readonly #networks: Pick<HostNetworks, 'obstacleToFarHosts'>;
  readonly #open: FarAgentOpener | undefined;
  readonly #lines: HostLines;
  readonly #agents = new Map<string, FarAgent>();
  /** The last change of each host's status is the one that counts. */
  readonly #changes = new KeyedLock();
  readonly #updates = new KeyedLock();
  /** Logins that are tried, and become the hosts' own when they have worked. */
  readonly #tried = new Map<string, LoginColumns>();
  /** Hosts whose machines were given up. */
  readonly #gone = new Set<string>();

  constructor(
    core: CloudCore,
    hosts: Hosts,
    networks: Pick<HostNetworks, 'obstacleToFarHosts'>,
    open: FarAgentOpener | undefined,
  ) {
    this.#core = core;
    this.#hosts = hosts;
    this.#networks = networks;
    this.#open = open;
    this.#lines = new HostLines(core);
  }

  /** Opens what other processes have added, and whatever an earlier one knew. */
  async start(): Promise<void> {
    await this.#lines.start();
    await this.refresh();
  }

  /** Whether the host is on another machine. */
  has(id: string): boolean {
    return this.#agents.has(id);
  }

  /** Opens what other processes have added, lets go of what they have removed, and says which hosts answer this one. */
  async refresh(): Promise<void> {
    if (!this.#open) return;
    const query = this.#core.db.read.selectFrom('far_hosts').leftJoin('hosts', 'hosts.id', 'far_hosts.host_id');
    const rows = await query.selectAll('far_hosts').select('hosts.name').execute();
    const known = new Set(rows.map((row) => row.host_id));
    for (const [id, { agent }] of this.#agents) {
      if (known.has(id)) continue;
      this.#agents.delete(id);
      this.#hosts.forget(id);
      await agent.close();
    }
    for (const row of rows) {
      if (!this.#agents.has(row.host_id)) await this.#find(row);
      else if (row.gone === 1 && !this.#gone.has(row.host_id)) await this.#replace(row);
      else if (row.leaving !== 0) this.#hosts.letGo(row.host_id);
    }
    await this.#tellStatuses();
  }

  /** What is known of hosts, against what has come of other processes: see `HostLines`. */
  async #tellStatuses(): Promise<void> {
    const isConnected = (id: string) => this.#agents.get(id)?.isConnected === true;
    await this.#lines.renew([...this.#agents.keys()].filter(isConnected));
    for (const { id, hasLine } of await this.#lines.misjudged()) {
      await this.#changes.run(id, async () => {
        if (hasLine) await this.#core.db.write((tx) => this.#lines.noteAnswering(tx, id));
        else await this.#lost(id, 'no process of the control plane has a connection to it');
      });
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#agents.values()].map(({ agent }) => agent.close()));
    this.#agents.clear();
    // What it holds lapses by itself, too, where the database is away: the rest is closed all the same.
    await this.#lines
      .leave()
      .catch((err) => this.#core.log.warn({ err }, 'other processes learn later that this one has no connections'));
  }

  /** How hosts on other machines are logged in to, by their ids. Passwords are not told. */
  async place(id: string): Promise<FarPlace | undefined> {
    const row = await farHostRow(this.#core, id);
    return row && { address: row.address, port: row.port, user: row.username };
  }

  /**
   * Takes a machine into the cloud as a host, once its agent is there and answers. Throws `invalid` (`no_such_cluster`),
   * `duplicate` where the name, the id or the machine is known, `conflict` (`networks_end_here`) where its guests could
   * not be on the cloud's networks, `unavailable` (`unreachable`) with what kept the machine from becoming a host.
   */
  async add(wanted: NewFarHost): Promise<Host> {
    if (!this.#open) throw new CloudError('conflict', 'This cloud has no hosts on other machines.');
    const obstacle = await this.#networks.obstacleToFarHosts();
    if (obstacle !== undefined) throw new CloudError('conflict', obstacle, { reason: 'networks_end_here' });
    const row = await register(this.#core, wanted);
    const far = this.#agents.get(row.host_id) ?? this.#adopt(row, wanted.name);
    try {
      await far.connect();
    } catch (error) {
      await this.#giveUp(row.host_id, far);
      throw unreachable(error);
    }
    await this.#changes.run(row.host_id, async () => {});
    const { name, description } = wanted;
    await noteHost(this.#core, row.host_id, { name, description: description ?? null });
    return await this.#hosts.get(row.host_id);
  }

  /**
   * It is no host of the cloud. What was put on its machine goes with it: later where that does not answer now, as with
   * hosts that were removed.
   */
  async #giveUp(id: string, far: FarAgent): Promise<void> {
    this.#hosts.forget(id);
    await this.#core.db.write(async (tx) => {
      await markEmpty(tx, id);
      await tx.deleteFrom('hosts').where('id', '=', id).execute();
    });
    try {
      await this.leave(id);
    } catch (err) {
      this.#hosts.leaving.set(id, far.agent);
      this.#core.log.warn({ err, hostId: id }, 'a machine that is no host keeps for now what was put there');
    }
  }

  /**
   * Reaches a host by another address or as another user from now on, if that can be done now: else all stays as it was,
   * and it is told by `unavailable`. Throws `not_found` for a host of this machine.
   */
  async update(id: string, changes: FarLoginChanges): Promise<void> {
    await this.#updates.run(id, async () => {
      const row = await farHostRow(this.#core, id);
      const far = this.#agents.get(id);
      if (!row || !far) throw notFound('host', id);
      const { address = row.address, port = row.port, user: username = row.username } = changes;
      const { password = row.password } = changes;
      // Whoever names the machine says that they know it: its key may be a new one.
      const isNamed = changes.address !== undefined || changes.port !== undefined;
      const login = { address, port, username, password, host_key: isNamed ? null : row.host_key };
      await refuseTaken(this.#core.db.read, { address, port }, id);
      const wasConnected = far.isConnected;
      this.#tried.set(id, login);
      try {
        await far.reconnect();
        await keepLogin(this.#core, id, login);
        this.#tried.delete(id);
      } catch (error) {
        this.#tried.delete(id);
        // As it was before: whoever is told that nothing was changed finds it so.
        if (wasConnected || far.isConnected) await far.reconnect().catch(() => {});
        far.keep();
        await this.#changes.run(id, async () => {});
        throw unreachable(error);
      }
    });
  }

  /** Makes the connection anew. Nothing for a host of this machine. Throws `unavailable` (`unreachable`). */
  async reconnect(id: string): Promise<void> {
    try {
      await this.#agents.get(id)?.reconnect();
    } catch (error) {
      throw unreachable(error);
    }
  }

  /** Whether the host is on another machine. It is on its way out of the cloud from then on. */
  async markLeaving(tx: Tx, id: string): Promise<boolean> {
    const { numUpdatedRows } = await tx
      .updateTable('far_hosts')
      // Nothing has to go from a machine that is gone.
      .set({ leaving: sql<0 | 1 | 2>`case when gone = 1 then 2 else 1 end` })
      .where('host_id', '=', id)
      .executeTakeFirst();
    return numUpdatedRows > 0n;
  }

  /** Whether nothing of the host has to go any more but its agent, which may have gone. */
  async isEmpty(id: string): Promise<boolean> {
    return (await farHostRow(this.#core, id))?.leaving === 2;
  }

  /**
   * The host has given up everything: its agent goes too, and with it all that is known of the machine. Where that fails
   * it may be called again, but where nothing was ever put there.
   */
  async leave(id: string): Promise<void> {
    const far = this.#agents.get(id);
    if (!far) return;
    await this.#core.db.write((tx) => markEmpty(tx, id));
    try {
      await far.leave();
    } catch (error) {
      const row = await farHostRow(this.#core, id);
      if (row && (row.begun === 1 || row.description !== null)) throw error;
    }
    await this.#forget(id, far);
  }

  async #forget(id: string, far: FarAgent): Promise<void> {
    this.#agents.delete(id);
    await far.agent.close();
    await this.#core.db.write(async (tx) => {
      await this.#lines.forget(tx, id);
      await tx.deleteFrom('far_hosts').where('host_id', '=', id).execute();
    });
    this.#gone.delete(id);
  }

  /**
   * The machine will never answer again, an administrator says: what has to be removed there has gone with it, and it is
   * not connected to any more, whatever answers in its place. Also for a host that is on its way out of the cloud. Throws
   * `not_found` for a host that is on no other machine.
   */
  async giveUpMachine(id: string): Promise<void> {
    const row = await this.#core.db.write(async (tx) => {
      const set = { gone: 1, leaving: sql<0 | 1 | 2>`case when leaving = 0 then 0 else 2 end` } as const;
      const row = await tx
        .updateTable('far_hosts')
        .set(set)
        .where('host_id', '=', id)
        .returningAll()
        .executeTakeFirst();
      if (!row) throw notFound('host', id);
      await this.#lines.noteLost(tx, id);
      return row;
    });
    if (!this.#gone.has(id)) await this.#replace({ ...row, name: null });
  }

  async #replace(row: FarRow): Promise<void> {
    const before = this.#agents.get(row.host_id);
    this.#adopt(row, row.name ?? row.host_id);
    await before?.agent.close();
  }

  /** A host that was added before: nobody knows whether it answers, unless another process does. */
  async #find(row: FarRow): Promise<void> {
    await this.#core.db.write((tx) => this.#lines.noteUnknown(tx, row.host_id));
    // It may be one that is being added.
    if (this.#agents.has(row.host_id)) return;
    const far = this.#adopt(row, row.name ?? row.host_id);
    if (row.leaving !== 2) far.keep();
  }

  #adopt(row: FarHostsTable, name: string): FarAgent {
    const id = row.host_id;
    const known = row.description === null ? undefined : (JSON.parse(row.description) as HostDescription);
    if (row.gone === 1) {
      this.#gone.add(id);
      return this.#use(row, goneMachine(known), known);
    }
    const current = async () => {
      const found = await farHostRow(this.#core, id);
      if (!found) throw notFound('host', id);
      return { ...found, ...this.#tried.get(id) };
    };
    const far: FarAgent = this.#open!({
      hostId: id,
      name,
      place: async ({ toLeave }) => {
        const { address, port, username, leaving } = await current();
        if (leaving === 2 && !toLeave) throw notFound('host', id);
        return { address, port, user: username };
      },
      password: async () => (await current()).password,
      key: async () => (await current()).machine_key,
      mayBegin: async () => {
        const hasAnswered = (await current()).description !== null;
        const isFree = !hasAnswered || (await contentOf(this.#core.db.read, id)) === undefined;
        if (isFree) await noteBegun(this.#core, id);
        return isFree;
      },
      hostKey: this.#hostKey(id),
      ...(known ? { known } : {}),
      onChange: (state) => {
        this.#changes
          .run(id, () => ('lost' in state ? this.#lost(id, state.lost) : this.#described(id, far, state.description)))
          .catch((err) => this.#core.log.warn({ err, hostId: id }, 'the status of a host could not be noted'));
      },
    });
    return this.#use(row, far, known);
  }

  #use({ host_id: id, leaving }: FarHostsTable, far: FarAgent, known: HostDescription | undefined): FarAgent {
    this.#agents.set(id, far);
    // Nobody is asked what it is before it has said so once.
    if (leaving !== 0) this.#hosts.leaving.set(id, far.agent);
    else if (known) this.#hosts.join(id, far.agent);
    return far;
  }

  async #described(id: string, far: FarAgent, facts: HostDescription): Promise<void> {
    const now = this.#core.env.now();
    await this.#core.db.write(async (tx) => {
      const description = JSON.stringify(facts);
      await tx.updateTable('far_hosts').set({ description }).where('host_id', '=', id).execute();
      const row = await tx.selectFrom('hosts').select('memory_mb').where('id', '=', id).executeTakeFirst();
      const isNew = row?.memory_mb === 0;
      await tx
        .updateTable('hosts')
        .set({
          ...describedColumns(facts),
          updated_at: now,
          ...(isNew ? { reserved_memory_mb: reservedMemory(facts) } : {}),
        })
        .where('id', '=', id)
        .execute();
      await setCpuRatios(this.#core.db, tx, this.#core.settings.cpuRatio);
      await this.#lines.take(tx, id);
    });
    if (this.#agents.get(id) === far && !this.#hosts.leaving.has(id)) this.#hosts.join(id, far.agent);
    this.#core.log.info({ hostId: id }, 'a host on another machine answers');
  }

  async #lost(id: string, reason: string): Promise<void> {
    const isNews = await this.#core.db.write((tx) => this.#lines.noteLost(tx, id));
    if (isNews) this.#core.log.warn({ hostId: id, reason }, 'a host on another machine does not answer');
  }

  #hostKey(id: string): KnownHostKey {
    const read = async () => (this.#tried.get(id) ?? (await farHostRow(this.#core, id)))?.host_key ?? undefined;
    return {
      read,
      keep: async (key) => {
        const tried = this.#tried.get(id);
        if (tried) {
          tried.host_key ??= key;
          return tried.host_key;
        }
        await this.#core.db.write((tx) =>
          tx
            .updateTable('far_hosts')
            .set({ host_key: key })
            .where('host_id', '=', id)
            .where('host_key', 'is', null)
            .execute(),
        );
        return (await read()) ?? key;
      },
    };
  }
}

/** Its agent is not put there again from now on, also by no other process. */
async function markEmpty(tx: Tx, id: string): Promise<void> {
  await tx.updateTable('far_hosts').set({ leaving: 2 }).where('host_id', '=', id).execute();
}

/** With what the host is called, as long as it is one of the cloud. */
type FarRow = FarHostsTable & { name: string | null };

function unreachable(error: unknown): unknown {
  if (!(error instanceof AgentError)) return error;
  return new CloudError('unavailable', error.message, { reason: 'unreachable', cause: error });
}

/** The machine may be told who it is from now on: then something of the host is there. */
async function noteBegun({ db }: Pick<CloudCore, 'db'>, id: string): Promise<void> {
  await db.write((tx) =>
    tx.updateTable('far_hosts').set({ begun: 1 }).where('host_id', '=', id).where('begun', '=', 0).execute(),
  );
}
