import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Badge, Facts, Failed, Loading, Meter, PageHead, Status } from '../components/basics.tsx';
import { FormDialog } from '../components/form.tsx';
import { ActionMenu } from '../components/menu.tsx';
import { toast } from '../components/toast.tsx';
import { type ApiCall, get, send } from '../lib/api.ts';
import { bytes, number } from '../lib/format.ts';
import { serverActions, whyNot } from '../lib/servers.ts';
import { useSession } from '../lib/session.ts';
import type { Inventory, Server } from '../lib/types.ts';
import { hosts } from '../resources/compute.ts';
import { type Context, type RowAction, type Translate, text } from '../resources/resource.ts';
import { type ServerFormState, ServerForms } from './server-forms.tsx';

const refreshMs = 10_000;
const none = () => [];

/** One host: what it has to give, what of it is taken, and who runs there. */
export function HostPage() {
  const { t } = useTranslation();
  const { id } = useParams({ strict: false }) as { id: string };
  const current = useSession();
  const client = useQueryClient();
  const [action, setAction] = useState<string>();
  const { data, error, refetch } = useQuery({
    queryKey: ['hosts', 'rows'],
    enabled: current !== null,
    refetchInterval: refreshMs,
    queryFn: async ({ signal }) => hosts.rows(await get(hosts.path(current!), signal)),
  });
  if (error) return <Failed error={error} retry={() => void refetch()} />;
  if (!data || !current) return <Loading />;
  const host = data.find((row) => row.id === id);
  if (!host) return <div className="empty">{t('notFound')}</div>;
  const context: Context = { t: t as unknown as Translate, session: current, options: none };
  const actions = hosts.actions?.(host, context) ?? [];
  const form = actions.find((one) => one.id === action)?.form;
  const run = async (call: ApiCall, words: string) => {
    await send(call);
    toast('good', t('done', { action: words }));
    await client.invalidateQueries({ queryKey: ['hosts'] });
  };
  const act = ({ id: asked, call, label }: RowAction) => {
    if (call) return void run(call, label).catch((failure: Error) => toast('bad', failure.message));
    setAction(asked);
  };
  return (
    <div className="page">
      <PageHead
        title={text(host, 'name')}
        text={
          <span className="row">
            <Status value={text(host, 'state')} />
            <Badge plain>{text(host, 'status')}</Badge>
            <span className="mono small">{id}</span>
          </span>
        }
        crumbs={<Link to={'/ui/r/hosts' as '/'}>{t('hosts')}</Link>}
      >
        <ActionMenu label={t('actions')} actions={() => actions.map((one) => ({ ...one, run: () => act(one) }))} />
      </PageHead>
      <div className="grid two">
        <Guests host={text(host, 'name')} />
        <div className="stack" style={{ gap: 16 }}>
          <Inventories id={id} />
          <section className="card">
            <header>
              <h2>{t('about')}</h2>
            </header>
            <div className="body">
              <Facts
                items={[
                  [t('type'), text(host, 'hypervisor_type')],
                  [t('address'), <code key="address">{text(host, 'host_ip')}</code>],
                  [t('servers'), text(host, 'running_vms')],
                ]}
              />
            </div>
          </section>
        </div>
      </div>
      {form && (
        <FormDialog
          open
          onClose={() => setAction(undefined)}
          title={form.title}
          text={form.text}
          fields={form.fields}
          toCall={(values) => form.toCall(values)}
          submit={(call) => run(call, form.title)}
          submitLabel={form.title}
        />
      )}
    </div>
  );
}

interface Provider {
  uuid: string;
  name: string;
}

/** What Placement counts of the host and of its storages: how much there is, how much may be given away, how much is. */
function Inventories({ id }: { id: string }) {
  const { t } = useTranslation();
  const { data, error } = useQuery({
    queryKey: ['hosts', 'inventories', id],
    refetchInterval: refreshMs,
    queryFn: async ({ signal }) => {
      const path = `/placement/resource_providers?in_tree=${encodeURIComponent(id)}`;
      const { resource_providers } = await get<{ resource_providers: Provider[] }>(path, signal);
      const [host, ...storages] = resource_providers;
      return (
        await Promise.all([
          host ? inventoriesOf(host, undefined, signal) : [],
          ...storages.map((storage) => inventoriesOf(storage, storage.name, signal)),
        ])
      ).flat();
    },
  });
  return (
    <section className="card">
      <header>
        <h2>{t('inventories')}</h2>
      </header>
      <div className="body stack" style={{ gap: 16 }}>
        {error && <Failed error={error} />}
        {data?.map(({ key, of, name, total, reserved, allocation_ratio, used }) => {
          const free = Math.floor((total - reserved) * allocation_ratio);
          const show = amounts[name] ?? number;
          return (
            <div key={key} className="stack" style={{ gap: 6 }}>
              <div className="between">
                <code>{of === undefined ? name : `${name} ${of}`}</code>
                <span className="number soft">
                  {show(used)} / {show(free)}
                </span>
              </div>
              <Meter used={used} total={free} label={name} />
              <p className="small faint">
                {t('inventoryText', { total: show(total), reserved: show(reserved), ratio: allocation_ratio })}
              </p>
            </div>
          );
        })}
      </div>
    </section>
  );
}

/** @param of what the provider is called beside the resource, for one that is not the host itself */
async function inventoriesOf({ uuid }: Provider, of: string | undefined, signal: AbortSignal) {
  const base = `/placement/resource_providers/${uuid}`;
  const [{ inventories }, { usages }] = await Promise.all([
    get<{ inventories: Record<string, Inventory> }>(`${base}/inventories`, signal),
    get<{ usages: Record<string, number> }>(`${base}/usages`, signal),
  ]);
  const used = (name: string) => usages[name] ?? 0;
  return Object.entries(inventories).map(([name, inventory]) => {
    return { ...inventory, key: `${uuid} ${name}`, of, name, used: used(name) };
  });
}

const amounts: Record<string, (count: number) => string> = {
  MEMORY_MB: (count) => bytes(count * 2 ** 20),
  DISK_GB: (count) => bytes(count * 2 ** 30),
};

/** Who runs there, whosever they are; each can be moved to another host. */
function Guests({ host }: { host: string }) {
  const { t } = useTranslation();
  const [form, setForm] = useState<ServerFormState>();
  const { data, error, refetch } = useQuery({
    queryKey: ['servers', 'of host', host],
    refetchInterval: refreshMs,
    queryFn: async ({ signal }) => {
      const path = `/compute/v2.1/servers/detail?all_tenants=1&limit=1000&host=${encodeURIComponent(host)}`;
      return (await get<{ servers: Server[] }>(path, signal)).servers;
    },
  });
  const migrate = serverActions.find(({ id }) => id === 'migrate')!;
  return (
    <section className="card">
      <header>
        <h2>{t('guests')}</h2>
        <span className="number soft">{data && number(data.length)}</span>
      </header>
      {error && <Failed error={error} retry={() => void refetch()} />}
      {data?.length === 0 && <div className="empty">{t('noGuests')}</div>}
      <ul className="feed">
        {data?.map((server) => {
          const why = whyNot(server, migrate, t as unknown as Translate);
          return (
            <li key={server.id}>
              <Status value={server.status} task={server['OS-EXT-STS:task_state']} />
              <Link className="what" to={`/ui/servers/${server.id}` as '/'}>
                {server.name}
              </Link>
              <button
                type="button"
                className="button small"
                aria-label={t('actionOf', { action: t('action.migrate'), name: server.name })}
                disabled={why !== undefined}
                title={why}
                onClick={() => setForm({ id: 'migrate', servers: [server] })}
              >
                {t('action.migrate')}
              </button>
            </li>
          );
        })}
      </ul>
      <ServerForms form={form} onClose={() => setForm(undefined)} />
    </section>
  );
}
