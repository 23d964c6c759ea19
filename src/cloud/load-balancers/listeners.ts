import type { Tx } from '../../database/database.ts';
import type { LoadBalancerListenersTable } from '../../database/schema.ts';
import { newId } from '../../env/env.ts';
import type { Subject } from '../identity/subject.ts';
import { listenerOn } from '../networks/balanced-addresses.ts';
import { overlaps } from '../networks/port-forwarding-model.ts';
import type { Quotas } from '../quotas/quotas.ts';
import type { BalancerChanges, ClaimedBalancer } from './balancer-changes.ts';
import { invalid, type ListenerProtocol, type ListenerSettings, lockCertificate, ownedRow, refused } from './model.ts';
import { type MemberList, type Pools, portIdsOf } from './pools.ts';
import { checkSettings } from './settings.ts';

export interface NewListener {
  id?: string;
  name: string;
  description?: string;
  loadBalancerId: string;
  protocol: ListenerProtocol;
  port: number;
  /** Where its members are served; the same port where none is said. */
  memberPort?: number;
  settings: ListenerSettings;
  certificateId?: string;
}

/** What else is written where a listener's settings are, and with them. */
export type Alongside = (
  tx: Tx,
  listener: { id: string; projectId: string; settings: ListenerSettings },
) => Promise<void>;

/** Ports of load balancers, and whom what comes there is given to. */
export class Listeners {
  readonly #changes: BalancerChanges;
  readonly #quotas: Quotas;
  readonly #pools: Pools;

  constructor(changes: BalancerChanges, quotas: Quotas, pools: Pools) {
    this.#changes = changes;
    this.#quotas = quotas;
    this.#pools = pools;
  }

  /** Throws `invalid` for settings that can't be, and `conflict` (`port_taken`) where the port is used. */
  async create(subject: Subject, wanted: NewListener, alongside?: Alongside): Promise<string> {
    const { env } = this.#changes.core;
    const id = wanted.id ?? newId(env);
    checkSettings(wanted.protocol, wanted.settings);
    await this.#changes.change(subject, wanted.loadBalancerId, async (tx, claimed) => {
      await this.#quotas.check(tx, claimed.row.project_id, { load_balancer_listeners: 1 });
      await requireFreePort(tx, claimed, wanted.port);
      const now = env.now();
      const { certificateId, protocol } = wanted;
      if (certificateId !== undefined) await requireCertifiable(tx, claimed, protocol, subject, certificateId);
      await tx
        .insertInto('load_balancer_listeners')
        .values({
          ...{ id, project_id: claimed.row.project_id, load_balancer_id: claimed.row.id },
          ...{ name: wanted.name, description: wanted.description ?? null },
          ...{ protocol, port: wanted.port, member_port: wanted.memberPort ?? wanted.port },
          ...{ settings: JSON.stringify(wanted.settings), own_pool_id: null },
          ...{ certificate_id: certificateId ?? null, certified_at: certificateId === undefined ? null : now },
          ...{ created_at: now, updated_at: now },
        })
        .execute();
      await alongside?.(tx, { id, projectId: claimed.row.project_id, settings: wanted.settings });
    });
    return id;
  }

  update(subject: Subject, id: string, changes: { name?: string; description?: string }): Promise<void> {
    return this.#changes.rename('load_balancer_listeners', subject, id, changes);
  }

  /** Changes how it gives connections to members: `change` is given what it is now. */
  async configure(
    subject: Subject,
    id: string,
    change: (before: ListenerSettings, protocol: ListenerProtocol) => ListenerSettings,
    alongside?: Alongside,
  ): Promise<void> {
    await this.#within(subject, id, async (tx, row) => {
      const protocol = row.protocol as ListenerProtocol;
      const settings = change(JSON.parse(row.settings) as ListenerSettings, protocol);
      checkSettings(protocol, settings);
      await this.#set(tx, id, { settings: JSON.stringify(settings) });
      await alongside?.(tx, { id, projectId: row.project_id, settings });
    });
  }

  /** With its own pool, unless another listener has that too. Gives the load balancer that it was of. */
  async delete(subject: Subject, id: string): Promise<string> {
    const { load_balancer_id: loadBalancerId } = await this.#listener(subject, id);
    await this.#changes.changeMembers(subject, loadBalancerId, async (tx) => {
      const row = await ownedRow(tx, 'load_balancer_listeners', subject, id);
      await tx.deleteFrom('load_balancer_listeners').where('id', '=', id).execute();
      if (row.own_pool_id === null) return;
      const used = tx
        .selectFrom('load_balancer_listener_pools')
        .select('pool_id')
        .where('pool_id', '=', row.own_pool_id);
      if (await used.executeTakeFirst()) return;
      await tx.deleteFrom('load_balancer_pools').where('id', '=', row.own_pool_id).execute();
    });
    return loadBalancerId;
  }

  /** Adds members to the listener's own pool, which is made with the first of them. */
  async addMembers(subject: Subject, id: string, members: MemberList): Promise<void> {
    const { load_balancer_id: loadBalancerId } = await this.#listener(subject, id);
    await this.#changes.addMembers(subject, loadBalancerId, portIdsOf(members), async (tx, claimed) => {
      const row = await ownedRow(tx, 'load_balancer_listeners', subject, id);
      const poolId = row.own_pool_id ?? (await this.#makeOwnPool(tx, claimed, row));
      await this.#pools.addMembersIn(tx, subject, poolId, claimed, members);
    });
  }

  async #makeOwnPool(tx: Tx, claimed: ClaimedBalancer, { id, name }: LoadBalancerListenersTable): Promise<string> {
    const poolId = await this.#pools.createIn(tx, claimed, { name: `default-server-group-${name}`.slice(0, 255) });
    await this.#set(tx, id, { own_pool_id: poolId });
    await this.#attach(tx, id, poolId);
    return poolId;
  }

  /** Throws `conflict` (`no_own_pool`) where it never had members of its own. Gives its load balancer. */
  async removeMembers(subject: Subject, id: string, portIds: readonly string[]): Promise<string> {
    const { own_pool_id: poolId, load_balancer_id: loadBalancerId } = await this.#listener(subject, id);
    if (poolId === null) {
      throw refused('load_balancer_listener', id, 'no_own_pool', `The listener ${id} has no members of its own.`);
    }
    await this.#pools.removeMembers(subject, poolId, { portIds });
    return loadBalancerId;
  }

  /** Gives what comes to the members of the pool too. Throws `conflict` (`attached`) where it does, `invalid` for one of another load balancer. */
  async addPool(subject: Subject, id: string, poolId: string): Promise<void> {
    await this.#within(subject, id, async (tx, row) => {
      const pool = await ownedRow(tx, 'load_balancer_pools', subject, poolId);
      if (pool.load_balancer_id !== row.load_balancer_id) {
        throw invalid('load_balancer_pool', `The pool ${poolId} is of another load balancer than the listener ${id}.`);
      }
      if (await isAttached(tx, id, poolId)) {
        throw refused('load_balancer_pool', poolId, 'attached', `The listener ${id} has the pool ${poolId} already.`);
      }
      await this.#attach(tx, id, poolId);
    });
  }

  /** Throws `conflict` (`not_attached`) where it does not have the pool. */
  async removePool(subject: Subject, id: string, poolId: string): Promise<void> {
    await this.#within(subject, id, async (tx) => {
      await ownedRow(tx, 'load_balancer_pools', subject, poolId);
      if (!(await isAttached(tx, id, poolId))) {
        throw refused('load_balancer_pool', poolId, 'not_attached', `The listener ${id} has no pool ${poolId}.`);
      }
      await tx
        .deleteFrom('load_balancer_listener_pools')
        .where('listener_id', '=', id)
        .where('pool_id', '=', poolId)
        .execute();
      // One that it has no more is like any other.
      await tx
        .updateTable('load_balancer_listeners')
        .set({ own_pool_id: null })
        .where('id', '=', id)
        .where('own_pool_id', '=', poolId)
        .execute();
    });
  }

  /** Throws `invalid` where it does not speak TLS, `conflict` (`certified`) where it has a certificate. */
  async addCertificate(subject: Subject, id: string, certificateId: string): Promise<void> {
    await this.#within(subject, id, async (tx, row, claimed) => {
      await requireCertifiable(tx, claimed, row.protocol, subject, certificateId);
      if (row.certificate_id !== null) {
        const words = `The listener ${id} has the certificate ${row.certificate_id} already.`;
        throw refused('load_balancer_listener', id, 'certified', words);
      }
      await this.#set(tx, id, { certificate_id: certificateId, certified_at: this.#changes.core.env.now() });
    });
  }

  /** Without one nothing is served. Throws `conflict` (`not_certified`) where it does not have the certificate. */
  async removeCertificate(subject: Subject, id: string, certificateId: string): Promise<void> {
    await this.#within(subject, id, async (tx, row) => {
      if (row.certificate_id !== certificateId) {
        const words = `The listener ${id} has no certificate ${certificateId}.`;
        throw refused('load_balancer_listener', id, 'not_certified', words);
      }
      await this.#set(tx, id, { certificate_id: null, certified_at: null });
    });
  }

  async #attach(tx: Tx, listenerId: string, poolId: string): Promise<void> {
    const link = { listener_id: listenerId, pool_id: poolId, created_at: this.#changes.core.env.now() };
    await tx.insertInto('load_balancer_listener_pools').values(link).execute();
  }

  async #set(
    tx: Tx,
    id: string,
    changes: Partial<Pick<LoadBalancerListenersTable, 'settings' | 'own_pool_id' | 'certificate_id' | 'certified_at'>>,
  ): Promise<void> {
    const updated = { ...changes, updated_at: this.#changes.core.env.now() };
    await tx.updateTable('load_balancer_listeners').set(updated).where('id', '=', id).execute();
  }

  #listener(subject: Subject, id: string): Promise<LoadBalancerListenersTable> {
    return ownedRow(this.#changes.core.db.read, 'load_balancer_listeners', subject, id);
  }

  /** Changes a listener that nobody else changes meanwhile. */
  async #within(
    subject: Subject,
    id: string,
    work: (tx: Tx, row: LoadBalancerListenersTable, claimed: ClaimedBalancer) => Promise<void>,
  ): Promise<void> {
    const { load_balancer_id: loadBalancerId } = await this.#listener(subject, id);
    await this.#changes.change(subject, loadBalancerId, async (tx, claimed) =>
      work(tx, await ownedRow(tx, 'load_balancer_listeners', subject, id), claimed),
    );
  }
}

async function isAttached(tx: Tx, listenerId: string, poolId: string): Promise<boolean> {
  const query = tx.selectFrom('load_balancer_listener_pools').select('pool_id').where('listener_id', '=', listenerId);
  return (await query.where('pool_id', '=', poolId).executeTakeFirst()) !== undefined;
}

async function requireCertifiable(
  tx: Tx,
  { row }: ClaimedBalancer,
  protocol: string,
  subject: Subject,
  certificateId: string,
): Promise<void> {
  if (protocol !== 'https') {
    throw invalid('load_balancer_listener', `A listener that speaks ${protocol} needs no certificate.`);
  }
  const certificate = await lockCertificate(tx, subject, certificateId);
  if (certificate.project_id === row.project_id) return;
  throw invalid('certificate', `The certificate ${certificateId} is of another project than the load balancer.`);
}

/** The port may be another listener's, or forwarded. */
async function requireFreePort(tx: Tx, { row, vip }: ClaimedBalancer, port: number): Promise<void> {
  const range = { first: port, last: port };
  const other = await listenerOn(tx, vip.id, range);
  if (other) {
    throw refused(
      'load_balancer_listener',
      other.id,
      'port_taken',
      `The port ${port} is that of the listener ${other.id}.`,
    );
  }
  for (const table of ['port_forwarding_rules', 'port_forwardings'] as const) {
    const forwarded = await tx
      .selectFrom(table)
      .select(['id', 'external_port', 'external_port_end'])
      .where('floating_ip_id', '=', vip.id)
      .where('protocol', '=', 'tcp')
      .execute();
    const one = forwarded.find((each) => overlaps({ first: each.external_port, last: each.external_port_end }, range));
    if (!one) continue;
    throw refused(
      'load_balancer',
      row.id,
      'port_forwarded',
      `The port ${port} of ${vip.address} is forwarded by ${one.id}.`,
    );
  }
}
