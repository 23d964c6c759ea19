import { Type } from 'typebox';
import { operation } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';

interface Extension {
  alias: string;
  name: string;
  description: string;
}

/** What this cloud can do beyond Neutron's core. Clients believe the list, so nothing stands here that does nothing. */
const table: ReadonlyArray<readonly [alias: string, name: string, description: string]> = [
  ['security-group', 'security-group', 'Security groups, their rules and their ports.'],
  [
    'security-groups-normalized-cidr',
    'Normalized CIDR field for security group rules',
    'Rules show their remote prefix without host bits.',
  ],
  [
    'port-security-groups-filtering',
    'Port filtering on security groups',
    'Lists of ports can be filtered by security group.',
  ],
  ['external-net', 'Neutron external network', 'Networks that lead outside.'],
  ['router', 'Neutron L3 Router', 'Routers between networks, and floating IPs.'],
  ['ext-gw-mode', 'Neutron L3 Configurable external gateway mode', 'Whether a router translates addresses can be set.'],
  ['extraroute', 'Neutron Extra Route', 'Routers have routes of their own.'],
  ['extraroute-atomic', 'Atomically add/remove extra routes', 'Single routes can be added and removed.'],
  [
    'floating-ip-port-forwarding',
    'Floating IP Port Forwarding',
    'Single ports of floating IPs can stand for ports of guests.',
  ],
  [
    'floating-ip-port-forwarding-description',
    'Floating IP Port Forwarding new field description',
    'Port forwardings have descriptions.',
  ],
  [
    'floating-ip-port-forwarding-port-ranges',
    'Floating IP Port Forwarding support to ranges',
    'Ranges of ports can be forwarded.',
  ],
  ['fip-port-details', 'Floating IP Port Details Extension', 'A floating IP tells of the port that it stands for.'],
  ['port-security', 'Port Security', 'Filters of a port can be switched off.'],
  ['allowed-address-pairs', 'Allowed Address Pairs', 'A port may have addresses besides its own.'],
  ['quotas', 'Quota management support', 'Quotas can be shown and, by administrators, set.'],
  ['quota_details', 'Quota details management support', 'Quotas are shown with their use.'],
  ['net-mtu', 'Network MTU', 'Networks have an MTU.'],
  ['net-mtu-writable', 'Network MTU (writable)', "A network's MTU can be set."],
  ['project-id', 'project_id field enabled', 'Resources tell project_id beside tenant_id.'],
  ['pagination', 'Pagination support', 'limit, marker and page_reverse.'],
  ['sorting', 'Sorting support', 'sort_key and sort_dir.'],
  ['filter-validation', 'Filter parameters validation', 'Unknown filters are refused.'],
  ['empty-string-filtering', 'Empty String Filtering Extension', 'A filter may ask for the empty text.'],
  [
    'ip-substring-filtering',
    'IP address substring filtering',
    'Lists of ports can be filtered by a part of an address.',
  ],
  ['standard-attr-description', 'standard-attr-description', 'Resources have descriptions.'],
  ['standard-attr-timestamp', 'Resource timestamps', 'created_at and updated_at.'],
  ['standard-attr-revisions', 'Resource revision numbers', 'Changes are counted.'],
  [
    'revision-if-match',
    'If-Match constraints based on revision_number',
    'A change can be made on condition of the revision number.',
  ],
  ['tag', 'Tag support', 'Networks have tags.'],
  ['standard-attr-tag', 'Tag support for resources with standard attribute', 'Tags.'],
  ['subnet_allocation', 'Subnet Allocation', 'Subnets can be cut from pools.'],
  ['default-subnetpools', 'Default Subnetpools', 'One pool of each family can be the default.'],
  ['address-scope', 'Address scope', 'Pools in one scope do not overlap.'],
  ['address-group', 'Address group', 'Sets of addresses that rules can name.'],
  [
    'security-groups-remote-address-group',
    'Remote address group id field for security group rules',
    'Rules can name an address group as their peers.',
  ],
  [
    'security-groups-default-rules',
    'Default rules for security groups',
    'What new security groups let through can be said.',
  ],
  ['subnet-service-types', 'Subnet service types', 'Who may have addresses of a subnet.'],
  ['stateful-security-group', 'Stateful security group', 'Groups can know replies by their connections, or not.'],
  ['rbac-policies', 'RBAC Policies', 'Networks can be shared with single projects.'],
  ['rbac-security-groups', 'Add security_group type to network RBAC', 'Sharing of groups.'],
  ['rbac-address-scope', 'Add address_scope type to RBAC', 'Sharing of address scopes.'],
  ['rbac-subnetpool', 'Add subnetpool type to RBAC', 'Sharing of subnet pools.'],
  ['rbac-address-group', 'Add address_group type to RBAC', 'Sharing of address groups.'],
  ['auto-allocated-topology', 'Auto Allocated Topology Services', 'Each project has a network without making one.'],
  ['qos', 'Quality of Service', 'Ports can be limited in bandwidth, and what they send be marked.'],
  [
    'qos-bw-limit-direction',
    'Direction for QoS bandwidth limit rule',
    'What a guest sends and what it takes are limited each by itself.',
  ],
  ['qos-rule-type-details', 'Details of QoS rule types', 'What rules of a kind can say.'],
  ['qos-default', 'QoS default policy', 'A policy can be marked as the default one.'],
  ['extra_dhcp_opt', 'Neutron Extra DHCP options', 'DHCP can tell one port more.'],
  ['dns-integration', 'DNS Integration', 'Ports have names on their networks.'],
  ['dns-domain-ports', 'dns_domain for ports', 'Ports have domains of their own.'],
  ['binding', 'Port Binding', 'Administrators see where a port is served.'],
  ['provider', 'Provider Network', 'Administrators see how a network is known on the wire.'],
  ['agent', 'agent', 'What each host does for networks.'],
  ['availability_zone', 'Availability Zone', 'The zones that there are.'],
  ['service-type', 'Neutron Service Type Management', 'The kinds of services.'],
  ['network-ip-availability', 'Network IP Availability', 'How many addresses of each network are used.'],
];

const extensions = table.map(([alias, name, description]): Extension => ({ alias, name, description }));

const ExtensionView = Type.Object({
  alias: Type.String(),
  name: Type.String(),
  description: Type.String(),
  updated: Type.String(),
  links: Type.Array(Type.Any()),
});

function extensionView(extension: Extension) {
  return { ...extension, updated: '2026-01-01T00:00:00-00:00', links: [] };
}

const common = {
  dialect: 'network',
  group: 'extensions',
  method: 'GET',
  mode: 'sync',
  allow: 'authenticated',
} as const;

const listExtensions = operation({
  ...common,
  id: 'ListExtensions',
  path: '/extensions',
  responses: { 200: Type.Object({ extensions: Type.Array(ExtensionView) }) },
  errors: [401],
  title: 'List extensions',
  summary: "What this cloud can do beyond Neutron's core.",
  examples: [{ title: 'All', status: 200 }],
  handle: () => ({ body: { extensions: extensions.map(extensionView) } }),
});

const showExtension = operation({
  ...common,
  id: 'ShowExtension',
  path: '/extensions/{alias}',
  params: Type.Object({ alias: Type.String() }),
  responses: { 200: Type.Object({ extension: ExtensionView }) },
  errors: [401, 404],
  title: 'Show extension',
  summary: 'Answers 404 for what this cloud does not have.',
  examples: [{ title: 'By its alias', params: { alias: 'security-group' }, status: 200 }],
  handle: ({ params }) => {
    const extension = extensions.find(({ alias }) => alias === params.alias);
    if (extension) return { body: { extension: extensionView(extension) } };
    const message = `Extension with alias ${params.alias} does not exist`;
    throw new CloudError('not_found', message, { reason: 'HTTPNotFound' });
  },
});

export const extensionOperations = [listExtensions, showExtension];

/** What the list of extensions says. */
export const extensionAliases: readonly string[] = table.map(([alias]) => alias);
