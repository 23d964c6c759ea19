import { Play } from 'lucide-react';
import { useId, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Notice } from '../components/basics.tsx';
import type { ApiCall } from '../lib/api.ts';
import { useSession } from '../lib/session.ts';
import type { CatalogueEntry, Parameter } from './catalogue.ts';
import { type Complaint, placeOf, useServerComplaint } from './complaint.ts';
import { execute, type Mode, modes, type Result, ResultView } from './execution.tsx';
import { usePickers } from './pickers.ts';
import type { Draft } from './request.ts';

interface Props {
  entry: CatalogueEntry;
  draft: Draft;
  onDraft: (draft: Draft) => void;
  call: ApiCall;
}

/** Sends the request in one of three ways: the recorded answer, a check that changes nothing, or in earnest. */
export function TryIt({ entry, draft, onDraft, call }: Props) {
  const { t } = useTranslation();
  const current = useSession();
  const [mode, setMode] = useState<Mode>('mock');
  const [confirmed, setConfirmed] = useState('');
  const [result, setResult] = useState<Result>();
  const [failure, setFailure] = useState('');
  const [isBusy, setBusy] = useState(false);
  const area = useRef<HTMLTextAreaElement>(null);
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
            problem={problemAt(complaint, parameter)}
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
              ref={area}
              className="textarea mono"
              rows={Math.min(18, draft.body.split('\n').length + 1)}
              spellCheck={false}
              value={draft.body}
              aria-invalid={syntax || complaint?.part === 'body' ? true : undefined}
              aria-describedby="try-body-problem"
              onChange={(event) => onDraft({ ...draft, body: event.target.value })}
            />
            <div id="try-body-problem" role="status">
              {syntax && <p className="problem">{syntax}</p>}
              {complaint?.part === 'body' && (
                <BodyProblem complaint={complaint} text={draft.body} area={() => area.current} />
              )}
            </div>
          </div>
        )}
        {complaint && complaint.part !== 'body' && !parameters.some((one) => problemAt(complaint, one)) && (
          <p className="problem" role="status">
            {complaint.message}
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

/** What is said against the parameter, if it is this one that is wrong. */
function problemAt(complaint: Complaint | undefined, { name, in: place }: Parameter): string | undefined {
  const part = place === 'path' ? 'params' : place;
  return complaint?.part === part && complaint.field.split('.')[0] === name ? complaint.message : undefined;
}

/** What is wrong with the body, with the way to the member: in the text, and in the documentation below. */
function BodyProblem(props: { complaint: Complaint; text: string; area: () => HTMLTextAreaElement | null }) {
  const { t } = useTranslation();
  const { message, field } = props.complaint;
  const place = field ? placeOf(props.text, field) : undefined;
  const show = () => {
    const area = props.area();
    if (!area || !place) return;
    area.focus();
    area.setSelectionRange(place.from, place.to);
  };
  const anchor = `body.${field.replaceAll(/\.\d+/g, '')}`;
  return (
    <p className="problem">
      {field && (
        <>
          <a href={`#${anchor}`}>
            <code>{field}</code>
          </a>
          {place && (
            <button type="button" className="button ghost small" onClick={show}>
              {t('line', { line: place.line })}
            </button>
          )}{' '}
        </>
      )}
      {message}
    </p>
  );
}

interface ParameterProps {
  parameter: Parameter;
  value: string;
  problem: string | undefined;
  onChange: (value: string) => void;
}

function ParameterInput(props: ParameterProps) {
  const id = useId();
  const { parameter, value, problem, onChange } = props;
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
        aria-invalid={problem ? true : undefined}
        aria-describedby={problem ? `${id}-problem` : undefined}
        onChange={(event) => onChange(event.target.value)}
        autoComplete="off"
      />
      {problem && (
        <p id={`${id}-problem`} className="problem" role="status">
          {problem}
        </p>
      )}
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

function jsonProblem(text: string): string | undefined {
  if (text.trim() === '') return undefined;
  try {
    JSON.parse(text);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
