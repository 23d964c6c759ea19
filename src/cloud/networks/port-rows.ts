import { sql } from 'kysely';
import type { Database, Queryable } from '../../database/database.ts';
import { oneOf } from '../../database/expressions.ts';
import type { PortsTable } from '../../database/schema.ts';
import { type Port, portOf } from './model.ts';

export type PortRow = PortsTable & { host_name: string | null };

/** Ports with the names of their hosts. */
export function selectPorts(db: Queryable) {
  return db
    .selectFrom('ports')
    .leftJoin('hosts', 'hosts.id', 'ports.host_id')
    .selectAll('ports')
    .select('hosts.name as host_name');
}

/** Rows with their addresses and security groups, in two statements for any number of them. */
export async function loadPorts(
  { kind }: Pick<Database, 'kind'>,
  db: Queryable,
  rows: readonly PortRow[],
): Promise<Port[]> {
  if (rows.length === 0) return [];
  const ofPorts = oneOf(
    { kind },
    sql.ref('port_id'),
    rows.map((row) => row.id),
  );
  const addresses = await db.selectFrom('port_addresses').selectAll().where(ofPorts).execute();
  const groups = await db
    .selectFrom('port_security_groups')
    .selectAll()
    .where(ofPorts)
    .orderBy('security_group_id')
    .execute();
  const addressesByPort = Map.groupBy(addresses, (row) => row.port_id);
  const groupsByPort = Map.groupBy(groups, (row) => row.port_id);
  return rows.map((row) => {
    const fixedIps = (addressesByPort.get(row.id) ?? []).map((address) => ({
      subnetId: address.subnet_id,
      ipAddress: address.ip_address,
    }));
    const groupIds = (groupsByPort.get(row.id) ?? []).map((group) => group.security_group_id);
    return portOf(row, fixedIps, groupIds);
  });
}
