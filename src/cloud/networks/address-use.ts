import type { Queryable } from '../../database/database.ts';
import { sizeOf } from './ip.ts';
import type { Network, Subnet } from './model.ts';
import { poolRanges } from './subnet-plan.ts';

/** How many addresses of a network there are for ports, and how many ports have. */
export interface AddressUse {
  networkId: string;
  networkName: string;
  projectId: string;
  subnets: Array<{ subnet: Subnet; total: number; used: number }>;
}

/** The use of these networks' addresses. Pools of IPv6 are larger than a number is exact. */
export async function addressUseOf(
  db: Queryable,
  networks: readonly Network[],
  subnets: readonly Subnet[],
): Promise<AddressUse[]> {
  const rows = await db
    .selectFrom('port_addresses')
    .select((eb) => ['subnet_id', eb.fn.countAll<number>().as('count')])
    .groupBy('subnet_id')
    .execute();
  const used = new Map(rows.map((row) => [row.subnet_id, Number(row.count)]));
  const byNetwork = Map.groupBy(subnets, ({ networkId }) => networkId);
  return networks.map(({ id, name, projectId }) => ({
    networkId: id,
    networkName: name,
    projectId,
    subnets: (byNetwork.get(id) ?? []).map((subnet) => ({
      subnet,
      total: Number(sizeOf(poolRanges(subnet.allocationPools))),
      used: used.get(subnet.id) ?? 0,
    })),
  }));
}
