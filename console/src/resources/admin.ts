import type { NativeAddFaultBody, NativeUpdateImageStoreBody } from '../api/bodies.ts';
import { columnsFor } from './columns.tsx';
import { formOf, type Resource, type Row, text, under } from './resource.ts';

const base = '/unkai/v1';

const list = (row: Row, member: string) => ((row[member] ?? []) as string[]).join(', ');

export const zones: Resource = {
  kind: 'zones',
  path: () => `${base}/zones`,
  rows: under('zones'),
  columns: ({ t }) => {
    const c = columnsFor(t);
    return [
      c.name(),
      c.flag('is_default', t('default')),
      c.flag('enabled', t('enabled')),
      c.of('hosts', t('hostsConnected'), (row) => `${text(row, 'connected_hosts')} / ${text(row, 'hosts')}`),
      c.of('image_stores', t('stores'), (row) => list(row, 'image_stores'), 'minmax(160px, 2fr)'),
      c.plain('description', t('description')),
    ];
  },
};

export const stores: Resource = {
  kind: 'stores',
  path: () => `${base}/image-stores`,
  rows: under('image_stores'),
  columns: ({ t }) => {
    const c = columnsFor(t);
    return [
      c.name(),
      c.status('status'),
      { ...c.flag('enabled', t('takesImages')), width: 'minmax(130px, .8fr)' },
      c.flag('is_default', t('default')),
      c.plain('kind', t('type')),
      c.of('zones', t('zones'), (row) => list(row, 'zones'), 'minmax(160px, 1.2fr)'),
      c.mono('url', t('address'), 'minmax(220px, 2fr)'),
    ];
  },
  actions: (row, { t }) => {
    const call = (enabled: boolean) => ({
      method: 'PATCH',
      path: `${base}/image-stores/${row.id}`,
      body: { enabled } satisfies NativeUpdateImageStoreBody,
    });
    return row['enabled']
      ? [{ id: 'disable', label: t('closeStore'), call: call(false) }]
      : [{ id: 'enable', label: t('openStore'), call: call(true) }];
  },
};

export const audit: Resource = {
  kind: 'audit',
  path: () => `${base}/audit`,
  rows: (body) => under('findings')(body).map((row, index) => ({ ...row, id: `${text(row, 'resource_id')} ${index}` })),
  columns: ({ t }) => {
    const c = columnsFor(t);
    return [
      c.status('level'),
      c.mono('invariant', t('rule')),
      c.plain('resource_type', t('type')),
      c.mono('resource_id', t('resource'), 'minmax(260px, 1.6fr)'),
      c.plain('text', t('finding'), 'minmax(280px, 3fr)'),
    ];
  },
  empty: 'auditSound',
};

type Fault = NativeAddFaultBody['fault'];
const effects = ['delay', 'error', 'stuck', 'lost_host'] satisfies Array<Fault['effect']>;
const codes = [
  'unavailable',
  'internal',
  'conflict',
  'no_valid_host',
  'quota_exceeded',
  'invalid',
  'forbidden',
  'not_found',
] satisfies Array<Fault['code']>;
const options = (values: readonly string[]) => values.map((value) => ({ value, label: value }));

export const faults: Resource = {
  kind: 'faults',
  path: () => `${base}/faults`,
  rows: under('faults'),
  columns: ({ t }) => {
    const c = columnsFor(t);
    return [
      { ...c.status('effect'), title: t('effect') },
      c.mono('operation', t('operation')),
      c.plain('name', t('name')),
      c.plain('host', t('host')),
      c.plain('step', t('step')),
      c.plain('code', t('code')),
      c.plain('hits', t('hits')),
      c.of('times_left', t('timesLeft'), (row) =>
        row['times_left'] === null ? t('unlimited') : text(row, 'times_left'),
      ),
      c.time('created_at', t('created')),
    ];
  },
  create: ({ t }) =>
    formOf({
      id: 'create',
      title: t('injectFault'),
      text: t('injectFaultText'),
      fields: [
        {
          name: 'effect',
          label: t('effect'),
          kind: 'select',
          required: true,
          initial: 'error',
          options: options(effects),
        },
        { name: 'operation', label: t('operation'), placeholder: 'server.create', hint: t('faultOperationHint') },
        { name: 'name', label: t('name'), placeholder: 'web-*' },
        { name: 'host', label: t('host') },
        { name: 'step', label: t('step'), placeholder: 'startGuest' },
        { name: 'delay', label: t('delaySeconds'), kind: 'number' },
        { name: 'code', label: t('code'), kind: 'select', options: options(codes) },
        {
          name: 'times',
          label: t('times'),
          kind: 'number',
          initial: '1',
          hint: t('timesHint'),
          check: (value) => (value === '' || Number(value) > 0 ? undefined : t('positiveProblem')),
        },
      ],
      toCall: ({ effect, operation, name, host, step, delay, code, times }) => ({
        method: 'POST',
        path: `${base}/faults`,
        body: {
          fault: {
            effect: effect as Fault['effect'],
            ...given({ operation, name, host, step }),
            ...(code ? { code: code as NonNullable<Fault['code']> } : {}),
            ...(delay ? { delay_seconds: Number(delay) } : {}),
            ...(times ? { times: Number(times) } : {}),
          },
        } satisfies NativeAddFaultBody,
      }),
    }),
  actions: (row, { t }) => [
    {
      id: 'delete',
      label: t('removeFault'),
      danger: true,
      form: formOf({
        id: 'delete',
        title: t('removeFault'),
        text: t('removeFaultText'),
        danger: true,
        fields: [],
        toCall: () => ({ method: 'DELETE', path: `${base}/faults/${row.id}` }),
      }),
    },
  ],
};

/** The members that have a value. */
function given<Name extends string>(values: Record<Name, string>): Partial<Record<Name, string>> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== '')) as Partial<
    Record<Name, string>
  >;
}
