import { type Expression, type SqlBool, sql } from 'kysely';
import type { Queryable, Tx } from '../../database/database.ts';
import { CloudError } from '../errors.ts';
import type { PortRange } from './port-forwarding-model.ts';

/** What floating IPs and ports have to know of load balancers: that they are used by one. */

/** Whether a load balancer has the floating IP. */
export async function isBalanced(db: Queryable, floatingIpId: string): Promise<boolean> {
  const query = db.selectFrom('load_balancers').select('id').where('floating_ip_id', '=', floatingIpId);
  return (await query.executeTakeFirst()) !== undefined;
}

/** Throws `conflict` (`in_use_by_load_balancer`) where a load balancer has the floating IP. */
export async function refuseBalanced(db: Queryable, floatingIpId: string): Promise<void> {
  if (!(await isBalanced(db, floatingIpId))) return;
  const message = `Floating IP ${floatingIpId} is in use by a load balancer.`;
  const reason = 'in_use_by_load_balancer';
  throw new CloudError('conflict', message, { resource: 'floatingip', id: floatingIpId, reason });
}

/** A listener on one of these TCP ports of the floating IP. */
export async function listenerOn(db: Queryable, floatingIpId: string, { first, last }: PortRange) {
  return await db
    .selectFrom('load_balancer_listeners')
    .innerJoin('load_balancers', 'load_balancers.id', 'load_balancer_listeners.load_balancer_id')
    .select(['load_balancer_listeners.id', 'load_balancer_listeners.port'])
    .where('load_balancers.floating_ip_id', '=', floatingIpId)
    .where('load_balancer_listeners.port', '>=', first)
    .where('load_balancer_listeners.port', '<=', last)
    .executeTakeFirst();
}

/** Whether the floating IP stands for members: `id` is that of the floating IP. */
export function hasMembers(id: Expression<unknown>): Expression<SqlBool> {
  return sql<SqlBool>`exists (select 1 from load_balancers as b
    join load_balancer_pools as p on p.load_balancer_id = b.id
    join load_balancer_members as m on m.pool_id = p.id where b.floating_ip_id = ${id})`;
}

/** Takes the port from all pools that it is a member of. Gives the floating IPs that may stand for nothing any more. */
export async function removeMembers(tx: Tx, portId: string): Promise<string[]> {
  const gone = await tx
    .deleteFrom('load_balancer_members')
    .where('port_id', '=', portId)
    .returning('pool_id')
    .execute();
  if (gone.length === 0) return [];
  const rows = await tx
    .selectFrom('load_balancer_pools')
    .innerJoin('load_balancers', 'load_balancers.id', 'load_balancer_pools.load_balancer_id')
    .select('load_balancers.floating_ip_id')
    .distinct()
    .where(
      'load_balancer_pools.id',
      'in',
      gone.map(({ pool_id }) => pool_id),
    )
    .execute();
  return rows.map((row) => row.floating_ip_id);
}

/** One of these ports that is a member of a pool. */
export async function memberAmong(db: Queryable, portIds: readonly string[]): Promise<string | undefined> {
  if (portIds.length === 0) return undefined;
  const query = db.selectFrom('load_balancer_members').select('port_id').where('port_id', 'in', portIds);
  return (await query.executeTakeFirst())?.port_id ?? undefined;
}
