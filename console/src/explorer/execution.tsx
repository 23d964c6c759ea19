import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { CancelActivity } from '../components/activity-job.tsx';
import { Badge, Code, Notice } from '../components/basics.tsx';
import { Spans } from '../components/timeline.tsx';
import { type ApiCall, ApiError, get, send } from '../lib/api.ts';
import type { Activity } from '../lib/types.ts';
import type { CatalogueEntry } from './catalogue.ts';

export const modes = ['mock', 'dry', 'real'] as const;
export type Mode = (typeof modes)[number];

export interface Result {
  mode: Mode;
  status: number;
  milliseconds: number;
  body: unknown;
  requestId?: string;
}

/** Sends the request in the given way. Throws only where no answer came. */
export async function execute(mode: Mode, entry: CatalogueEntry, call: ApiCall): Promise<Result> {
  if (mode === 'mock') return mock(entry);
  const started = performance.now();
  const sent = mode === 'dry' ? { ...call, headers: { ...call.headers, 'Unkai-Dry-Run': '1' } } : call;
  try {
    const { status, headers, body } = await send(sent);
    const requestId = headers.get('x-openstack-request-id') ?? headers.get('x-request-id') ?? undefined;
    return { mode, status, milliseconds: performance.now() - started, body, requestId };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return {
      mode,
      status: error.status,
      milliseconds: performance.now() - started,
      body: error.body,
      requestId: error.requestId,
    };
  }
}

/** The operation's own recorded example: no request is made. */
function mock({ operation }: CatalogueEntry): Result {
  const [status, response] = Object.entries(operation.responses)[0] ?? ['200', undefined];
  const withExample = Object.entries(operation.responses).find(
    ([, { content }]) => content?.['application/json']?.example !== undefined,
  );
  const shown = withExample ?? [status, response];
  return {
    mode: 'mock',
    status: Number(shown[0]),
    milliseconds: 0,
    body: shown[1]?.content?.['application/json']?.example,
  };
}

export function ResultView({ result }: { result: Result }) {
  const { t } = useTranslation();
  return (
    <div className="stack" aria-live="polite">
      <div className="row">
        <Badge tone={result.status < 400 ? 'good' : 'bad'}>{result.status}</Badge>
        <Badge plain>{t(`mode.${result.mode}`)}</Badge>
        <span className="soft small number">{Math.round(result.milliseconds)} ms</span>
        {result.requestId && <span className="mono small faint">{result.requestId}</span>}
      </div>
      {result.body !== undefined && (
        <Code
          text={typeof result.body === 'string' ? result.body : JSON.stringify(result.body, undefined, 2)}
          label={t('responseExample')}
        />
      )}
      {result.mode === 'real' && result.requestId && result.status < 400 && <Job requestId={result.requestId} />}
    </div>
  );
}

const jobPollMs = 1000;
/** Where a resource that a job is about has a page of its own. */
const pages: Record<string, string> = { server: '/ui/servers', image: '/ui/images' };
const dashed = (id: string) => id.replace(/^(\w{8})(\w{4})(\w{4})(\w{4})(\w{12})$/, '$1-$2-$3-$4-$5');

/** The work that the request began, followed to its end. */
function Job({ requestId }: { requestId: string }) {
  const { t } = useTranslation();
  const { data } = useQuery({
    queryKey: ['activities', 'of', requestId],
    queryFn: ({ signal }) => get<{ activities: Activity[] }>(`/unkai/v1/activities?request_id=${requestId}`, signal),
    refetchInterval: ({ state }) =>
      state.data?.activities.every(({ finished_at }) => finished_at) ? false : jobPollMs,
  });
  const activity = data?.activities[0];
  if (!activity) return null;
  return (
    <section className="card" aria-label={t('job')}>
      <header>
        <h3>
          {t('job')}: {activity.name}
        </h3>
        <Badge tone={activity.state === 'succeeded' ? 'good' : activity.state === 'failed' ? 'bad' : 'busy'}>
          {activity.state}
        </Badge>
        <span style={{ flex: 1 }} />
        <CancelActivity activity={activity} />
        {pages[activity.resource_type] && (
          <Link className="button small" to={`${pages[activity.resource_type]}/${dashed(activity.resource_id)}` as '/'}>
            {activity.resource_name ?? activity.resource_type}
          </Link>
        )}
      </header>
      <div className="body stack">
        {activity.failure && <Notice tone="bad">{activity.failure.message}</Notice>}
        <Spans id={activity.id} />
      </div>
    </section>
  );
}
