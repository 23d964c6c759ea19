import { Type } from 'typebox';
import { operation } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';

interface Extension {
  alias: string;
  name: string;
  description: string;
}

/** What this cloud can do beyond Neutron's core. Clients believe the list, so nothing stands here that does nothing. */
const extensions: readonly Extension[] = [
  { alias: 'security-group', name: 'security-group', description: 'Security groups, their rules and their ports.' },
  {
    alias: 'security-groups-normalized-cidr',
    name: 'Normalized CIDR field for security group rules',
    description: 'Rules show their remote prefix without host bits.',
  },
  {
    alias: 'port-security-groups-filtering',
    name: 'Port filtering on security groups',
    description: 'Lists of ports can be filtered by security group.',
  },
  { alias: 'external-net', name: 'Neutron external network', description: 'Networks that lead outside.' },
  { alias: 'router', name: 'Neutron L3 Router', description: 'Routers between networks, and floating IPs.' },
  {
    alias: 'ext-gw-mode',
    name: 'Neutron L3 Configurable external gateway mode',
    description: 'Whether a router translates addresses can be set.',
  },
  { alias: 'extraroute', name: 'Neutron Extra Route', description: 'Routers have routes of their own.' },
  {
    alias: 'extraroute-atomic',
    name: 'Atomically add/remove extra routes',
    description: 'Single routes can be added and removed.',
  },
  { alias: 'port-security', name: 'Port Security', description: 'Filters of a port can be switched off.' },
  {
    alias: 'allowed-address-pairs',
    name: 'Allowed Address Pairs',
    description: 'A port may have addresses besides its own.',
  },
  {
    alias: 'quotas',
    name: 'Quota management support',
    description: 'Quotas can be shown and, by administrators, set.',
  },
  { alias: 'quota_details', name: 'Quota details management support', description: 'Quotas are shown with their use.' },
  { alias: 'net-mtu', name: 'Network MTU', description: 'Networks have an MTU.' },
  { alias: 'net-mtu-writable', name: 'Network MTU (writable)', description: "A network's MTU can be set." },
  { alias: 'project-id', name: 'project_id field enabled', description: 'Resources tell project_id beside tenant_id.' },
  { alias: 'pagination', name: 'Pagination support', description: 'limit, marker and page_reverse.' },
  { alias: 'sorting', name: 'Sorting support', description: 'sort_key and sort_dir.' },
  { alias: 'filter-validation', name: 'Filter parameters validation', description: 'Unknown filters are refused.' },
  {
    alias: 'empty-string-filtering',
    name: 'Empty String Filtering Extension',
    description: 'A filter may ask for the empty text.',
  },
  {
    alias: 'ip-substring-filtering',
    name: 'IP address substring filtering',
    description: 'Lists of ports can be filtered by a part of an address.',
  },
  {
    alias: 'standard-attr-description',
    name: 'standard-attr-description',
    description: 'Resources have descriptions.',
  },
  { alias: 'standard-attr-timestamp', name: 'Resource timestamps', description: 'created_at and updated_at.' },
  { alias: 'standard-attr-revisions', name: 'Resource revision numbers', description: 'Changes are counted.' },
  {
    alias: 'revision-if-match',
    name: 'If-Match constraints based on revision_number',
    description: 'A change can be made on condition of the revision number.',
  },
  { alias: 'standard-attr-tag', name: 'Tag support for resources with standard attribute', description: 'Tags.' },
  { alias: 'subnet_allocation', name: 'Subnet Allocation', description: 'Subnets can be cut from pools.' },
  {
    alias: 'default-subnetpools',
    name: 'Default Subnetpools',
    description: 'One pool of each family can be the default.',
  },
  { alias: 'address-scope', name: 'Address scope', description: 'Pools in one scope do not overlap.' },
  { alias: 'address-group', name: 'Address group', description: 'Sets of addresses that rules can name.' },
  {
    alias: 'security-groups-remote-address-group',
    name: 'Remote address group id field for security group rules',
    description: 'Rules can name an address group as their peers.',
  },
  { alias: 'subnet-service-types', name: 'Subnet service types', description: 'Who may have addresses of a subnet.' },
  {
    alias: 'stateful-security-group',
    name: 'Stateful security group',
    description: 'Groups can know replies by their connections, or not.',
  },
  { alias: 'rbac-policies', name: 'RBAC Policies', description: 'Networks can be shared with single projects.' },
  { alias: 'rbac-security-groups', name: 'Add security_group type to network RBAC', description: 'Sharing of groups.' },
  { alias: 'rbac-address-scope', name: 'Add address_scope type to RBAC', description: 'Sharing of address scopes.' },
  { alias: 'rbac-subnetpool', name: 'Add subnetpool type to RBAC', description: 'Sharing of subnet pools.' },
  { alias: 'rbac-address-group', name: 'Add address_group type to RBAC', description: 'Sharing of address groups.' },
  { alias: 'qos', name: 'Quality of Service', description: 'Ports can be limited in bandwidth.' },
  {
    alias: 'qos-bw-limit-direction',
    name: 'Direction for QoS bandwidth limit rule',
    description: 'What a guest sends and what it takes are limited each by itself.',
  },
  { alias: 'qos-default', name: 'QoS default policy', description: 'A policy can be marked as the default one.' },
  { alias: 'extra_dhcp_opt', name: 'Neutron Extra DHCP options', description: 'DHCP can tell one port more.' },
  { alias: 'dns-integration', name: 'DNS Integration', description: 'Ports have names on their networks.' },
  { alias: 'binding', name: 'Port Binding', description: 'Administrators see where a port is served.' },
  {
    alias: 'provider',
    name: 'Provider Network',
    description: 'Administrators see how a network is known on the wire.',
  },
  { alias: 'agent', name: 'agent', description: 'What each host does for networks.' },
  { alias: 'availability_zone', name: 'Availability Zone', description: 'The zones that there are.' },
  { alias: 'service-type', name: 'Neutron Service Type Management', description: 'The kinds of services.' },
  {
    alias: 'network-ip-availability',
    name: 'Network IP Availability',
    description: 'How many addresses of each network are used.',
  },
];

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

export const listExtensions = operation({
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

export const showExtension = operation({
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
