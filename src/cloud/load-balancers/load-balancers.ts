import { newId } from '../../env/env.ts';
import type { CloudCore } from '../core.ts';
import { vipInUse } from '../eips/vip-in-use.ts';
import { CloudError } from '../errors.ts';
import type { Subject } from '../identity/subject.ts';
import { isBalanced } from '../networks/balanced-addresses.ts';
import type { Networks } from '../networks/networks.ts';
import type { Quotas } from '../quotas/quotas.ts';
import { BalancerChanges } from './balancer-changes.ts';
import { Certificates } from './certificates.ts';
import { Listeners } from './listeners.ts';
import { ownedRow } from './model.ts';
import { Pools } from './pools.ts';

export interface NewLoadBalancer {
  id?: string;
  name: string;
  description?: string;
  floatingIpId: string;
}

type Core = Pick<CloudCore, 'db' | 'env' | 'settings'>;

/**
 * Load balancers: addresses outside whose ports are given to several servers. They are served on the router that their
 * members are behind, by the host that has it.
 */
export class LoadBalancers {
  readonly listeners: Listeners;
  readonly pools: Pools;
  readonly certificates: Certificates;
  readonly #core: Core;
  readonly #networks: Networks;
  readonly #quotas: Quotas;
  readonly #changes: BalancerChanges;
  readonly #obstacle: () => Promise<string | undefined>;

  /** @param obstacle why no host can serve any; undefined where one can */
  constructor(core: Core, networks: Networks, quotas: Quotas, obstacle: () => Promise<string | undefined>) {
    this.#core = core;
    this.#networks = networks;
    this.#quotas = quotas;
    this.#obstacle = obstacle;
    this.#changes = new BalancerChanges(core, networks);
    this.pools = new Pools(this.#changes);
    this.listeners = new Listeners(this.#changes, quotas, this.pools);
    this.certificates = new Certificates(core, this.#changes);
  }

  /**
   * Throws `not_found` for the floating IP, `conflict` (`vip_in_use`) where it stands for an address or has a load
   * balancer, and `unavailable` where no host can serve load balancers.
   */
  async create(subject: Subject, wanted: NewLoadBalancer): Promise<string> {
    const obstacle = await this.#obstacle();
    if (obstacle !== undefined) {
      throw new CloudError('unavailable', `No host of this cloud can serve load balancers: ${obstacle}.`);
    }
    const id = wanted.id ?? newId(this.#core.env);
    await this.#core.db.write(async (tx) => {
      const vip = await this.#networks.floatingIps.claim(tx, subject, wanted.floatingIpId);
      const eip = await tx.selectFrom('eips').select('id').where('floating_ip_id', '=', vip.id).executeTakeFirst();
      if (eip || vip.portId) throw vipInUse(vip.id, 'Eip');
      if (await isBalanced(tx, vip.id)) throw vipInUse(vip.id, 'LoadBalancer');
      await this.#quotas.check(tx, vip.projectId, { load_balancers: 1 });
      const now = this.#core.env.now();
      const about = { name: wanted.name, description: wanted.description ?? null };
      const owner = { id, project_id: vip.projectId, floating_ip_id: vip.id };
      await tx
        .insertInto('load_balancers')
        .values({ ...owner, ...about, created_at: now, updated_at: now })
        .execute();
    });
    return id;
  }

  update(subject: Subject, id: string, changes: { name?: string; description?: string }): Promise<void> {
    return this.#changes.rename('load_balancers', subject, id, changes);
  }

  /** Whose the load balancer, listener or pool is. Throws `not_found` for those of others. */
  async ownerOf(
    subject: Subject,
    table: 'load_balancers' | 'load_balancer_listeners' | 'load_balancer_pools',
    id: string,
  ): Promise<string> {
    return (await ownedRow(this.#core.db.read, table, subject, id)).project_id;
  }

  /** Has hosts look at it again. */
  async refresh(subject: Subject, id: string): Promise<void> {
    await ownedRow(this.#core.db.read, 'load_balancers', subject, id);
    this.#networks.notifyChange();
  }

  /** With its listeners and pools. The address stays. */
  delete(subject: Subject, id: string): Promise<void> {
    return this.#changes.changeMembers(subject, id, async (tx) => {
      await tx.deleteFrom('load_balancers').where('id', '=', id).execute();
    });
  }
}
