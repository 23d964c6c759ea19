import { sql } from 'kysely';
import { column, constant } from '../../../cloud/query/fields.ts';
import { defineInventory, seenWith } from '../../../cloud/query/inventory.ts';

/** What serves networks here, by ids that never change. Nobody makes or removes one. */
export const networkServiceProviders = [
  {
    uuid: '1d0e8d6e5a3c4f0b9c7a2b4d6e8f0a13',
    name: 'Flat Network Service Provider',
    type: 'Flat',
    services: ['DHCP', 'Userdata', 'Eip', 'SNAT', 'HostRoute'],
  },
  {
    uuid: '2e1f9e7f6b4d4a1c8d8b3c5e7f9a1b24',
    name: 'Security Group Network Service Provider',
    type: 'SecurityGroup',
    services: ['SecurityGroup'],
  },
] as const;

const union = sql.join(
  networkServiceProviders.map(({ uuid, name, type }) => {
    return sql`select ${sql.lit(uuid)} as id, ${sql.lit(name)} as name, ${sql.lit(type)} as type`;
  }),
  sql` union all `,
);
const serviceUnion = sql.join(
  networkServiceProviders.flatMap(({ uuid, services }) =>
    services.map((service) => sql`select ${sql.lit(uuid)} as id, ${sql.lit(service)} as name`),
  ),
  sql` union all `,
);

const providedService = defineInventory<'l2_networks'>({
  name: 'NetworkServiceTypeInventory',
  className: 'org.zstack.header.network.service.NetworkServiceTypeInventory',
  table: 'l2_networks',
  fields: { providerUuid: column('id', 'string', ''), type: column('name', 'string', '') },
  rows: () => sql`(${serviceUnion})`,
});

export const networkServiceProvider = defineInventory<'l2_networks'>({
  name: 'NetworkServiceProviderInventory',
  className: 'org.zstack.header.network.service.NetworkServiceProviderInventory',
  table: 'l2_networks',
  fields: {
    uuid: column('id', 'string', 'The uuid.'),
    name: column('name', 'string', 'The name.'),
    type: column('type', 'string', 'Flat or SecurityGroup.'),
    description: constant('Built in.', 'string', 'What it is.'),
  },
  lists: {
    networkServiceTypes: {
      of: providedService,
      local: 'uuid',
      foreign: 'providerUuid',
      pluck: 'type',
      description: 'What it serves.',
    },
  },
  rows: () => sql`(${union})`,
});

/** A service of a network and who provides it. */
export const networkServiceRef = defineInventory<'l3_network_facts'>({
  name: 'NetworkServiceL3NetworkRefInventory',
  className: 'org.zstack.header.network.service.NetworkServiceL3NetworkRefInventory',
  table: 'l3_network_facts',
  fields: {
    l3NetworkUuid: column('network_id', 'string', 'The network.'),
    networkServiceProviderUuid: column('category', 'string', 'Who provides the service.'),
    networkServiceType: column('dns_domain', 'string', 'The service.'),
  },
  // The columns carry other names' values: what is read is this selection, not the table.
  rows: ({ db }) =>
    db.kind === 'sqlite'
      ? sql`(select f.network_id, p.key as category, t.value as dns_domain
          from l3_network_facts as f, json_each(f.services) as p, json_each(p.value) as t)`
      : sql`(select f.network_id, p.key as category, t.value as dns_domain
          from l3_network_facts as f, jsonb_each(f.services::jsonb) as p, jsonb_array_elements_text(p.value) as t)`,
  visible: seenWith('L3NetworkInventory', 'network_id'),
});

/** A name server of a network. */
export const nameServer = defineInventory<'subnets'>({
  name: 'L3NetworkDnsInventory',
  className: 'org.zstack.header.network.l3.L3NetworkDnsInventory',
  table: 'subnets',
  fields: { l3NetworkUuid: column('network_id', 'string', ''), dns: column('name', 'string', '') },
  rows: ({ db }) =>
    db.kind === 'sqlite'
      ? sql`(select distinct s.network_id, d.value as name from subnets as s, json_each(s.dns_nameservers) as d)`
      : sql`(select distinct s.network_id, d.value as name
          from subnets as s, jsonb_array_elements_text(s.dns_nameservers::jsonb) as d)`,
  visible: seenWith('L3NetworkInventory', 'network_id'),
});

/** A route that the guests of a network are told. */
export const hostRoute = defineInventory<'subnets'>({
  name: 'L3NetworkHostRouteInventory',
  className: 'org.zstack.header.network.l3.L3NetworkHostRouteInventory',
  table: 'subnets',
  fields: {
    l3NetworkUuid: column('network_id', 'string', 'The network.'),
    prefix: column('cidr', 'string', 'Where it leads, in CIDR notation.'),
    nexthop: column('gateway_ip', 'string', 'The next address on the way.'),
  },
  rows: ({ db }) =>
    db.kind === 'sqlite'
      ? sql`(select distinct s.network_id, json_extract(r.value, '$.destination') as cidr,
          json_extract(r.value, '$.nexthop') as gateway_ip from subnets as s, json_each(s.host_routes) as r)`
      : sql`(select distinct s.network_id, r.value ->> 'destination' as cidr, r.value ->> 'nexthop' as gateway_ip
          from subnets as s, jsonb_array_elements(s.host_routes::jsonb) as r(value))`,
  visible: seenWith('L3NetworkInventory', 'network_id'),
});
