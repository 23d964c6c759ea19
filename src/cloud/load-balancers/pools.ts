import type { Tx } from '../../database/database.ts';
import type { LoadBalancerPoolsTable, LoadBalancersTable } from '../../database/schema.ts';
import { newId } from '../../env/env.ts';
import { notFound } from '../errors.ts';
import type { Subject } from '../identity/subject.ts';
import { formatIpv4, parseIpv4 } from '../networks/addresses.ts';
import { loadPorts, selectPorts } from '../networks/port-rows.ts';
import type { BalancerChanges, ClaimedBalancer } from './balancer-changes.ts';
import { invalid, ownedRow, refused, usualWeight } from './model.ts';

export interface NewPool {
  id?: string;
  name: string;
  description?: string;
  loadBalancerId: string;
}

/** Who gets connections: interfaces of servers, and addresses behind the router. */
export interface MemberList {
  ports?: ReadonlyArray<{ portId: string; weight?: number }>;
  addresses?: ReadonlyArray<{ address: string; weight?: number }>;
}

export function portIdsOf({ ports = [] }: MemberList): string[] {
  return ports.map(({ portId }) => portId);
}

/** Pools: members that listeners give connections to. */
export class Pools {
  readonly #changes: BalancerChanges;

  constructor(changes: BalancerChanges) {
    this.#changes = changes;
  }

  create(subject: Subject, { loadBalancerId, ...wanted }: NewPool): Promise<string> {
    return this.#changes.change(subject, loadBalancerId, (tx, claimed) => this.createIn(tx, claimed, wanted));
  }

  /** As `create`, together with what else the transaction does. */
  async createIn(tx: Tx, { row }: ClaimedBalancer, wanted: Omit<NewPool, 'loadBalancerId'>): Promise<string> {
    const { env } = this.#changes.core;
    const id = wanted.id ?? newId(env);
    const now = env.now();
    const about = { name: wanted.name, description: wanted.description ?? null };
    const owner = { id, project_id: row.project_id, load_balancer_id: row.id };
    await tx
      .insertInto('load_balancer_pools')
      .values({ ...owner, ...about, created_at: now, updated_at: now })
      .execute();
    return id;
  }

  update(subject: Subject, id: string, changes: { name?: string; description?: string }): Promise<void> {
    return this.#changes.rename('load_balancer_pools', subject, id, changes);
  }

  /** Throws `conflict` (`own_pool`) for the one that belongs to a listener. */
  async delete(subject: Subject, id: string): Promise<void> {
    const { load_balancer_id: loadBalancerId } = await this.#pool(subject, id);
    await this.#changes.changeMembers(subject, loadBalancerId, async (tx) => {
      const owner = tx.selectFrom('load_balancer_listeners').select('id').where('own_pool_id', '=', id);
      const listener = await owner.executeTakeFirst();
      if (listener) {
        throw refused('load_balancer_pool', id, 'own_pool', `The pool ${id} belongs to the listener ${listener.id}.`);
      }
      await tx.deleteFrom('load_balancer_pools').where('id', '=', id).execute();
    });
  }

  /**
   * Gives interfaces a way to the load balancer's network where they have none. Throws `invalid` for addresses that can't
   * be members, `conflict` (`member`) for those that are, and what `settleMemberRouter` does.
   */
  async addMembers(subject: Subject, id: string, members: MemberList): Promise<void> {
    const { load_balancer_id: loadBalancerId } = await this.#pool(subject, id);
    await this.#changes.addMembers(subject, loadBalancerId, portIdsOf(members), (tx, claimed) =>
      this.addMembersIn(tx, subject, id, claimed, members),
    );
  }

  /** As `addMembers`, within `BalancerChanges.addMembers`, together with what else the transaction does. */
  async addMembersIn(
    tx: Tx,
    subject: Subject,
    poolId: string,
    { row, vip }: ClaimedBalancer,
    { ports = [], addresses = [] }: MemberList,
  ): Promise<void> {
    await ownedRow(tx, 'load_balancer_pools', subject, poolId);
    const { env } = this.#changes.core;
    const present = await tx.selectFrom('load_balancer_members').selectAll().where('pool_id', '=', poolId).execute();
    const taken = new Set(present.flatMap(({ port_id, ip_address }) => [port_id, ip_address]));
    const now = env.now();
    const members = [
      ...(await memberPorts(tx, subject, row, ports)),
      ...addresses.map(({ address, weight }) => ({
        ...{ port_id: null, ip_address: checkedAddress(address, vip.address), weight: checkedWeight(weight) },
      })),
    ];
    if (members.length === 0) return;
    for (const { port_id, ip_address } of members) {
      const name = (port_id ?? ip_address)!;
      if (taken.has(name)) {
        throw refused('load_balancer_pool', poolId, 'member', `${name} is a member of the pool ${poolId} already.`);
      }
      taken.add(name);
    }
    const owner = { project_id: row.project_id, pool_id: poolId, created_at: now, updated_at: now };
    const rows = members.map((member) => ({ id: newId(env), ...owner, ...member }));
    await tx.insertInto('load_balancer_members').values(rows).execute();
  }

  /** Those that are no members are passed over. */
  async removeMembers(
    subject: Subject,
    id: string,
    { portIds = [], addresses = [] }: { portIds?: readonly string[]; addresses?: readonly string[] },
  ): Promise<void> {
    const { load_balancer_id: loadBalancerId } = await this.#pool(subject, id);
    await this.#changes.changeMembers(subject, loadBalancerId, async (tx) => {
      await ownedRow(tx, 'load_balancer_pools', subject, id);
      const ofPool = () => tx.deleteFrom('load_balancer_members').where('pool_id', '=', id);
      if (portIds.length > 0) await ofPool().where('port_id', 'in', portIds).execute();
      if (addresses.length > 0) await ofPool().where('ip_address', 'in', addresses).execute();
    });
  }

  /** Changes what members weigh. Throws `conflict` (`no_member`) for those that are no members. */
  async weigh(subject: Subject, id: string, { ports = [], addresses = [] }: MemberList): Promise<void> {
    const { load_balancer_id: loadBalancerId } = await this.#pool(subject, id);
    await this.#changes.change(subject, loadBalancerId, async (tx) => {
      const wanted = [
        ...ports.map(({ portId, weight }) => ({ column: 'port_id', value: portId, weight }) as const),
        ...addresses.map(({ address, weight }) => ({ column: 'ip_address', value: address, weight }) as const),
      ];
      for (const { column, value, weight } of wanted) {
        const changed = await tx
          .updateTable('load_balancer_members')
          .set({ weight: checkedWeight(weight), updated_at: this.#changes.core.env.now() })
          .where('pool_id', '=', id)
          .where(column, '=', value)
          .executeTakeFirst();
        if (Number(changed.numUpdatedRows) > 0) continue;
        throw refused('load_balancer_pool', id, 'no_member', `${value} is no member of the pool ${id}.`);
      }
    });
  }

  #pool(subject: Subject, id: string): Promise<LoadBalancerPoolsTable> {
    return ownedRow(this.#changes.core.db.read, 'load_balancer_pools', subject, id);
  }
}

/** Interfaces of servers of the load balancer's project, with addresses of IPv4. */
async function memberPorts(
  tx: Tx,
  subject: Subject,
  { project_id: projectId }: LoadBalancersTable,
  wanted: NonNullable<MemberList['ports']>,
) {
  const ids = [...wanted.map(({ portId }) => portId), ''];
  // They stay until they are members.
  await tx.selectFrom('ports').select('id').where('id', 'in', ids).orderBy('id').forKeyShare().execute();
  const rows = await selectPorts(tx).where('ports.id', 'in', ids).execute();
  const ports = new Map((await loadPorts(tx, rows)).map((port) => [port.id, port]));
  return wanted.map(({ portId, weight }) => {
    const port = ports.get(portId);
    const isOwn = port?.projectId === projectId;
    if (!port || !(isOwn || subject.isAdmin)) throw notFound('port', portId);
    if (!isOwn || port.deviceOwner.startsWith('network:')) {
      throw invalid(
        'load_balancer_pool',
        `The port ${portId} is no interface of a server of the project ${projectId}.`,
      );
    }
    if (!port.fixedIps.some(({ ipAddress }) => !ipAddress.includes(':'))) {
      throw invalid('load_balancer_pool', `The port ${portId} has no IPv4 address.`);
    }
    return { port_id: portId, ip_address: null, weight: checkedWeight(weight) };
  });
}

function checkedWeight(weight = usualWeight): number {
  if (Number.isInteger(weight) && weight >= 0 && weight <= 100) return weight;
  throw invalid('load_balancer_pool', `A weight is a whole number from 0 to 100, not ${weight}.`);
}

/** Ranges that are no other machine's, as number and length of their prefix (RFC 6890). */
const ownRanges = [
  ['0.0.0.0', 8],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['224.0.0.0', 3],
] as const;

/** Members are other machines: neither the router itself, nor the load balancer. */
function checkedAddress(address: string, own: string): string {
  const number = parseIpv4(address);
  if (number === undefined) throw invalid('load_balancer_pool', `${address} is no IPv4 address.`);
  const isNone = ownRanges.some(([first, length]) => {
    const size = 2 ** (32 - length);
    return Math.floor(number / size) === Math.floor(parseIpv4(first)! / size);
  });
  if (isNone || formatIpv4(number) === own) {
    throw invalid('load_balancer_pool', `${address} is no address of a server, and can't be a member.`);
  }
  return formatIpv4(number);
}
