import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { EllipsisVertical, Lock, Plus, RotateCw } from 'lucide-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { PageHead, Status } from '../components/basics.tsx';
import { BulkBar, tell } from '../components/bulk-bar.tsx';
import { ActionMenu } from '../components/menu.tsx';
import { type Column, Table } from '../components/table.tsx';
import { toast } from '../components/toast.tsx';
import { send } from '../lib/api.ts';
import { ago, bytes, dateTime, moment } from '../lib/format.ts';
import { sendAll } from '../lib/send-all.ts';
import { distrust, listServers } from '../lib/server-list.ts';
import { addressesOf, callOf, serverActions, type Translate, whyNot } from '../lib/servers.ts';
import { useSession } from '../lib/session.ts';
import type { Server } from '../lib/types.ts';
import type { ListSearch } from '../router.tsx';
import { type ServerFormState, ServerForms } from './server-forms.tsx';

const bulkActions = ['start', 'stop', 'reboot', 'delete'];
const refreshMs = 4000;

/** The list of servers: filters in the URL, any number of rows, and one action for many. */
export function Servers() {
  const { t } = useTranslation();
  const client = useQueryClient();
  const navigate = useNavigate();
  const { q = '', status = '', all = false } = useSearch({ strict: false }) as ListSearch;
  const isAdmin = useSession()?.isAdmin;
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [form, setForm] = useState<ServerFormState>();
  const key = ['servers', all];
  const { data, error, refetch } = useQuery({
    queryKey: key,
    queryFn: ({ signal }) =>
      listServers(all, signal, client.getQueryData<Server[]>(key), (servers) => client.setQueryData(key, servers)),
    // Comparing ten thousand servers member by member takes longer than drawing those in sight.
    structuralSharing: false,
    // The cloud says when something changes; this is for what it can't say.
    refetchInterval: ({ state }) =>
      state.data?.some((server) => server['OS-EXT-STS:task_state']) ? refreshMs : 60_000,
  });
  const refresh = () => {
    distrust(data);
    void refetch();
  };
  const set = (change: Partial<ListSearch>) =>
    void navigate({ search: ((old: ListSearch) => ({ ...old, ...change })) as never, replace: true });
  const statuses = [...new Set(data?.map((server) => server.status))].sort();
  const rows = status ? data?.filter((server) => server.status === status) : data;
  const run = async (server: Server, id: string) => {
    const action = serverActions.find((one) => one.id === id)!;
    if (action.form) return setForm({ id, servers: [server] });
    await send(callOf(server, action)).then(
      () => toast('good', t('asked', { action: t(`action.${id}`), name: server.name })),
      (failure: Error) => toast('bad', failure.message),
    );
    await client.invalidateQueries({ queryKey: ['servers'] });
  };
  const bulk = async (id: string) => {
    const servers = (data ?? []).filter((server) => selected.has(server.id));
    if (id === 'delete') return setForm({ id, servers });
    const action = serverActions.find((one) => one.id === id)!;
    const { done, failures } = await sendAll(servers.map((server) => callOf(server, action)));
    if (done > 0) toast('good', t('askedMany', { action: t(`action.${id}`), count: done }));
    tell(failures);
    await client.invalidateQueries({ queryKey: ['servers'] });
  };
  const columns: Array<Column<Server>> = [
    {
      id: 'name',
      title: t('name'),
      width: 'minmax(130px, 2fr)',
      value: (server) => server.name,
      cell: (server) => (
        <>
          <Link className="name" to={`/ui/servers/${server.id}` as '/'}>
            {server.name}
          </Link>{' '}
          {server.locked && <Lock size={13} aria-label={t('locked')} />}
        </>
      ),
    },
    {
      id: 'status',
      title: t('status'),
      width: 'minmax(132px, 1fr)',
      value: (server) => server.status,
      cell: (server) => <Status value={server.status} task={server['OS-EXT-STS:task_state']} />,
    },
    {
      id: 'addresses',
      title: t('addresses'),
      width: 'minmax(140px, 1.2fr)',
      value: (server) => addressesOf(server).join(' '),
      cell: (server) => <span className="mono">{addressesOf(server).join(', ') || '–'}</span>,
    },
    {
      id: 'flavor',
      title: t('flavor'),
      width: 'minmax(150px, 1fr)',
      value: (server) => server.flavor.original_name ?? server.flavor.id ?? '',
      cell: ({ flavor }) => (
        <span title={flavor.vcpus ? `${flavor.vcpus} vCPU, ${bytes((flavor.ram ?? 0) * 2 ** 20)}` : undefined}>
          {flavor.original_name ?? flavor.id}
        </span>
      ),
    },
    ...(isAdmin
      ? [
          {
            id: 'host',
            title: t('host'),
            width: 'minmax(110px, .8fr)',
            value: (server: Server) => server['OS-EXT-SRV-ATTR:host'] ?? '',
            cell: (server: Server) => server['OS-EXT-SRV-ATTR:host'] ?? '–',
          },
        ]
      : []),
    {
      id: 'created',
      title: t('created'),
      width: 'minmax(140px, .8fr)',
      value: (server) => moment(server.created).getTime(),
      cell: (server) => (
        <span className="soft" title={dateTime(server.created)}>
          {ago(server.created)}
        </span>
      ),
    },
    {
      id: 'actions',
      title: '',
      width: '58px',
      cell: (server) => (
        <ActionMenu
          label={t('actionsFor', { name: server.name })}
          icon={<EllipsisVertical size={17} aria-hidden />}
          actions={() =>
            serverActions.map((action) => ({
              id: action.id,
              label: t(`action.${action.id}`),
              danger: action.danger,
              why: whyNot(server, action, t as unknown as Translate),
              run: () => void run(server, action.id),
            }))
          }
        />
      ),
    },
  ];
  return (
    <div className="page full">
      <PageHead title={t('servers')} text={t('serversText')}>
        <button type="button" className="button icon" aria-label={t('refresh')} onClick={refresh}>
          <RotateCw size={16} aria-hidden />
        </button>
        <Link to={'/ui/servers/new' as '/'} className="button primary">
          <Plus size={16} aria-hidden /> {t('createServer')}
        </Link>
      </PageHead>
      <Table
        label={t('servers')}
        rows={rows}
        error={error}
        retry={() => void refetch()}
        columns={columns}
        id={(server) => server.id}
        query={q}
        onQuery={(text) => set({ q: text || undefined })}
        selected={selected}
        onSelect={setSelected}
        empty={
          <>
            <h2>{t('noServers')}</h2>
            <p>{t('noServersText')}</p>
            <Link to={'/ui/servers/new' as '/'} className="button primary">
              {t('createServer')}
            </Link>
          </>
        }
        filters={
          <>
            <select
              className="select"
              style={{ width: 'auto' }}
              aria-label={t('status')}
              value={status}
              onChange={(event) => set({ status: event.target.value || undefined })}
            >
              <option value="">{t('everyStatus')}</option>
              {statuses.map((one) => (
                <option key={one}>{one}</option>
              ))}
            </select>
            {isAdmin && (
              <label className="check">
                <input
                  type="checkbox"
                  checked={all}
                  onChange={(event) => set({ all: event.target.checked || undefined })}
                />
                {t('allProjects')}
              </label>
            )}
          </>
        }
        bulk={<BulkBar count={selected.size} actions={bulkActions.map((id) => ({ id, run: () => void bulk(id) }))} />}
      />
      <ServerForms form={form} onClose={() => setForm(undefined)} onDone={() => setSelected(new Set())} />
    </div>
  );
}
