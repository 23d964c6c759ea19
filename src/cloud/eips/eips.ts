import { newId } from '../../env/env.ts';
import type { CloudCore } from '../core.ts';
import { CloudError, notFound } from '../errors.ts';
import type { Subject } from '../identity/subject.ts';
import { isBalanced } from '../networks/balanced-addresses.ts';
import type { Networks } from '../networks/networks.ts';
import type { FloatingIp } from '../networks/router-model.ts';
import { MadeRouters } from './made-routers.ts';
import { PortForwardingRules } from './port-forwarding-rules.ts';
import { vipInUse } from './vip-in-use.ts';

/** What a VIP is made with. */
export interface NewVip {
  id?: string;
  name: string;
  description?: string;
  networkId: string;
  subnetId?: string;
  address?: string;
}

/** What an EIP is made with. */
export interface NewEip {
  id?: string;
  name: string;
  description?: string | null;
  vipId: string;
}

/**
 * Floating IPs as ZStack has them: a VIP is the address, an EIP is its use for one interface. Both are the one floating
 * IP of the engine; a VIP has its id, an EIP one of its own. A floating IP that was given to a port by other means is an
 * EIP with the VIP's id.
 */
export class Eips {
  readonly #core: Pick<CloudCore, 'db' | 'env'>;
  readonly #networks: Networks;
  readonly #routers: MadeRouters;
  /** The ports of VIPs that stand for ports of interfaces. */
  readonly portForwardingRules: PortForwardingRules;

  constructor(core: Pick<CloudCore, 'db' | 'env'>, networks: Networks) {
    this.#core = core;
    this.#networks = networks;
    this.#routers = new MadeRouters(core, networks);
    this.portForwardingRules = new PortForwardingRules(core, networks, this.#routers);
  }

  /** Throws what making a floating IP throws. */
  async createVip(subject: Subject, vip: NewVip): Promise<FloatingIp> {
    const { name, ...floatingIp } = vip;
    const made = await this.#core.db.write(async (tx) => {
      const one = await this.#networks.floatingIps.createIn(tx, subject, floatingIp);
      await tx.insertInto('vip_names').values({ floating_ip_id: one.id, name }).execute();
      return one;
    });
    this.#networks.notifyChange();
    return made;
  }

  /** The caller has checked that the subject may change it. */
  async nameVip(id: string, name: string): Promise<void> {
    await this.#core.db.write((tx) =>
      tx
        .insertInto('vip_names')
        .values({ floating_ip_id: id, name })
        .onConflict((conflict) => conflict.column('floating_ip_id').doUpdateSet({ name }))
        .execute(),
    );
  }

  /** Throws `not_found` for the VIP, `conflict` (`vip_in_use`) where it is an EIP already. */
  async create(subject: Subject, eip: NewEip): Promise<string> {
    const id = eip.id ?? newId(this.#core.env);
    await this.#core.db.write(async (tx) => {
      const vip = await this.#networks.floatingIps.claim(tx, subject, eip.vipId);
      const used = await tx.selectFrom('eips').select('id').where('floating_ip_id', '=', vip.id).executeTakeFirst();
      if (used || vip.portId) {
        throw vipInUse(vip.id, 'Eip');
      }
      if (await this.portForwardingRules.areOn(tx, vip.id)) throw vipInUse(vip.id, 'PortForwarding');
      if (await isBalanced(tx, vip.id)) throw vipInUse(vip.id, 'LoadBalancer');
      const now = this.#core.env.now();
      const { name, description = null } = eip;
      const row = { floating_ip_id: vip.id, id, name, description, created_at: now, updated_at: now };
      await tx.insertInto('eips').values(row).execute();
    });
    return id;
  }

  /** The floating IP of an EIP. Throws `not_found`. */
  async floatingIp(subject: Subject, id: string): Promise<FloatingIp> {
    const query = this.#core.db.read.selectFrom('eips').select('floating_ip_id').where('id', '=', id);
    const row = await query.executeTakeFirst();
    try {
      const found = await this.#networks.floatingIps.get(subject, row?.floating_ip_id ?? id);
      if (row || found.portId) return found;
    } catch (error) {
      if (!(error instanceof CloudError) || error.code !== 'not_found') throw error;
    }
    throw notFound('eip', id);
  }

  async update(subject: Subject, id: string, changes: { name?: string; description?: string | null }): Promise<void> {
    const { id: floatingIpId } = await this.floatingIp(subject, id);
    const now = this.#core.env.now();
    await this.#core.db.write((tx) =>
      tx
        .insertInto('eips')
        .values({
          floating_ip_id: floatingIpId,
          id,
          name: changes.name ?? '',
          description: changes.description ?? null,
          created_at: now,
          updated_at: now,
        })
        .onConflict((conflict) => conflict.column('floating_ip_id').doUpdateSet({ ...changes, updated_at: now }))
        .execute(),
    );
  }

  /** Gives the interface its address, by a router that is made where none leads to the VIP's network yet. */
  async attach(subject: Subject, id: string, portId: string, fixedAddress?: string): Promise<void> {
    const floatingIp = await this.floatingIp(subject, id);
    if (floatingIp.portId) {
      const words = `eip[uuid:${id}] has attached to another vm nic[uuid:${floatingIp.portId}], can't attach again`;
      throw new CloudError('conflict', words, { resource: 'floating_ip', id, reason: 'attached' });
    }
    const association = fixedAddress === undefined ? { portId } : { portId, fixedAddress };
    await this.#routers.leading(subject, floatingIp.networkId, [portId], () =>
      this.#networks.floatingIps.update(subject, floatingIp.id, { association }),
    );
  }

  async detach(subject: Subject, id: string): Promise<void> {
    await this.#free(subject, await this.floatingIp(subject, id));
  }

  /** The VIP stays. One that is not there is gone already. */
  async delete(subject: Subject, id: string): Promise<void> {
    const found = await this.floatingIp(subject, id).catch((error: unknown) => {
      if (error instanceof CloudError && error.code === 'not_found') return undefined;
      throw error;
    });
    if (!found) return;
    if (found.portId) await this.#free(subject, found);
    await this.#core.db.write((tx) => tx.deleteFrom('eips').where('floating_ip_id', '=', found.id).execute());
  }

  /** Gives the address back, also while it is used. */
  async deleteVip(subject: Subject, id: string): Promise<void> {
    const found = await this.#networks.floatingIps.get(subject, id);
    if (await isBalanced(this.#core.db.read, id)) throw vipInUse(id, 'LoadBalancer');
    if (found.portId) await this.#free(subject, found);
    await this.#networks.floatingIps.delete(subject, id);
    if (!found.portId && found.routerId) await this.#routers.removeUnused(subject, found.routerId);
  }

  async #free(subject: Subject, { id, routerId }: FloatingIp): Promise<void> {
    await this.#networks.floatingIps.update(subject, id, { association: null });
    if (routerId) await this.#routers.removeUnused(subject, routerId);
  }
}
