import { useQuery } from '@tanstack/react-query';
import { Play } from 'lucide-react';
import { useEffect, useId, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Badge, Code, Notice } from '../components/basics.tsx';
import { Spans } from '../components/timeline.tsx';
import { type ApiCall, ApiError, get, send } from '../lib/api.ts';
import { useSession } from '../lib/session.ts';
import type { Activity } from '../lib/types.ts';
import type { CatalogueEntry, Parameter } from './catalogue.ts';
import { usePickers } from './pickers.ts';
import type { Draft } from './request.ts';

const modes = ['mock', 'dry', 'real'] as const;
type Mode = (typeof modes)[number];

interface Result {
  mode: Mode;
  status: number;
  milliseconds: number;
  body: unknown;
  requestId?: string;
}

interface Props {
  entry: CatalogueEntry;
  draft: Draft;
  onDraft: (draft: Draft) => void;
  call: ApiCall;
}

const validateMs = 500;

/** Sends the request in one of three ways: the recorded answer, a check that changes nothing, or in earnest. */
export function TryIt({ entry, draft, onDraft, call }: Props) {
  const { t } = useTranslation();
  const current = useSession();
  const [mode, setMode] = useState<Mode>('mock');
  const [confirmed, setConfirmed] = useState('');
  const [result, setResult] = useState<Result>();
  const [failure, setFailure] = useState('');
  const [isBusy, setBusy] = useState(false);
  const { operation, method, product } = entry;
  const isRead = method === 'GET' || method === 'HEAD';
  const isStream = operation.requestBody && !operation.requestBody.content['application/json'];
  const isDestructive =
    method === 'DELETE' || /delete|expunge|destroy|remove|reset|revert/i.test(operation.operationId);
  const parameters = (operation.parameters ?? []).filter((parameter) => parameter.in !== 'header');
  const missing = parameters.filter((parameter) => parameter.in === 'path' && !draft.params[parameter.name]);
  const syntax = jsonProblem(draft.body);
  const complaint = useServerComplaint(entry, call, current !== null && missing.length === 0 && !syntax && !isStream);
  const signedOut = operation['x-allow'] !== 'anyone' && (product === 'zstack' ? !current?.zstack : !current);
  const whyNot =
    mode === 'mock'
      ? undefined
      : signedOut
        ? t(product === 'zstack' ? 'why.noZStack' : 'why.signIn')
        : isStream
          ? t('why.stream')
          : mode === 'dry' && isRead
            ? t('why.readsOnly')
            : missing.length > 0
              ? t('why.missing', { names: missing.map(({ name }) => name).join(', ') })
              : mode === 'real' && isDestructive && confirmed !== operation.operationId
                ? t('typeToConfirm', { id: operation.operationId })
                : undefined;
  const run = async () => {
    setFailure('');
    setBusy(true);
    try {
      setResult(await execute(mode, entry, call));
    } catch (error) {
      setFailure((error as Error).message);
    } finally {
      setBusy(false);
      setConfirmed('');
    }
  };
  return (
    <div className="card">
      <div className="body stack">
        <fieldset className="plain">
          <legend>{t('tryIt')}</legend>
          <div className="modes">
            {modes.map((one) => (
              <label key={one} className="choice">
                <input type="radio" name="mode" checked={mode === one} onChange={() => setMode(one)} />
                <b>{t(`mode.${one}`)}</b>
                <small>{t(`modeText.${one}`)}</small>
              </label>
            ))}
          </div>
        </fieldset>
        {parameters.map((parameter) => (
          <ParameterInput
            key={parameter.in + parameter.name}
            parameter={parameter}
            value={(parameter.in === 'path' ? draft.params : draft.query)[parameter.name] ?? ''}
            onChange={(value) =>
              onDraft(
                parameter.in === 'path'
                  ? { ...draft, params: { ...draft.params, [parameter.name]: value } }
                  : { ...draft, query: { ...draft.query, [parameter.name]: value } },
              )
            }
          />
        ))}
        {operation.requestBody && !isStream && (
          <div className="field">
            <label htmlFor="try-body">{t('requestBody')}</label>
            <textarea
              id="try-body"
              className="textarea mono"
              rows={Math.min(18, draft.body.split('\n').length + 1)}
              spellCheck={false}
              value={draft.body}
              aria-invalid={syntax ? true : undefined}
              onChange={(event) => onDraft({ ...draft, body: event.target.value })}
            />
            {syntax && <p className="problem">{syntax}</p>}
          </div>
        )}
        {complaint && (
          <p className="problem" role="status">
            {complaint}
          </p>
        )}
        {mode === 'real' && isDestructive && (
          <div className="field">
            <label htmlFor="try-confirm">{t('typeToConfirm', { id: operation.operationId })}</label>
            <input
              id="try-confirm"
              className="input mono"
              value={confirmed}
              onChange={(event) => setConfirmed(event.target.value)}
              autoComplete="off"
            />
          </div>
        )}
        <div className="row">
          <button
            type="button"
            className={mode === 'real' && isDestructive ? 'button danger' : 'button primary'}
            disabled={isBusy || whyNot !== undefined || syntax !== undefined}
            onClick={() => void run()}
          >
            <Play size={15} aria-hidden /> {t(`send.${mode}`)}
          </button>
          {whyNot && <span className="soft small">{whyNot}</span>}
        </div>
        {failure && <Notice tone="bad">{failure}</Notice>}
        {result && <ResultView result={result} />}
      </div>
    </div>
  );
}

function ResultView({ result }: { result: Result }) {
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
      </header>
      <div className="body stack">
        {activity.failure && <Notice tone="bad">{activity.failure.message}</Notice>}
        <Spans id={activity.id} />
      </div>
    </section>
  );
}

function ParameterInput(props: { parameter: Parameter; value: string; onChange: (value: string) => void }) {
  const id = useId();
  const { parameter, value, onChange } = props;
  const choices = usePickers(parameter.name);
  return (
    <div className="field">
      <label htmlFor={id}>
        <code>{parameter.name}</code> <span className="faint small">{parameter.in}</span>
        {parameter.required && <span className="required"> *</span>}
      </label>
      <input
        id={id}
        className="input mono"
        list={`${id}-list`}
        value={value}
        onChange={(event) => onChange(event.target.value)}
        autoComplete="off"
      />
      <datalist id={`${id}-list`}>
        {choices.map((choice) => (
          <option key={choice.id} value={choice.id}>
            {choice.name}
          </option>
        ))}
      </datalist>
    </div>
  );
}

async function execute(mode: Mode, entry: CatalogueEntry, call: ApiCall): Promise<Result> {
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

/** What the server says against the request as it stands, in its own words, while one types. */
function useServerComplaint(entry: CatalogueEntry, call: ApiCall, isWanted: boolean): string | undefined {
  const [complaint, setComplaint] = useState<string>();
  useEffect(() => {
    setComplaint(undefined);
    if (!isWanted || (call.body === undefined && entry.method !== 'GET')) return;
    const stop = new AbortController();
    const timer = setTimeout(async () => {
      try {
        await send({ ...call, headers: { ...call.headers, 'Unkai-Dry-Run': 'validate' } }, stop.signal);
      } catch (error) {
        if (error instanceof ApiError && error.status === 400) setComplaint(error.message);
      }
    }, validateMs);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [entry, call, isWanted]);
  return complaint;
}

function jsonProblem(text: string): string | undefined {
  if (text.trim() === '') return undefined;
  try {
    JSON.parse(text);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
