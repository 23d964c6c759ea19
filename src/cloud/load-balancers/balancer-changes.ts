import type { Tx } from '../../database/database.ts';
import type { LoadBalancersTable } from '../../database/schema.ts';
import type { CloudCore } from '../core.ts';
import { MadeRouters } from '../eips/made-routers.ts';
import type { Subject } from '../identity/subject.ts';
import type { Networks } from '../networks/networks.ts';
import { loadPorts, selectPorts } from '../networks/port-rows.ts';
import type { FloatingIp } from '../networks/router-model.ts';
import { settleMemberRouter } from './member-routers.ts';
import { ownedRow } from './model.ts';

type Core = Pick<CloudCore, 'db' | 'env'>;

/** A load balancer in the transaction that changes it. */
export interface ClaimedBalancer {
  row: LoadBalancersTable;
  vip: FloatingIp;
}

/** How everything of load balancers is changed: one change of a load balancer at a time, and hosts are told of it. */
export class BalancerChanges {
  readonly core: Core;
  readonly networks: Networks;
  readonly #routers: MadeRouters;

  constructor(core: Core, networks: Networks) {
    this.core = core;
    this.networks = networks;
    this.#routers = new MadeRouters(core, networks);
  }

  /** The load balancer, which nobody else changes until the transaction ends, nor what else is on its address. */
  async claim(tx: Tx, subject: Subject, id: string): Promise<ClaimedBalancer> {
    const row = await ownedRow(tx, 'load_balancers', subject, id);
    const vip = await this.networks.floatingIps.claim(tx, subject, row.floating_ip_id);
    // It may have been deleted while others had the address.
    return { row: await ownedRow(tx, 'load_balancers', subject, id), vip };
  }

  /** Changes the load balancer. */
  async change<Result>(
    subject: Subject,
    id: string,
    work: (tx: Tx, claimed: ClaimedBalancer) => Promise<Result>,
  ): Promise<Result> {
    const result = await this.core.db.write(async (tx) => work(tx, await this.claim(tx, subject, id)));
    this.networks.notifyChange();
    return result;
  }

  /** As `change`, of work that adds members or takes some away: a router that was made for them goes with the last. */
  async changeMembers<Result>(
    subject: Subject,
    id: string,
    work: (tx: Tx, claimed: ClaimedBalancer) => Promise<Result>,
  ): Promise<Result> {
    let before: string | null = null;
    const result = await this.change(subject, id, async (tx, claimed) => {
      before = claimed.vip.routerId;
      const done = await work(tx, claimed);
      await settleMemberRouter(this.networks, tx, id, claimed.vip);
      return done;
    });
    if (before !== null) await this.#routers.removeUnused(subject, before);
    return result;
  }

  /**
   * As `changeMembers`, of work that adds the ports: those whose networks have no router get one to the load balancer's
   * network, as long as they are members.
   */
  async addMembers(
    subject: Subject,
    id: string,
    portIds: readonly string[],
    work: (tx: Tx, claimed: ClaimedBalancer) => Promise<void>,
  ): Promise<void> {
    const { read } = this.core.db;
    const row = await ownedRow(read, 'load_balancers', subject, id);
    const vip = await this.networks.floatingIps.get(subject, row.floating_ip_id);
    const ports = await loadPorts(
      read,
      await selectPorts(read)
        .where('ports.id', 'in', [...portIds, ''])
        .execute(),
    );
    // One port for each subnet is enough.
    const own = ports.filter(({ projectId }) => projectId === row.project_id);
    const bySubnet = new Map(own.map((port) => [port.fixedIps[0]?.subnetId, port.id]));
    await this.#routers.leading(subject, vip.networkId, [...bySubnet.values()], () =>
      this.changeMembers(subject, id, work),
    );
  }

  /** Changes the name or the description of something. */
  async rename(
    table: 'load_balancers' | 'load_balancer_listeners' | 'load_balancer_pools' | 'certificates',
    subject: Subject,
    id: string,
    changes: { name?: string; description?: string },
  ): Promise<void> {
    await this.core.db.write(async (tx) => {
      await ownedRow(tx, table, subject, id);
      const { name, description } = changes;
      const set = { ...(name === undefined ? {} : { name }), ...(description === undefined ? {} : { description }) };
      await tx
        .updateTable(table as 'load_balancers')
        .set({ ...set, updated_at: this.core.env.now() })
        .where('id', '=', id)
        .execute();
    });
  }
}
