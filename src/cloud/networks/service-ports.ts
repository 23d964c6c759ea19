import { sql } from 'kysely';
import type { Database, Tx } from '../../database/database.ts';
import { canonicalIp } from './ip.ts';
import { type Subnet, subnetOf } from './model.ts';
import { servicePortOwner } from './network-registry.ts';
import { operator } from './operator.ts';
import type { FixedIpRequest } from './port-addressing.ts';
import type { Ports } from './ports.ts';
import { isHostAddress, makesOwnAddresses } from './subnet-plan.ts';

/** Networks with guests on the host whose service port is missing, or has other subnets than it should. */
export async function networksToServe(db: Database, hostId: string): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select networks.id as id from networks
    where networks.external = 0
      and networks.id in (select network_id from ports where host_id = ${hostId} and device_id <> '')
      and (not exists (
          select 1 from ports where ports.network_id = networks.id and ports.device_owner = ${servicePortOwner})
        or exists (
          select 1 from subnets where subnets.network_id = networks.id and subnets.enable_dhcp <> (
            select count(*) from port_addresses inner join ports on ports.id = port_addresses.port_id
            where port_addresses.subnet_id = subnets.id and ports.device_owner = ${servicePortOwner})))`.execute(
    db.read,
  );
  return rows.map(({ id }) => id);
}

/**
 * Gives each network the port through which addresses, names and metadata are served on it, with an address of each
 * subnet that hands out addresses. A subnet whose name server is in it, and nobody's, has it there.
 */
export async function ensureServicePorts(ports: Ports, tx: Tx, networkIds: readonly string[]): Promise<void> {
  for (const networkId of networkIds) await ensureServicePort(ports, tx, networkId);
}

async function ensureServicePort(ports: Ports, tx: Tx, networkId: string): Promise<void> {
  const network = await tx.selectFrom('networks').select('project_id').where('id', '=', networkId).executeTakeFirst();
  if (!network) return;
  const subnets = (await tx.selectFrom('subnets').selectAll().where('network_id', '=', networkId).execute()).map(
    subnetOf,
  );
  const served = subnets.filter(({ enableDhcp }) => enableDhcp);
  const port = await tx
    .selectFrom('ports')
    .select('id')
    .where('network_id', '=', networkId)
    .where('device_owner', '=', servicePortOwner)
    .executeTakeFirst();
  const subject = operator(network.project_id);
  if (!port) {
    const fixedIps: FixedIpRequest[] = [];
    for (const subnet of served) fixedIps.push(await requestFor(tx, subnet));
    const wanted = { networkId, deviceId: `dhcp-${networkId}`, deviceOwner: servicePortOwner, fixedIps };
    await ports.createIn(tx, subject, wanted, { status: 'ACTIVE' });
    return;
  }
  const has = await tx.selectFrom('port_addresses').selectAll().where('port_id', '=', port.id).execute();
  const kept = has.filter((row) => served.some(({ id }) => id === row.subnet_id));
  const missing = served.filter(({ id }) => !has.some((row) => row.subnet_id === id));
  if (kept.length === has.length && missing.length === 0) return;
  const fixedIps: FixedIpRequest[] = kept.map((row) => ({ subnetId: row.subnet_id, ipAddress: row.ip_address }));
  for (const subnet of missing) fixedIps.push(await requestFor(tx, subnet));
  await ports.updateIn(tx, subject, port.id, { fixedIps });
}

async function requestFor(tx: Tx, subnet: Subnet): Promise<FixedIpRequest> {
  if (makesOwnAddresses(subnet.ipv6AddressMode)) return { subnetId: subnet.id };
  const own = subnet.dnsNameservers
    .map((address) => canonicalIp(address))
    .find((address) => address !== undefined && isHostAddress(subnet, address));
  if (own === undefined || own === subnet.gatewayIp) return { subnetId: subnet.id };
  const taken = await tx
    .selectFrom('port_addresses')
    .select('port_id')
    .where('subnet_id', '=', subnet.id)
    .where('ip_address', '=', own)
    .executeTakeFirst();
  return taken ? { subnetId: subnet.id } : { subnetId: subnet.id, ipAddress: own };
}
