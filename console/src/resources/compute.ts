import type {
  ComputeCreateFlavorBody,
  ComputeCreateKeypairBody,
  ComputeCreateServerGroupBody,
  ComputeUpdateHostBody,
  ComputeUpdateServiceBody,
  NativeAddHostBody,
} from '../api/bodies.ts';
import { bytes } from '../lib/format.ts';
import { columnsFor } from './columns.tsx';
import { removal } from './parts.ts';
import { formOf, type Resource, type Row, text, under } from './resource.ts';

const base = '/compute/v2.1';

export const flavors: Resource = {
  kind: 'flavors',
  path: () => `${base}/flavors/detail?limit=1000`,
  rows: under('flavors'),
  columns: ({ t }) => {
    const c = columnsFor(t);
    return [
      c.name(),
      c.plain('vcpus', 'vCPU'),
      c.size('ram', t('memory'), (row) => Number(row['ram']) * 2 ** 20),
      c.size('disk', t('disk'), (row) => Number(row['disk']) * 2 ** 30),
      c.flag('os-flavor-access:is_public', t('public')),
    ];
  },
  create: ({ t, session }) => {
    const positive = (value: string) =>
      Number.isInteger(Number(value)) && Number(value) > 0 ? undefined : t('positiveProblem');
    return formOf({
      id: 'create',
      title: t('createFlavor'),
      text: session.isAdmin ? undefined : t('why.admin'),
      fields: [
        { name: 'name', label: t('name'), required: true },
        { name: 'vcpus', label: 'vCPU', kind: 'number', required: true, initial: '1', check: positive },
        { name: 'ram', label: `${t('memory')} (MiB)`, kind: 'number', required: true, initial: '512', check: positive },
        { name: 'disk', label: `${t('disk')} (GiB)`, kind: 'number', required: true, initial: '1' },
      ],
      toCall: ({ name, vcpus, ram, disk }) => ({
        method: 'POST',
        path: `${base}/flavors`,
        body: {
          flavor: { name, vcpus: Number(vcpus), ram: Number(ram), disk: Number(disk) },
        } satisfies ComputeCreateFlavorBody,
      }),
    });
  },
  actions: (row, { t, session }) => [
    removal(`${base}/flavors/${row.id}`, row, t, session.isAdmin ? undefined : t('why.admin')),
  ],
};

export const keypairs: Resource = {
  kind: 'keypairs',
  path: () => `${base}/os-keypairs`,
  rows: (body) =>
    (body as { keypairs: Array<{ keypair: Record<string, unknown> }> }).keypairs.map(({ keypair }) => ({
      ...keypair,
      id: String(keypair['name']),
    })),
  columns: ({ t }) => {
    const c = columnsFor(t);
    return [
      c.plain('name', t('name'), 'minmax(160px, 1fr)'),
      c.plain('type', t('type')),
      c.mono('fingerprint', t('fingerprint'), 'minmax(300px, 2fr)'),
    ];
  },
  create: ({ t }) =>
    formOf({
      id: 'create',
      title: t('createKeypair'),
      text: t('createKeypairText'),
      fields: [
        { name: 'name', label: t('name'), required: true },
        {
          name: 'key',
          label: t('publicKey'),
          kind: 'area',
          placeholder: 'ssh-ed25519 AAAA…',
          check: (value) => (/^(ssh|ecdsa|sk-)/.test(value) ? undefined : t('keyProblem')),
        },
      ],
      toCall: ({ name, key }) => ({
        method: 'POST',
        path: `${base}/os-keypairs`,
        body: { keypair: { name, ...(key ? { public_key: key } : {}) } } satisfies ComputeCreateKeypairBody,
      }),
      reveal: (body) => (body as { keypair?: { private_key?: string } }).keypair?.private_key,
    }),
  actions: (row, { t }) => [removal(`${base}/os-keypairs/${encodeURIComponent(row.id)}`, row, t)],
};

type Policy = NonNullable<ComputeCreateServerGroupBody['server_group']['policy']>;
const policies: readonly Policy[] = ['anti-affinity', 'affinity', 'soft-anti-affinity', 'soft-affinity'];

export const servergroups: Resource = {
  kind: 'servergroups',
  path: () => `${base}/os-server-groups`,
  rows: under('server_groups'),
  columns: ({ t }) => {
    const c = columnsFor(t);
    return [
      c.name(),
      c.of('policies', t('policy'), (row) =>
        ((row['policies'] as string[] | undefined) ?? [text(row, 'policy')]).join(', '),
      ),
      c.of('members', t('members'), (row) => ((row['members'] ?? []) as string[]).length),
    ];
  },
  create: ({ t }) =>
    formOf({
      id: 'create',
      title: t('createServerGroup'),
      fields: [
        { name: 'name', label: t('name'), required: true },
        {
          name: 'policy',
          label: t('policy'),
          kind: 'select',
          required: true,
          options: policies.map((value) => ({ value, label: value })),
        },
      ],
      toCall: ({ name, policy }) => ({
        method: 'POST',
        path: `${base}/os-server-groups`,
        body: { server_group: { name, policies: [policy as Policy] } } satisfies ComputeCreateServerGroupBody,
      }),
    }),
  actions: (row, { t }) => [removal(`${base}/os-server-groups/${row.id}`, row, t)],
};

export const hosts: Resource = {
  kind: 'hosts',
  path: () => `${base}/os-hypervisors/detail`,
  rows: (body) =>
    under('hypervisors')(body).map((row) => ({ ...row, id: String(row.id), name: row['hypervisor_hostname'] })),
  columns: ({ t }) => {
    const c = columnsFor(t);
    const of = (used: string, total: string, unit: number) => (row: Row) =>
      [used, total].map((member) => (unit === 1 ? text(row, member) : bytes(Number(row[member]) * unit))).join(' / ');
    return [
      c.name((row) => `/ui/r/hosts/${row.id}`),
      c.status('state'),
      c.plain('status', t('takesServers'), 'minmax(140px, 1fr)'),
      c.plain('running_vms', t('servers'), 'minmax(90px, .7fr)'),
      c.of('vcpus', 'vCPU', of('vcpus_used', 'vcpus', 1), 'minmax(90px, .8fr)'),
      c.of('memory', t('memory'), of('memory_mb_used', 'memory_mb', 2 ** 20), 'minmax(160px, 1.2fr)'),
      c.of('disk', t('disk'), of('local_gb_used', 'local_gb', 2 ** 30), 'minmax(150px, 1.2fr)'),
      c.plain('hypervisor_type', t('type'), 'minmax(100px, .8fr)'),
    ];
  },
  create: ({ t }) =>
    formOf({
      id: 'create',
      title: t('addHost'),
      text: t('addHostText'),
      fields: [
        { name: 'name', label: t('name'), required: true },
        { name: 'address', label: t('address'), required: true, placeholder: '192.0.2.12' },
        { name: 'port', label: t('sshPort'), kind: 'number', required: true, initial: '22' },
        { name: 'user', label: t('user'), required: true, initial: 'root' },
        { name: 'password', label: t('password'), kind: 'password', required: true },
      ],
      toCall: ({ name, address, port, user, password }) => ({
        method: 'POST',
        path: '/unkai/v1/hosts',
        body: { name, address, ssh_port: Number(port), user, password } satisfies NativeAddHostBody,
      }),
    }),
  actions: (row, { t }) => {
    const isEnabled = row['status'] === 'enabled';
    const call = (action: 'enabled' | 'disabled') => ({
      method: 'PUT',
      path: `${base}/os-services/${serviceOf(row)}`,
      body: { status: action } satisfies ComputeUpdateServiceBody,
    });
    // The call for it is of older versions only: newer ones have no word for maintenance.
    const maintenance = formOf({
      id: 'maintenance',
      title: t('beginMaintenance'),
      text: t('maintenanceText', { name: text(row, 'name') }),
      fields: [],
      toCall: () => ({
        method: 'PUT',
        path: `${base}/os-hosts/${encodeURIComponent(text(row, 'name'))}`,
        headers: { 'OpenStack-API-Version': 'compute 2.42' },
        body: { maintenance_mode: 'enable' } satisfies ComputeUpdateHostBody,
      }),
    });
    return [
      { id: 'disable', label: t('closeHost'), why: isEnabled ? undefined : t('why.closed'), call: call('disabled') },
      {
        id: 'maintenance',
        label: t('beginMaintenance'),
        why: isEnabled ? undefined : t('why.closed'),
        form: maintenance,
      },
      { id: 'enable', label: t('openHost'), why: isEnabled ? t('why.open') : undefined, call: call('enabled') },
      removal(`/unkai/v1/hosts/${row.id}`, row, t, Number(row['running_vms']) > 0 ? t('why.hasServers') : undefined),
    ];
  },
};

function serviceOf(row: Row): string {
  return String((row['service'] as { id?: unknown } | undefined)?.id ?? '');
}

export const services: Resource = {
  kind: 'services',
  path: () => `${base}/os-services`,
  rows: (body) => under('services')(body).map((row) => ({ ...row, id: String(row.id), name: row['binary'] })),
  columns: ({ t }) => {
    const c = columnsFor(t);
    return [
      c.name(),
      c.plain('host', t('host')),
      c.status('state'),
      c.plain('status', t('takesServers')),
      c.plain('zone', t('zone')),
      c.time('updated_at', t('updated')),
    ];
  },
};
