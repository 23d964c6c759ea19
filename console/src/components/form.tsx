import { ChevronDown } from 'lucide-react';
import { type FormEvent, type ReactNode, useId, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { ApiCall } from '../lib/api.ts';
import { ApiError } from '../lib/api.ts';
import { Notice } from './basics.tsx';
import { Dialog } from './dialog.tsx';
import { Samples } from './samples.tsx';

/** What was filled in, by the names of the fields. */
export type Values<Name extends string = string> = Record<Name, string>;

export interface FieldSpec<Name extends string = string> {
  name: Name;
  label: string;
  kind?: 'text' | 'number' | 'password' | 'area' | 'select' | 'radio';
  required?: boolean;
  hint?: string;
  placeholder?: string;
  /** What to choose from. In a `radio`, what can't be chosen is shown with its reasons. */
  options?: ReadonlyArray<{ value: string; label: string; why?: readonly string[] }>;
  initial?: string;
  /** What is wrong with the value; undefined when nothing is. */
  check?: (value: string) => string | undefined;
}

export function Field(props: { spec: FieldSpec; value: string; onChange: (value: string) => void; problem?: string }) {
  const id = useId();
  const { spec, value, onChange, problem } = props;
  const { kind = 'text' } = spec;
  if (kind === 'radio') return <Choices {...props} />;
  const common = {
    id,
    value,
    required: spec.required,
    'aria-invalid': problem ? true : undefined,
    'aria-describedby': problem || spec.hint ? `${id}-more` : undefined,
    onChange: (event: { target: { value: string } }) => onChange(event.target.value),
  };
  return (
    <div className="field">
      <label htmlFor={id}>
        {spec.label}
        {spec.required && (
          <span className="required" aria-hidden>
            {' '}
            *
          </span>
        )}
      </label>
      {kind === 'area' ? (
        <textarea className="textarea mono" {...common} placeholder={spec.placeholder} />
      ) : kind === 'select' ? (
        <select className="select" {...common}>
          {!spec.required && <option value="">–</option>}
          {spec.options?.map((option) => (
            <option key={option.value} value={option.value}>
              {option.label}
            </option>
          ))}
        </select>
      ) : (
        <input className="input" type={kind} {...common} placeholder={spec.placeholder} autoComplete="off" />
      )}
      {(problem || spec.hint) && (
        <p id={`${id}-more`} className={problem ? 'problem' : 'hint'}>
          {problem ?? spec.hint}
        </p>
      )}
    </div>
  );
}

/** Choices with all of their words in sight. */
function Choices({ spec, value, onChange, problem }: Parameters<typeof Field>[0]) {
  const id = useId();
  return (
    <fieldset className="choices" aria-describedby={problem ? `${id}-more` : undefined}>
      <legend>{spec.label}</legend>
      {spec.options?.map((option) => (
        <label key={option.value} className={option.why ? 'choice refused' : 'choice'}>
          <input
            type="radio"
            name={id}
            value={option.value}
            checked={value === option.value}
            disabled={option.why !== undefined}
            onChange={() => onChange(option.value)}
          />
          <span>
            {option.label}
            {option.why?.map((reason) => (
              <span key={reason} className="why">
                {reason}
              </span>
            ))}
          </span>
        </label>
      ))}
      {(problem || spec.hint) && (
        <p id={`${id}-more`} className={problem ? 'problem' : 'hint'}>
          {problem ?? spec.hint}
        </p>
      )}
    </fieldset>
  );
}

export interface FormDialogProps<Name extends string> {
  open: boolean;
  onClose: () => void;
  title: string;
  text?: ReactNode;
  fields: ReadonlyArray<FieldSpec<Name>>;
  /** The request that the values make: what is sent, and what is shown in other tools' words. */
  toCall: (values: Values<Name>) => ApiCall;
  submit: (call: ApiCall) => Promise<unknown>;
  submitLabel: string;
  danger?: boolean;
}

/** A form in a window, with live checks, the failure in its place, and the same request for other tools. */
export function FormDialog<Name extends string>(props: FormDialogProps<Name>) {
  return (
    <Dialog open={props.open} onClose={props.onClose} title={props.title} text={props.text}>
      {props.open && <FormBody {...props} />}
    </Dialog>
  );
}

function FormBody<Name extends string>(props: FormDialogProps<Name>) {
  const { fields, toCall, submit, submitLabel, onClose, danger } = props;
  const { t } = useTranslation();
  const [given, setGiven] = useState<Partial<Values<Name>>>({});
  const [touched, setTouched] = useState<ReadonlySet<string>>(new Set());
  const [failure, setFailure] = useState<Error>();
  const [isBusy, setBusy] = useState(false);
  const values = Object.fromEntries(
    fields.map((field) => [field.name, given[field.name] ?? initialOf(field)]),
  ) as Values<Name>;
  const problems = Object.fromEntries(
    fields.map((field) => [field.name, problemOf(field, values[field.name], t('fieldRequired'))]),
  );
  const call = toCall(values);
  const onSubmit = async (event: FormEvent) => {
    event.preventDefault();
    setTouched(new Set(fields.map(({ name }) => name)));
    if (Object.values(problems).some(Boolean)) return;
    setBusy(true);
    setFailure(undefined);
    try {
      await submit(call);
      onClose();
    } catch (error) {
      setFailure(error as Error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <form onSubmit={onSubmit} noValidate>
      <div className="content-body">
        {fields.map((field) => (
          <Field
            key={field.name}
            spec={field}
            value={values[field.name]}
            problem={touched.has(field.name) ? problems[field.name] : undefined}
            onChange={(value) => {
              setGiven({ ...given, [field.name]: value });
              setTouched(new Set([...touched, field.name]));
            }}
          />
        ))}
        {failure && (
          <Notice tone="bad">
            {failure.message}
            {failure instanceof ApiError && failure.requestId && <p className="small mono">{failure.requestId}</p>}
          </Notice>
        )}
        <SameRequest call={call} />
      </div>
      <footer>
        <button type="button" className="button" onClick={onClose}>
          {t('cancel')}
        </button>
        <button type="submit" className={danger ? 'button danger' : 'button primary'} disabled={isBusy}>
          {submitLabel}
        </button>
      </footer>
    </form>
  );
}

export function SameRequest({ call }: { call: ApiCall }) {
  const { t } = useTranslation();
  return (
    <details className="same-request">
      <summary>
        <ChevronDown size={15} aria-hidden /> {t('sameRequest')}
      </summary>
      <Samples call={call} />
    </details>
  );
}

function initialOf(field: FieldSpec): string {
  if (field.initial !== undefined) return field.initial;
  if (field.kind === 'select' && field.required) return field.options?.[0]?.value ?? '';
  return '';
}

function problemOf(field: FieldSpec, value: string, required: string): string | undefined {
  if (field.required && value === '') return required;
  return value === '' ? undefined : field.check?.(value);
}
