import { sql } from 'kysely';
import type { DesiredBalancer, DesiredListener, DesiredRouter } from '../../../agent/contract.ts';
import { oneOf } from '../../../database/expressions.ts';
import { statement } from '../../../database/statement.ts';
import type { CloudCore } from '../../core.ts';
import { opened } from '../../secrets/kept-secrets.ts';

interface ListenerRow {
  routerId: string;
  balancerId: string;
  address: string;
  listenerId: string;
  protocol: DesiredListener['protocol'];
  port: number;
  memberPort: number;
  settings: string;
  certificateId: string | null;
  chain: string | null;
  privateKey: string | null;
}

const listenersOn = statement<{ routerIds: readonly string[] }, ListenerRow>((q, p, kind) =>
  q
    .selectFrom('floating_ips')
    .innerJoin('load_balancers', 'load_balancers.floating_ip_id', 'floating_ips.id')
    .innerJoin('load_balancer_listeners', 'load_balancer_listeners.load_balancer_id', 'load_balancers.id')
    .leftJoin('certificates', 'certificates.id', 'load_balancer_listeners.certificate_id')
    .select([
      sql<string>`floating_ips.router_id`.as('routerId'),
      'load_balancers.id as balancerId',
      'floating_ips.ip_address as address',
      'load_balancer_listeners.id as listenerId',
      sql<DesiredListener['protocol']>`load_balancer_listeners.protocol`.as('protocol'),
      'load_balancer_listeners.port as port',
      'load_balancer_listeners.member_port as memberPort',
      'load_balancer_listeners.settings as settings',
      'certificates.id as certificateId',
      'certificates.chain as chain',
      'certificates.private_key as privateKey',
    ])
    .where(oneOf({ kind }, sql.ref('floating_ips.router_id'), p.routerIds))
    .orderBy('load_balancers.id')
    .orderBy('load_balancer_listeners.port'),
);

interface MemberRow {
  listenerId: string;
  memberId: string;
  weight: number;
  address: string | null;
}

/** A port without an IPv4 address can't be given anything. */
const membersOf = statement<{ listenerIds: readonly string[] }, MemberRow>((q, p, kind) =>
  q
    .selectFrom('load_balancer_listener_pools')
    .innerJoin('load_balancer_members', 'load_balancer_members.pool_id', 'load_balancer_listener_pools.pool_id')
    .select([
      'load_balancer_listener_pools.listener_id as listenerId',
      'load_balancer_members.id as memberId',
      'load_balancer_members.weight as weight',
      sql<string | null>`coalesce(load_balancer_members.ip_address, (select min(a.ip_address) from port_addresses as a
        where a.port_id = load_balancer_members.port_id and a.ip_address not like '%:%'))`.as('address'),
    ])
    .where(oneOf({ kind }, sql.ref('load_balancer_listener_pools.listener_id'), p.listenerIds))
    .orderBy('load_balancer_members.created_at')
    .orderBy('load_balancer_members.id'),
);

/** The routers with the load balancers whose addresses they have. */
export async function withBalancers(
  core: Pick<CloudCore, 'db' | 'settings'>,
  routers: readonly DesiredRouter[],
): Promise<DesiredRouter[]> {
  if (routers.length === 0) return [];
  const { read } = core.db;
  const listeners = await listenersOn.all(read, { routerIds: routers.map(({ routerId }) => routerId) });
  if (listeners.length === 0) return [...routers];
  const members = Map.groupBy(
    await membersOf.all(read, { listenerIds: listeners.map(({ listenerId }) => listenerId) }),
    ({ listenerId }) => listenerId,
  );
  const byRouter = Map.groupBy(listeners, ({ routerId }) => routerId);
  return routers.map((router) => {
    const own = byRouter.get(router.routerId);
    if (!own || !router.gateway) return router;
    const balancers = [...Map.groupBy(own, ({ balancerId }) => balancerId)].map(
      ([balancerId, rows]): DesiredBalancer => ({
        balancerId,
        address: rows[0]!.address,
        listeners: rows.map((row) => desiredListener(core, row, members.get(row.listenerId) ?? [])),
      }),
    );
    return { ...router, balancers };
  });
}

function desiredListener(
  core: Pick<CloudCore, 'settings'>,
  row: ListenerRow,
  members: readonly MemberRow[],
): DesiredListener {
  const { listenerId, protocol, port, memberPort, certificateId, chain, privateKey } = row;
  return {
    ...(JSON.parse(row.settings) as Omit<DesiredListener, 'listenerId' | 'protocol' | 'port' | 'members'>),
    ...{ listenerId, protocol, port },
    ...(certificateId && chain && privateKey
      ? { certificate: { chain, privateKey: opened(core, 'certificateKey', certificateId, privateKey) } }
      : {}),
    members: members.flatMap(({ memberId, weight, address }) =>
      address === null ? [] : { memberId, address, weight, port: memberPort },
    ),
  };
}
