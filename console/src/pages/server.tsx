import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { Tabs } from 'radix-ui';
import { lazy, type ReactNode, Suspense, useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Badge, CopyButton, Facts, Failed, Loading, Notice, PageHead, Status } from '../components/basics.tsx';
import { ActionMenu } from '../components/menu.tsx';
import { Timeline } from '../components/timeline.tsx';
import { toast } from '../components/toast.tsx';
import { get, send } from '../lib/api.ts';
import { ago, bytes, dateTime } from '../lib/format.ts';
import { useImages } from '../lib/queries.ts';
import { addressesOf, callOf, imageOf, serverActions, type Translate, whyNot } from '../lib/servers.ts';
import { useSession } from '../lib/session.ts';
import type { Server } from '../lib/types.ts';
import type { ListSearch } from '../router.tsx';
import { type ServerFormState, ServerForms } from './server-forms.tsx';
import { ConsoleLog, Disks, Ports, Snapshots } from './server-tabs.tsx';

const SerialConsole = lazy(async () => ({ default: (await import('./serial-console.tsx')).SerialConsole }));
const ScreenConsole = lazy(async () => ({ default: (await import('./screen-console.tsx')).ScreenConsole }));

const tabs = ['overview', 'timeline', 'serial', 'screen', 'log', 'disks', 'snapshots', 'ports', 'metadata'] as const;
const refreshMs = 2000;

/** One server: what it is, what was done with it, and the way into it. */
export function ServerPage() {
  const { t } = useTranslation();
  const { id } = useParams({ strict: false }) as { id: string };
  const { tab = 'overview' } = useSearch({ strict: false }) as ListSearch;
  const navigate = useNavigate();
  const client = useQueryClient();
  const [form, setForm] = useState<ServerFormState>();
  const {
    data: server,
    error,
    refetch,
  } = useQuery({
    queryKey: ['server', id],
    queryFn: async ({ signal }) => (await get<{ server: Server }>(`/compute/v2.1/servers/${id}`, signal)).server,
    refetchInterval: ({ state }) => (state.data?.['OS-EXT-STS:task_state'] ? refreshMs : 30_000),
  });
  const isThere = server !== undefined;
  // biome-ignore lint/correctness/useExhaustiveDependencies: on a narrow page the chosen tab may be out of sight
  useEffect(() => {
    document.querySelector('[role=tab][data-state=active]')?.scrollIntoView({ block: 'nearest', inline: 'center' });
  }, [tab, isThere]);
  if (error) return <Failed error={error} retry={() => void refetch()} />;
  if (!server) return <Loading />;
  const run = async (actionId: string) => {
    const action = serverActions.find((one) => one.id === actionId)!;
    if (action.form) return setForm({ id: actionId, servers: [server] });
    await send(callOf(server, action)).then(
      () => toast('good', t('asked', { action: t(`action.${actionId}`), name: server.name })),
      (failure: Error) => toast('bad', failure.message),
    );
    await client.invalidateQueries({ queryKey: ['server', id] });
    await client.invalidateQueries({ queryKey: ['activities', id] });
  };
  const actions = serverActions.map((action) => ({
    id: action.id,
    label: t(`action.${action.id}`),
    danger: action.danger,
    why: whyNot(server, action, t as unknown as Translate),
    run: () => void run(action.id),
  }));
  const quick = actions.filter((action) => ['start', 'stop', 'reboot', 'rebuild'].includes(action.id));
  return (
    <div className="page">
      <PageHead
        title={server.name}
        text={
          <span className="row">
            <Status value={server.status} task={server['OS-EXT-STS:task_state']} />
            {server.locked && <Badge tone="warn">{t('locked')}</Badge>}
            <span className="mono small">{server.id}</span>
            <CopyButton text={server.id} label={t('copyId')} />
          </span>
        }
        crumbs={<Link to={'/ui/servers' as '/'}>{t('servers')}</Link>}
      >
        {quick
          .filter(({ why }) => why === undefined)
          .map((action) => (
            <button key={action.id} type="button" className="button" onClick={action.run}>
              {action.label}
            </button>
          ))}
        <ActionMenu label={t('actions')} actions={() => actions} />
      </PageHead>
      {server.fault && (
        <Notice tone="bad">
          <b>{t('fault')}: </b>
          <span lang="en">{server.fault.message}</span>
        </Notice>
      )}
      <Tabs.Root value={tab} onValueChange={(next) => void navigate({ search: { tab: next } as never, replace: true })}>
        <Tabs.List className="tabs" aria-label={server.name}>
          {tabs.map((one) => (
            <Tabs.Trigger key={one} value={one}>
              {t(`tab.${one}`)}
            </Tabs.Trigger>
          ))}
        </Tabs.List>
        <div style={{ paddingTop: 18 }}>
          <Tabs.Content value="overview">
            <OverviewTab server={server} />
          </Tabs.Content>
          <Tabs.Content value="timeline">
            <Timeline resourceId={id} />
          </Tabs.Content>
          <Tabs.Content value="serial">
            <InPage>
              <SerialConsole serverId={id} />
            </InPage>
          </Tabs.Content>
          <Tabs.Content value="screen">
            <InPage>
              <ScreenConsole serverId={id} />
            </InPage>
          </Tabs.Content>
          <Tabs.Content value="log">
            <ConsoleLog id={id} />
          </Tabs.Content>
          <Tabs.Content value="disks">
            <Disks server={server} />
          </Tabs.Content>
          <Tabs.Content value="snapshots">
            <Snapshots server={server} />
          </Tabs.Content>
          <Tabs.Content value="ports">
            <Ports id={id} />
          </Tabs.Content>
          <Tabs.Content value="metadata">
            <section className="card">
              {Object.keys(server.metadata).length === 0 ? (
                <p className="empty">{t('nothingYet')}</p>
              ) : (
                <div className="body">
                  <Facts items={Object.entries(server.metadata)} />
                </div>
              )}
            </section>
          </Tabs.Content>
        </div>
      </Tabs.Root>
      <ServerForms
        form={form}
        onClose={() => setForm(undefined)}
        onDone={() => form?.id === 'delete' && void navigate({ to: '/ui/servers' as '/' })}
      />
    </div>
  );
}

function InPage({ children }: { children: ReactNode }) {
  return <Suspense fallback={<Loading />}>{children}</Suspense>;
}

function OverviewTab({ server }: { server: Server }) {
  const { t } = useTranslation();
  const isAdmin = useSession()?.isAdmin;
  const { flavor } = server;
  const image = imageOf(server);
  const imageName = useImages().data?.find(({ id }) => id === image)?.name;
  return (
    <div className="grid two">
      <section className="card">
        <header>
          <h2>{t('about')}</h2>
        </header>
        <div className="body">
          <Facts
            items={[
              [
                t('addresses'),
                <span key="a" className="mono">
                  {addressesOf(server).join(', ')}
                </span>,
              ],
              [
                t('flavor'),
                `${flavor.original_name ?? flavor.id ?? ''}${flavor.vcpus ? ` (${flavor.vcpus} vCPU, ${bytes((flavor.ram ?? 0) * 2 ** 20)}, ${flavor.disk} GiB)` : ''}`,
              ],
              [
                t('image'),
                image ? (
                  <Link key="i" to={`/ui/images/${image}` as '/'}>
                    {imageName ?? image}
                  </Link>
                ) : (
                  t('bootsFromVolume')
                ),
              ],
              [t('keypair'), server.key_name],
              [t('securitygroups'), server.security_groups?.map(({ name }) => name).join(', ')],
              [t('zone'), server['OS-EXT-AZ:availability_zone']],
              ...(isAdmin ? ([[t('host'), server['OS-EXT-SRV-ATTR:host']]] as Array<[string, ReactNode]>) : []),
              [t('created'), `${dateTime(server.created)} (${ago(server.created)})`],
              [t('updated'), dateTime(server.updated)],
              [t('description'), server.description],
            ]}
          />
        </div>
      </section>
      <Timeline resourceId={server.id} />
    </div>
  );
}
