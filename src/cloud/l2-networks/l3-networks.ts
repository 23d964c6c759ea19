import type { CloudCore } from '../core.ts';
import { notFound } from '../errors.ts';
import type { Subject } from '../identity/subject.ts';
import type { Network } from '../networks/model.ts';
import type { NewNetwork } from '../networks/network-registry.ts';
import type { Networks } from '../networks/networks.ts';

/** What ZStack's users say of a network beyond what the engine's networks have. */
export interface L3Facts {
  l2NetworkId?: string;
  category?: string;
  dnsDomain?: string;
  system?: boolean;
}

/** Network services by their provider's id. */
export type NetworkServices = Record<string, string[]>;

/** Networks as ZStack's L3 networks: the engine's network and the facts that stand beside it. */
export class L3Networks {
  readonly #core: Pick<CloudCore, 'db'>;
  readonly #networks: Networks;

  constructor(core: Pick<CloudCore, 'db'>, networks: Networks) {
    this.#core = core;
    this.#networks = networks;
  }

  /** Makes both or neither. Throws `not_found` for the L2 network, and what making a network throws. */
  async create(subject: Subject, network: NewNetwork, facts: L3Facts): Promise<Network> {
    return await this.#core.db.write(async (tx) => {
      const { l2NetworkId } = facts;
      const l2 = l2NetworkId && tx.selectFrom('l2_networks').select('id').where('id', '=', l2NetworkId);
      if (l2 && !(await l2.executeTakeFirst())) throw notFound('l2_network', l2NetworkId);
      const made = await this.#networks.networks.createIn(tx, subject, network);
      const row = { network_id: made.id, ...columnsOf(facts), services: '{}' };
      await tx
        .insertInto('l3_network_facts')
        .values({ l2_network_id: null, category: null, dns_domain: null, system: 0, ...row })
        .execute();
      return made;
    });
  }

  /** The caller has checked that the subject may change the network. */
  async setFacts(networkId: string, facts: Omit<L3Facts, 'l2NetworkId'>): Promise<void> {
    await this.#upsert(networkId, columnsOf(facts));
  }

  async services(networkId: string): Promise<NetworkServices> {
    const row = await this.#core.db.read
      .selectFrom('l3_network_facts')
      .select('services')
      .where('network_id', '=', networkId)
      .executeTakeFirst();
    return row ? (JSON.parse(row.services) as NetworkServices) : {};
  }

  async setServices(networkId: string, services: NetworkServices): Promise<void> {
    await this.#upsert(networkId, { services: JSON.stringify(services) });
  }

  /** The addresses of subnets that something has. */
  async usedAddresses(subnetIds: readonly string[]): Promise<string[]> {
    if (subnetIds.length === 0) return [];
    const rows = await this.#core.db.read
      .selectFrom('port_addresses')
      .select('ip_address')
      .where('subnet_id', 'in', [...subnetIds])
      .execute();
    return rows.map((row) => row.ip_address);
  }

  /** Notes that a security group is for a network. The caller has checked both. */
  async attachSecurityGroup(securityGroupId: string, networkId: string): Promise<void> {
    const row = { security_group_id: securityGroupId, network_id: networkId };
    await this.#core.db.write((tx) =>
      tx
        .insertInto('security_group_networks')
        .values(row)
        .onConflict((conflict) => conflict.doNothing())
        .execute(),
    );
  }

  async detachSecurityGroup(securityGroupId: string, networkId: string): Promise<void> {
    await this.#core.db.write((tx) =>
      tx
        .deleteFrom('security_group_networks')
        .where('security_group_id', '=', securityGroupId)
        .where('network_id', '=', networkId)
        .execute(),
    );
  }

  async #upsert(networkId: string, values: Partial<ReturnType<typeof columnsOf>> & { services?: string }) {
    const fresh = { l2_network_id: null, category: null, dns_domain: null, system: 0 as const, services: '{}' };
    await this.#core.db.write((tx) =>
      tx
        .insertInto('l3_network_facts')
        .values({ network_id: networkId, ...fresh, ...values })
        .onConflict((conflict) => conflict.column('network_id').doUpdateSet({ network_id: networkId, ...values }))
        .execute(),
    );
  }
}

/** Only what is said: what is not stays as it is. */
function columnsOf({ l2NetworkId, category, dnsDomain, system }: L3Facts) {
  return {
    ...(l2NetworkId === undefined ? {} : { l2_network_id: l2NetworkId }),
    ...(category === undefined ? {} : { category }),
    ...(dnsDomain === undefined ? {} : { dns_domain: dnsDomain }),
    ...(system === undefined ? {} : { system: system ? (1 as const) : (0 as const) }),
  };
}
