import type { Queryable, Tx } from '../../database/database.ts';
import type { PortForwardingRulesTable } from '../../database/schema/zstack.ts';
import { newId } from '../../env/env.ts';
import type { CloudCore } from '../core.ts';
import { CloudError, notFound } from '../errors.ts';
import type { Subject } from '../identity/subject.ts';
import { listenerOn } from '../networks/balanced-addresses.ts';
import type { Networks } from '../networks/networks.ts';
import { type ForwardedProtocol, overlaps, type PortRange } from '../networks/port-forwarding-model.ts';
import type { MadeRouters } from './made-routers.ts';
import { vipInUse } from './vip-in-use.ts';

/** What a rule is made with. */
export interface NewPortForwardingRule {
  id?: string;
  name: string;
  description?: string;
  vipId: string;
  protocol: ForwardedProtocol;
  external: PortRange;
  /** The same ports where none are said. */
  internal?: PortRange;
}

type Rule = PortForwardingRulesTable;

/**
 * Port forwarding as ZStack has it: a rule belongs to a VIP and stays when no interface has it. With an interface it is
 * the engine's port forwarding; one that was made as such by other means is a rule with its id.
 */
export class PortForwardingRules {
  readonly #core: Pick<CloudCore, 'db' | 'env'>;
  readonly #networks: Networks;
  readonly #routers: MadeRouters;

  constructor(core: Pick<CloudCore, 'db' | 'env'>, networks: Networks, routers: MadeRouters) {
    this.#core = core;
    this.#networks = networks;
    this.#routers = routers;
  }

  /** Whether ports of the VIP are forwarded, or kept for that. */
  async areOn(db: Queryable, vipId: string): Promise<boolean> {
    for (const table of ['port_forwarding_rules', 'port_forwardings'] as const) {
      const found = await db.selectFrom(table).select('id').where('floating_ip_id', '=', vipId).executeTakeFirst();
      if (found) return true;
    }
    return false;
  }

  /**
   * Throws `not_found` for the VIP, `conflict` (`vip_in_use`) where it is an EIP, `invalid` where its ports are forwarded
   * already or there are not as many ports on either side.
   */
  async create(subject: Subject, wanted: NewPortForwardingRule): Promise<string> {
    const { external, internal = external, protocol } = wanted;
    checkRanges(external, internal);
    const id = wanted.id ?? newId(this.#core.env);
    await this.#core.db.write(async (tx) => {
      const vip = await this.#networks.floatingIps.claim(tx, subject, wanted.vipId);
      const eip = await tx.selectFrom('eips').select('id').where('floating_ip_id', '=', vip.id).executeTakeFirst();
      if (eip || vip.portId) throw vipInUse(vip.id, 'Eip');
      await this.#requireFreePorts(tx, vip.id, protocol, external);
      const now = this.#core.env.now();
      const ports = { ...columnsOf(external, internal), protocol };
      const about = { name: wanted.name, description: wanted.description ?? null, forwarding_id: null };
      const owner = { id, project_id: vip.projectId, floating_ip_id: vip.id, created_at: now, updated_at: now };
      await tx
        .insertInto('port_forwarding_rules')
        .values({ ...owner, ...about, ...ports })
        .execute();
    });
    return id;
  }

  /**
   * Gives the interface its ports, by a router that is made where none leads to the VIP's network yet. Throws `conflict`
   * (`attached`) where an interface has it, also one that got it at the same moment.
   */
  async attach(subject: Subject, id: string, portId: string): Promise<void> {
    const networks = this.#networks;
    const { floating_ip_id: vipId } = await this.#detached(subject, id);
    const vip = await networks.floatingIps.get(subject, vipId);
    await this.#routers.leading(subject, vip.networkId, [portId], () =>
      this.#core.db.write(async (tx) => {
        await networks.floatingIps.claim(tx, subject, vipId);
        const rule = await this.#detached(subject, id, tx);
        const made = await networks.portForwardings.createIn(tx, subject, vipId, {
          description: rule.description ?? '',
          protocol: rule.protocol as ForwardedProtocol,
          external: { first: rule.external_port, last: rule.external_port_end },
          internalPortId: portId,
          internal: { first: rule.internal_port, last: rule.internal_port_end },
        });
        const changes = { forwarding_id: made.id, updated_at: this.#core.env.now() };
        await tx.updateTable('port_forwarding_rules').set(changes).where('id', '=', id).execute();
      }),
    );
    networks.notifyChange();
  }

  /** The rule stays. Nothing happens where no interface has it. */
  async detach(subject: Subject, id: string): Promise<void> {
    const rule = await this.#rule(subject, id);
    if (rule.forwarding_id === null) return;
    const { forwarding_id: forwardingId, ...kept } = rule;
    const now = this.#core.env.now();
    await this.#unforward(subject, rule.floating_ip_id, forwardingId, (tx) =>
      tx
        .insertInto('port_forwarding_rules')
        .values({ ...kept, forwarding_id: null, updated_at: now })
        .onConflict((conflict) => conflict.column('id').doUpdateSet({ forwarding_id: null, updated_at: now }))
        .execute(),
    );
  }

  async update(subject: Subject, id: string, changes: { name?: string; description?: string }): Promise<void> {
    const rule = await this.#rule(subject, id);
    const updated = { ...changes, updated_at: this.#core.env.now() };
    await this.#core.db.write((tx) =>
      tx
        .insertInto('port_forwarding_rules')
        .values({ ...rule, ...updated })
        .onConflict((conflict) => conflict.column('id').doUpdateSet(updated))
        .execute(),
    );
  }

  /** One that is not there throws `not_found`. */
  async delete(subject: Subject, id: string): Promise<void> {
    const rule = await this.#rule(subject, id);
    const forget = (tx: Tx) => tx.deleteFrom('port_forwarding_rules').where('id', '=', id).execute();
    if (rule.forwarding_id === null) await this.#core.db.write(forget);
    else await this.#unforward(subject, rule.floating_ip_id, rule.forwarding_id, forget);
  }

  /** Takes the ports from the interface and does, at the same moment, what that means for the rule. */
  async #unforward(
    subject: Subject,
    vipId: string,
    forwardingId: string,
    change: (tx: Tx) => Promise<unknown>,
  ): Promise<void> {
    const { routerId } = await this.#networks.floatingIps.get(subject, vipId);
    await this.#core.db.write(async (tx) => {
      await this.#networks.portForwardings.deleteIn(tx, subject, vipId, forwardingId);
      await change(tx);
    });
    if (routerId) await this.#routers.removeUnused(subject, routerId);
    this.#networks.notifyChange();
  }

  async #detached(subject: Subject, id: string, db?: Queryable): Promise<Rule> {
    const rule = await this.#rule(subject, id, db);
    if (rule.forwarding_id === null) return rule;
    const words = `port forwarding rule[uuid:${id}] has been attached to a vm nic already, can't attach again`;
    throw new CloudError('conflict', words, { resource: 'port_forwarding_rule', id, reason: 'attached' });
  }

  async #rule(subject: Subject, id: string, db: Queryable = this.#core.db.read): Promise<Rule> {
    const rule = await db.selectFrom('port_forwarding_rules').selectAll().where('id', '=', id).executeTakeFirst();
    const forwarding = await db.selectFrom('port_forwardings').selectAll().where('id', '=', id).executeTakeFirst();
    const found = rule ?? forwarding;
    if (!found || !(subject.isAdmin || found.project_id === subject.projectId)) {
      throw notFound('port_forwarding_rule', id);
    }
    if (rule) return rule;
    const { internal_port_id: _port, internal_address: _address, revision: _revision, ...same } = forwarding!;
    return { ...same, name: `${same.protocol}-${same.external_port}`, forwarding_id: id };
  }

  async #requireFreePorts(tx: Tx, vipId: string, protocol: string, wanted: PortRange): Promise<void> {
    const listener = protocol === 'tcp' && (await listenerOn(tx, vipId, wanted));
    if (listener) {
      const ports = `vip port[${wanted.first}, ${wanted.last}]`;
      throw invalid(`${ports} overlaps with [${listener.port}] of load balancer listener[uuid:${listener.id}]`);
    }
    for (const table of ['port_forwarding_rules', 'port_forwardings'] as const) {
      const taken = await tx
        .selectFrom(table)
        .select(['id', 'external_port', 'external_port_end'])
        .where('floating_ip_id', '=', vipId)
        .where('protocol', '=', protocol)
        .execute();
      for (const { id, external_port: first, external_port_end: last } of taken) {
        if (!overlaps({ first, last }, wanted)) continue;
        const ports = `vip port[${wanted.first}, ${wanted.last}]`;
        throw invalid(`${ports} overlaps with [${first}, ${last}] of port forwarding rule[uuid:${id}] on the same vip`);
      }
    }
  }
}

function columnsOf(external: PortRange, internal: PortRange) {
  return {
    external_port: external.first,
    external_port_end: external.last,
    internal_port: internal.first,
    internal_port_end: internal.last,
  };
}

/** As many ports on either side. */
function checkRanges(external: PortRange, internal: PortRange): void {
  const sides = { vipPortStart: external, privatePortStart: internal };
  for (const [field, { first, last }] of Object.entries(sides)) {
    const end = field.replace('Start', 'End');
    if (first > last) throw invalid(`invalid port range, ${field}[${first}] is bigger than ${end}[${last}]`);
  }
  if (external.last - external.first === internal.last - internal.first) return;
  throw invalid('for range port forwarding, the number of vip ports must equal the number of private ports');
}

function invalid(words: string): CloudError {
  return new CloudError('invalid', words, { resource: 'port_forwarding_rule' });
}
