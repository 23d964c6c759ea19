import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { CircleCheck, Plus, TriangleAlert } from 'lucide-react';
import { useTranslation } from 'react-i18next';
import { Failed, Loading, Meter, PageHead, Status } from '../components/basics.tsx';
import { get } from '../lib/api.ts';
import { ago, bytes, number } from '../lib/format.ts';
import { useSession } from '../lib/session.ts';
import type { Activity, Overview } from '../lib/types.ts';

/** What is going on, what just happened, and what needs somebody. */
export function Home() {
  const { t } = useTranslation();
  const current = useSession();
  const { data, error, refetch } = useQuery({
    queryKey: ['overview'],
    queryFn: ({ signal }) => get<Overview>('/unkai/v1/overview', signal),
    refetchInterval: 15_000,
  });
  if (error) return <Failed error={error} retry={() => void refetch()} />;
  if (!data) return <Loading />;
  const { usage, limits, capacity, servers } = data;
  const running = servers['active'] ?? 0;
  const all = Object.values(servers).reduce((sum, count) => sum + count, 0);
  return (
    <div className="page">
      <PageHead
        title={t('welcome', { name: current?.user.name })}
        text={t('homeText', { project: current?.project.name })}
      >
        <Link to={'/ui/servers/new' as '/'} className="button primary">
          <Plus size={16} aria-hidden /> {t('createServer')}
        </Link>
      </PageHead>
      <div className="grid">
        <Link to={'/ui/servers' as '/'} className="card stat plain-link">
          <div className="label">{t('serversRunning')}</div>
          <div className="value">
            {number(running)} <small>/ {number(all)}</small>
          </div>
          <div className="row">
            {Object.entries(servers).map(([state, count]) => (
              <span key={state} className="small soft">
                {number(count)} {state}
              </span>
            ))}
          </div>
        </Link>
        <Stat
          title="vCPU"
          used={capacity?.used.vcpus ?? usage['cores']!}
          total={capacity?.total.vcpus ?? limits['cores']!}
          show={number}
        />
        <Stat
          title={t('memory')}
          used={capacity?.used.memory_mb ?? usage['ram_mb']!}
          total={capacity?.total.memory_mb ?? limits['ram_mb']!}
          show={(mb) => bytes(mb * 2 ** 20)}
        />
        <Stat
          title={t('disk')}
          used={capacity?.used.disk_gb ?? usage['gigabytes']!}
          total={capacity?.total.disk_gb ?? limits['gigabytes']!}
          show={(gb) => bytes(gb * 2 ** 30)}
        />
      </div>
      <div className="grid two">
        <section className="card" aria-labelledby="live">
          <header>
            <h2 id="live">{t('justHappened')}</h2>
            <span className="badge" data-tone="good">
              {t('live')}
            </span>
          </header>
          <Feed />
        </section>
        <section className="card" aria-labelledby="concerns">
          <header>
            <h2 id="concerns">{t('needsAttention')}</h2>
          </header>
          {data.concerns.length === 0 ? (
            <div className="empty">
              <CircleCheck size={26} color="var(--good)" aria-hidden />
              {t('allIsWell')}
            </div>
          ) : (
            <ul className="feed concerns">
              {data.concerns.map((concern) => (
                <li key={concern.kind + concern.resource_id}>
                  <TriangleAlert size={17} color="var(--warn)" aria-hidden />
                  <span>
                    <ResourceLink type={concern.resource_type} id={concern.resource_id} name={concern.name} />{' '}
                    <span className="small soft">{t(`concern.${concern.kind}`)}</span>
                    <br />
                    <span className="small soft" lang="en">
                      {concern.message}
                    </span>
                    <br />
                    <span className="small faint">{ago(concern.since)}</span>
                  </span>
                </li>
              ))}
            </ul>
          )}
        </section>
      </div>
    </div>
  );
}

function Stat({
  title,
  used,
  total,
  show,
}: {
  title: string;
  used: number;
  total: number;
  show: (n: number) => string;
}) {
  const { t } = useTranslation();
  return (
    <div className="card stat">
      <div className="label">{title}</div>
      <div className="value">
        {show(used)} <small>/ {total < 0 ? t('unlimited') : show(total)}</small>
      </div>
      {total >= 0 && <Meter used={used} total={total} label={title} />}
    </div>
  );
}

const maxShown = 9;

/** The newest activities: read once, then told by the cloud as they happen. */
function Feed() {
  const { t } = useTranslation();
  const { data } = useQuery({
    queryKey: ['activities', 'live'],
    queryFn: async ({ signal }) =>
      (await get<{ activities: Activity[] }>('/unkai/v1/activities?limit=30', signal)).activities,
    staleTime: Number.POSITIVE_INFINITY,
  });
  if (!data) return <Loading />;
  if (data.length === 0) return <div className="empty">{t('nothingHappenedYet')}</div>;
  return (
    <ul className="feed" aria-live="polite">
      {data.slice(0, maxShown).map((activity) => (
        <li key={activity.id}>
          <Status value={activity.state} />
          <span className="what">
            <b>{activity.name}</b>{' '}
            <ResourceLink
              type={activity.resource_type}
              id={activity.resource_id}
              name={activity.resource_name ?? activity.resource_id.slice(0, 8)}
            />
          </span>
          <span className="small faint">{ago(activity.created_at)}</span>
        </li>
      ))}
    </ul>
  );
}

const pagesOf: Record<string, string> = { server: '/ui/servers/', image: '/ui/images/' };

export function ResourceLink({ type, id, name }: { type: string; id: string; name: string }) {
  const base = pagesOf[type];
  if (!base) return <span>{name}</span>;
  const dashed = id.length === 32 ? id.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5') : id;
  return <Link to={(base + dashed) as '/'}>{name}</Link>;
}
