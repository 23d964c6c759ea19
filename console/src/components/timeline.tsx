import { useQuery } from '@tanstack/react-query';
import { ChevronRight, CircleAlert, CircleCheck, LoaderCircle, RotateCcw } from 'lucide-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { get } from '../lib/api.ts';
import { ago, dateTime, duration, moment } from '../lib/format.ts';
import type { Activity, ActivityDetail, Span } from '../lib/types.ts';
import { CancelActivity } from './activity-job.tsx';
import { Failed, Loading, Notice, Status } from './basics.tsx';

interface Line {
  span: Span;
  depth: number;
  /** This is the second or a later try of the same work. */
  isRetry: boolean;
  key: string;
  /** A step of the span instead of the span itself. */
  step?: { name: string; outcome: string; from: number; to: number };
}

const underWayPollMs = 1000;

function isUnderWay({ finished_at, state }: Activity): boolean {
  return finished_at === null && state !== 'parked';
}

/** Everything that was done with a resource; each action opens to its spans, drawn to scale. */
export function Timeline({ resourceId }: { resourceId: string }) {
  const { t } = useTranslation();
  const { data, error, refetch } = useQuery({
    queryKey: ['activities', resourceId],
    queryFn: ({ signal }) =>
      get<{ activities: Activity[] }>(`/unkai/v1/activities?resource_id=${resourceId}&limit=100`, signal),
    refetchInterval: ({ state }) => (state.data?.activities.some(isUnderWay) ? underWayPollMs : false),
  });
  const [opened, setOpened] = useState<string | null>();
  if (error) return <Failed error={error} retry={() => void refetch()} />;
  if (!data) return <Loading />;
  if (data.activities.length === 0) return <div className="empty">{t('nothingYet')}</div>;
  const open = opened === undefined ? data.activities[0]!.id : opened;
  return (
    <ul className="stack">
      {data.activities.map((activity) => {
        const isOpen = open === activity.id;
        return (
          <li key={activity.id} className="card action">
            <button
              type="button"
              className="action-head"
              aria-expanded={isOpen}
              onClick={() => setOpened(isOpen ? null : activity.id)}
            >
              <ChevronRight size={16} aria-hidden className="chevron" />
              <b>{activity.name}</b>
              <Status value={activity.state} />
              <span className="soft small when" title={dateTime(activity.created_at)}>
                {ago(activity.created_at)}
              </span>
              <span className="mono small faint request">{activity.request_id}</span>
            </button>
            {activity.failure && (
              <div className="body">
                <Notice tone="bad">
                  <b>{t('firstCause')}: </b>
                  <span lang="en">{activity.failure.message}</span>{' '}
                  <span className="mono small">({activity.failure.step})</span>
                </Notice>
              </div>
            )}
            {isOpen && (
              <div className="body stack">
                <Spans id={activity.id} />
                <div className="row">
                  <CancelActivity activity={activity} />
                </div>
              </div>
            )}
          </li>
        );
      })}
    </ul>
  );
}

/** One action's spans as bars on a common scale; those that are under way grow. */
export function Spans({ id }: { id: string }) {
  const { t } = useTranslation();
  const { data, error } = useQuery({
    queryKey: ['activity', id],
    queryFn: ({ signal }) => get<{ activity: ActivityDetail }>(`/unkai/v1/activities/${id}`, signal),
    refetchInterval: ({ state }) => (!state.data || isUnderWay(state.data.activity) ? underWayPollMs : false),
  });
  if (error) return <Failed error={error} />;
  if (!data) return <Loading />;
  const { activity } = data;
  const lines = flattened(activity.spans);
  const begin = moment(activity.created_at).getTime();
  const ends = lines.map(({ span }) => endOf(span));
  const end = Math.max(begin + 1, activity.finished_at ? moment(activity.finished_at).getTime() : 0, ...ends);
  const total = end - begin;
  const drawn = withSteps(lines, activity);
  return (
    <div className="stack">
      <div className="spans" role="list" aria-label={t('spansOf', { name: activity.name })}>
        {drawn.map(({ span, depth, isRetry, key, step }) => {
          const from = moment(span.started_at).getTime();
          const length = endOf(span) - from;
          const tone = span.result === 'Success' ? 'good' : span.result === 'Error' ? 'bad' : 'busy';
          if (step) {
            return (
              <div key={key} className="span step" role="listitem">
                <span
                  className="label"
                  style={{ paddingLeft: depth * 18 + 21 }}
                  title={`${step.name}: ${step.outcome}`}
                >
                  {step.name}
                </span>
                <span className="track">
                  <i
                    className="bar"
                    data-tone={step.outcome === 'done' ? 'good' : 'bad'}
                    style={{
                      left: `${((step.from - begin) / total) * 100}%`,
                      width: `${((step.to - step.from) / total) * 100}%`,
                    }}
                  />
                </span>
                <span className="time">{duration(step.to - step.from)}</span>
              </div>
            );
          }
          return (
            <div key={key} className="span" role="listitem">
              <span className="label" style={{ paddingLeft: depth * 18 }} title={span.name}>
                {tone === 'good' && <CircleCheck size={14} color="var(--good)" aria-label={t('succeeded')} />}
                {tone === 'bad' && <CircleAlert size={14} color="var(--bad)" aria-label={t('failed')} />}
                {tone === 'busy' && <LoaderCircle size={14} className="spin" aria-label={t('underWay')} />}
                {isRetry && <RotateCcw size={13} aria-label={t('triedAgain')} />}
                {span.name}
              </span>
              <span className="track" title={`${dateTime(span.started_at)} – ${dateTime(span.finished_at)}`}>
                <i
                  className="bar"
                  data-tone={tone}
                  style={{ left: `${((from - begin) / total) * 100}%`, width: `${(length / total) * 100}%` }}
                />
              </span>
              <span className="time">{duration(length)}</span>
            </div>
          );
        })}
      </div>
      {lines
        .filter(({ span }) => span.traceback)
        .map(({ span, key }) => (
          <details key={key}>
            <summary className="small">{t('traceOf', { name: span.name })}</summary>
            <pre className="trace">{span.traceback}</pre>
          </details>
        ))}
    </div>
  );
}

function endOf(span: Span): number {
  return span.finished_at ? moment(span.finished_at).getTime() : Date.now();
}

function flattened(spans: readonly Span[], depth = 0, before = ''): Line[] {
  const seen = new Set<string>();
  return spans.flatMap((span, index) => {
    const isRetry = seen.has(span.name);
    seen.add(span.name);
    const key = `${before}/${index}`;
    return [{ span, depth, isRetry, key }, ...flattened(span.spans, depth + 1, key)];
  });
}

/** Steps under the span they lie in. A step began when what was before it had ended. */
function withSteps(lines: readonly Line[], activity: ActivityDetail): Line[] {
  const taken = new Set<number>();
  return lines.flatMap((line) => {
    const from = moment(line.span.started_at).getTime();
    const until = endOf(line.span);
    let last = from;
    const steps = activity.steps.flatMap(({ name, path, outcome, ended_at }, index): Line[] => {
      const to = moment(ended_at).getTime();
      const isMine =
        path.startsWith(`${line.span.path}.`) &&
        !lines.some((other) => other !== line && other.depth > line.depth && path.startsWith(`${other.span.path}.`));
      if (!isMine || taken.has(index) || to < from - 1 || to > until + 1000) return [];
      taken.add(index);
      const step = { name, outcome, from: last, to: Math.max(last, to) };
      last = step.to;
      return [{ ...line, key: `${line.key} ${index}`, step }];
    });
    return [line, ...steps];
  });
}
