import type {
  NetworkAddRouterInterfaceBody,
  NetworkCreateFloatingIpBody,
  NetworkCreateNetworkBody,
  NetworkCreateRouterBody,
  NetworkCreateSecurityGroupBody,
  NetworkCreateSecurityGroupRuleBody,
  NetworkCreateSubnetBody,
  NetworkUpdateFloatingIpBody,
} from '../api/bodies.ts';
import { columnsFor } from './columns.tsx';
import { cidrField, removal } from './parts.ts';
import { type Context, formOf, type Resource, type Row, text, under } from './resource.ts';

const base = '/network/v2.0';

function list(row: Row, name: string): unknown[] {
  return (row[name] ?? []) as unknown[];
}

/** Things of other projects can be looked at, not changed. */
function notMine(row: Row, { t, session }: Context): string | undefined {
  const owner = text(row, 'project_id').replaceAll('-', '');
  return session.isAdmin || owner === session.project.id.replaceAll('-', '') ? undefined : t('why.notYours');
}

export const networks: Resource = {
  kind: 'networks',
  path: () => `${base}/networks`,
  rows: under('networks'),
  columns: ({ t }) => {
    const c = columnsFor(t);
    return [
      c.name(),
      c.status(),
      c.of('subnets', t('subnets'), (row) => list(row, 'subnets').length),
      c.flag('shared', t('shared')),
      c.flag('router:external', t('external')),
      c.plain('mtu', 'MTU', '80px'),
      c.time('created_at', t('created')),
    ];
  },
  create: ({ t }) =>
    formOf({
      id: 'create',
      title: t('createNetwork'),
      fields: [
        { name: 'name', label: t('name'), required: true },
        { name: 'description', label: t('description') },
      ],
      toCall: ({ name, description }) => ({
        method: 'POST',
        path: `${base}/networks`,
        body: { network: { name, ...(description ? { description } : {}) } } satisfies NetworkCreateNetworkBody,
      }),
    }),
  actions: (row, context) => {
    const { t } = context;
    const why = notMine(row, context);
    return [
      {
        id: 'subnet',
        label: t('createSubnet'),
        why,
        form: formOf({
          id: 'subnet',
          title: t('createSubnet'),
          fields: [{ name: 'name', label: t('name') }, cidrField(t)],
          toCall: ({ name, cidr }) => ({
            method: 'POST',
            path: `${base}/subnets`,
            body: {
              subnet: {
                network_id: row.id,
                cidr,
                ip_version: String(cidr).includes(':') ? 6 : 4,
                ...(name ? { name } : {}),
              },
            } satisfies NetworkCreateSubnetBody,
          }),
        }),
      },
      removal(`${base}/networks/${row.id}`, row, context.t, why),
    ];
  },
};

export const subnets: Resource = {
  kind: 'subnets',
  needs: ['networks'],
  path: () => `${base}/subnets`,
  rows: under('subnets'),
  columns: ({ t }) => {
    const c = columnsFor(t);
    return [
      c.name(),
      c.mono('cidr', 'CIDR'),
      c.mono('gateway_ip', t('gateway')),
      c.of('dns', 'DNS', (row) => list(row, 'dns_nameservers').join(', ')),
      c.flag('enable_dhcp', 'DHCP'),
      c.mono('network_id', t('network')),
    ];
  },
  create: ({ t, options }) =>
    formOf({
      id: 'create',
      title: t('createSubnet'),
      fields: [
        { name: 'network', label: t('network'), kind: 'select', required: true, options: options('networks') },
        { name: 'name', label: t('name') },
        cidrField(t),
      ],
      toCall: ({ network, name, cidr }) => ({
        method: 'POST',
        path: `${base}/subnets`,
        body: {
          subnet: {
            network_id: network,
            cidr,
            ip_version: String(cidr).includes(':') ? 6 : 4,
            ...(name ? { name } : {}),
          },
        } satisfies NetworkCreateSubnetBody,
      }),
    }),
  actions: (row, context) => [removal(`${base}/subnets/${row.id}`, row, context.t, notMine(row, context))],
};

export const routers: Resource = {
  kind: 'routers',
  needs: ['networks', 'subnets'],
  path: () => `${base}/routers`,
  rows: under('routers'),
  columns: ({ t }) => {
    const c = columnsFor(t);
    const outside = (row: Row) =>
      row['external_gateway_info'] as { external_fixed_ips?: Array<{ ip_address: string }> } | null;
    return [
      c.name(),
      c.status(),
      c.of(
        'outside',
        t('externalAddress'),
        (row) =>
          outside(row)
            ?.external_fixed_ips?.map(({ ip_address }) => ip_address)
            .join(', ') ?? '',
      ),
      c.time('created_at', t('created')),
    ];
  },
  create: ({ t, options }) =>
    formOf({
      id: 'create',
      title: t('createRouter'),
      fields: [
        { name: 'name', label: t('name'), required: true },
        { name: 'external', label: t('externalNetwork'), kind: 'select', options: options('networks') },
      ],
      toCall: ({ name, external }) => ({
        method: 'POST',
        path: `${base}/routers`,
        body: {
          router: { name, ...(external ? { external_gateway_info: { network_id: external } } : {}) },
        } satisfies NetworkCreateRouterBody,
      }),
    }),
  actions: (row, context) => {
    const { t, options } = context;
    const why = notMine(row, context);
    const subnet = {
      name: 'subnet',
      label: t('subnet'),
      kind: 'select',
      required: true,
      options: options('subnets'),
    } as const;
    return [
      {
        id: 'add',
        label: t('addInterface'),
        why,
        form: formOf({
          id: 'add',
          title: t('addInterface'),
          fields: [subnet],
          toCall: (values) => ({
            method: 'PUT',
            path: `${base}/routers/${row.id}/add_router_interface`,
            body: { subnet_id: values['subnet'] } satisfies NetworkAddRouterInterfaceBody,
          }),
        }),
      },
      {
        id: 'remove',
        label: t('removeInterface'),
        why,
        form: formOf({
          id: 'remove',
          title: t('removeInterface'),
          fields: [subnet],
          toCall: (values) => ({
            method: 'PUT',
            path: `${base}/routers/${row.id}/remove_router_interface`,
            body: { subnet_id: values['subnet'] } satisfies NetworkAddRouterInterfaceBody,
          }),
        }),
      },
      removal(`${base}/routers/${row.id}`, row, context.t, why),
    ];
  },
};

export const floatingips: Resource = {
  kind: 'floatingips',
  needs: ['networks', 'ports'],
  path: () => `${base}/floatingips`,
  rows: under('floatingips'),
  columns: ({ t }) => {
    const c = columnsFor(t);
    return [
      c.mono('floating_ip_address', t('address')),
      c.mono('fixed_ip_address', t('fixedAddress')),
      c.status(),
      c.plain('description', t('description')),
      c.time('created_at', t('created')),
    ];
  },
  create: ({ t, options }) =>
    formOf({
      id: 'create',
      title: t('createFloatingIp'),
      fields: [
        { name: 'network', label: t('externalNetwork'), kind: 'select', required: true, options: options('networks') },
        { name: 'port', label: t('port'), kind: 'select', options: options('ports') },
      ],
      toCall: ({ network, port }) => ({
        method: 'POST',
        path: `${base}/floatingips`,
        body: {
          floatingip: { floating_network_id: network, ...(port ? { port_id: port } : {}) },
        } satisfies NetworkCreateFloatingIpBody,
      }),
    }),
  actions: (row, context) => {
    const { t, options } = context;
    return [
      {
        id: 'associate',
        label: t('associate'),
        form: formOf({
          id: 'associate',
          title: t('associate'),
          fields: [{ name: 'port', label: t('port'), kind: 'select', required: true, options: options('ports') }],
          toCall: ({ port }) => ({
            method: 'PUT',
            path: `${base}/floatingips/${row.id}`,
            body: { floatingip: { port_id: port } } satisfies NetworkUpdateFloatingIpBody,
          }),
        }),
      },
      {
        id: 'disassociate',
        label: t('disassociate'),
        why: row['port_id'] ? undefined : t('why.notAttached'),
        call: {
          method: 'PUT',
          path: `${base}/floatingips/${row.id}`,
          body: { floatingip: { port_id: null } } satisfies NetworkUpdateFloatingIpBody,
        },
      },
      removal(`${base}/floatingips/${row.id}`, row, context.t),
    ];
  },
};

export const securitygroups: Resource = {
  kind: 'securitygroups',
  path: () => `${base}/security-groups`,
  rows: under('security_groups'),
  columns: ({ t }) => {
    const c = columnsFor(t);
    const rules = (row: Row) =>
      (list(row, 'security_group_rules') as Array<Record<string, unknown>>)
        .filter((rule) => rule['direction'] === 'ingress')
        .map(
          (rule) =>
            `${rule['protocol'] ?? '*'}${rule['port_range_min'] ? `:${rule['port_range_min']}` : ''}${rule['port_range_max'] !== rule['port_range_min'] && rule['port_range_max'] ? `-${rule['port_range_max']}` : ''}`,
        )
        .join(', ');
    return [
      c.name(),
      c.of('rules', t('ingressRules'), rules, 'minmax(200px, 2fr)'),
      c.plain('description', t('description')),
    ];
  },
  create: ({ t }) =>
    formOf({
      id: 'create',
      title: t('createSecurityGroup'),
      fields: [
        { name: 'name', label: t('name'), required: true },
        { name: 'description', label: t('description') },
      ],
      toCall: ({ name, description }) => ({
        method: 'POST',
        path: `${base}/security-groups`,
        body: { security_group: { name, description } } satisfies NetworkCreateSecurityGroupBody,
      }),
    }),
  actions: (row, context) => {
    const { t } = context;
    const port = (value: string) =>
      Number.isInteger(Number(value)) && Number(value) > 0 && Number(value) < 65_536 ? undefined : t('portProblem');
    return [
      {
        id: 'rule',
        label: t('addRule'),
        form: formOf({
          id: 'rule',
          title: t('addRule'),
          fields: [
            {
              name: 'protocol',
              label: t('protocol'),
              kind: 'select',
              required: true,
              options: ['tcp', 'udp', 'icmp'].map((value) => ({ value, label: value })),
            },
            { name: 'from', label: t('portFrom'), kind: 'number', check: port },
            { name: 'to', label: t('portTo'), kind: 'number', check: port },
            { name: 'cidr', label: t('remoteCidr'), placeholder: '0.0.0.0/0' },
          ],
          toCall: ({ protocol, from, to, cidr }) => ({
            method: 'POST',
            path: `${base}/security-group-rules`,
            body: {
              security_group_rule: {
                security_group_id: row.id,
                direction: 'ingress',
                ethertype: String(cidr).includes(':') ? 'IPv6' : 'IPv4',
                protocol,
                ...(from ? { port_range_min: Number(from), port_range_max: Number(to || from) } : {}),
                ...(cidr ? { remote_ip_prefix: cidr } : {}),
              },
            } satisfies NetworkCreateSecurityGroupRuleBody,
          }),
        }),
      },
      removal(
        `${base}/security-groups/${row.id}`,
        row,
        context.t,
        row['name'] === 'default' ? t('why.default') : undefined,
      ),
    ];
  },
};

export const ports: Resource = {
  kind: 'ports',
  path: () => `${base}/ports`,
  rows: under('ports'),
  columns: ({ t }) => {
    const c = columnsFor(t);
    const addresses = (row: Row) =>
      (list(row, 'fixed_ips') as Array<{ ip_address: string }>).map(({ ip_address }) => ip_address).join(', ');
    return [
      c.name(),
      c.status(),
      c.of('addresses', t('addresses'), addresses),
      c.mono('mac_address', 'MAC'),
      c.plain('device_owner', t('usedBy')),
      c.mono('device_id', t('device')),
    ];
  },
  actions: (row, context) => [
    removal(
      `${base}/ports/${row.id}`,
      row,
      context.t,
      row['device_id'] ? context.t('why.inUse') : notMine(row, context),
    ),
  ],
};
