import { sql } from 'kysely';
import type { Queryable } from '../../database/database.ts';
import { oneOf } from '../../database/expressions.ts';
import type { PortsTable } from '../../database/schema.ts';
import { statement } from '../../database/statement.ts';
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

/** The port of that id, if there is one. */
export const portWithId = statement((q, p: { id: string }) => selectPorts(q).where('ports.id', '=', p.id));

const addressesOf = statement((q, p: { portIds: string[] }, kind) =>
  q
    .selectFrom('port_addresses')
    .selectAll()
    .where(oneOf({ kind }, sql.ref('port_id'), p.portIds)),
);
const groupsOf = statement((q, p: { portIds: string[] }, kind) =>
  q
    .selectFrom('port_security_groups')
    .selectAll()
    .where(oneOf({ kind }, sql.ref('port_id'), p.portIds))
    .orderBy('security_group_id'),
);

/** Rows with their addresses and security groups, in two statements for any number of them. */
export async function loadPorts(db: Queryable, rows: readonly PortRow[]): Promise<Port[]> {
  if (rows.length === 0) return [];
  const portIds = rows.map((row) => row.id);
  const addresses = await addressesOf.all(db, { portIds });
  const groups = await groupsOf.all(db, { portIds });
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
