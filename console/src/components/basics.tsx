import { Check, CircleAlert, CircleCheck, Copy, LoaderCircle } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { useTranslation } from 'react-i18next';

export type Tone = 'good' | 'warn' | 'bad' | 'busy' | 'accent' | 'none';

export function Badge({ tone = 'none', plain, children }: { tone?: Tone; plain?: boolean; children: ReactNode }) {
  return (
    <span className={plain ? 'badge plain' : 'badge'} data-tone={tone}>
      {children}
    </span>
  );
}

const tones: Record<string, Tone> = {
  ACTIVE: 'good',
  active: 'good',
  available: 'good',
  succeeded: 'good',
  enabled: 'good',
  up: 'good',
  UP: 'good',
  'in-use': 'accent',
  ERROR: 'bad',
  error: 'bad',
  failed: 'bad',
  killed: 'bad',
  connected: 'good',
  disconnected: 'bad',
  violation: 'bad',
  'remaining work': 'warn',
  down: 'bad',
  parked: 'warn',
  unwinding: 'warn',
  running: 'busy',
  pending: 'busy',
  PAUSED: 'warn',
  SUSPENDED: 'warn',
  VERIFY_RESIZE: 'warn',
  RESCUE: 'warn',
};
const busy = /ing$|^(BUILD|REBUILD|RESIZE|REBOOT|HARD_REBOOT|MIGRATING|queued)$/;

/** A state in the words of its API, with a colour that says what it means. */
export function Status({ value, task }: { value: string; task?: string | null }) {
  const tone = task || (busy.test(value) && !tones[value]) ? 'busy' : (tones[value] ?? 'none');
  return <Badge tone={tone}>{task ? `${value} · ${task}` : value}</Badge>;
}

export function Notice({ tone, children }: { tone: 'bad' | 'warn' | 'good' | 'none'; children: ReactNode }) {
  return (
    <div className="notice" data-tone={tone} role={tone === 'bad' ? 'alert' : undefined}>
      {tone === 'good' ? <CircleCheck size={17} aria-hidden /> : <CircleAlert size={17} aria-hidden />}
      <div style={{ minWidth: 0, overflowWrap: 'anywhere' }}>{children}</div>
    </div>
  );
}

export function Loading() {
  const { t } = useTranslation();
  return (
    <div className="empty" role="status">
      <LoaderCircle className="spin" size={22} aria-hidden />
      {t('loading')}
    </div>
  );
}

/** A failure with what it says; lists and pages show it in their own place. */
export function Failed({ error, retry }: { error: Error; retry?: () => void }) {
  const { t } = useTranslation();
  return (
    <div className="empty">
      <Notice tone="bad">{error.message}</Notice>
      {retry && (
        <button type="button" className="button" onClick={retry}>
          {t('tryAgain')}
        </button>
      )}
    </div>
  );
}

export function CopyButton({ text, label }: { text: string; label?: string }) {
  const { t } = useTranslation();
  const [done, setDone] = useState(false);
  return (
    <button
      type="button"
      className="button ghost small"
      aria-label={label ?? t('copy')}
      title={label ?? t('copy')}
      onClick={async () => {
        await copy(text);
        setDone(true);
        setTimeout(() => setDone(false), 1500);
      }}
    >
      {done ? <Check size={14} aria-hidden /> : <Copy size={14} aria-hidden />}
    </button>
  );
}

/** Pages without TLS have no clipboard API. */
async function copy(text: string): Promise<void> {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.createElement('textarea');
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand('copy');
  area.remove();
}

export function Code({ text, label }: { text: string; label?: string }) {
  return (
    <div className="code">
      <pre tabIndex={0} role="region" aria-label={label}>
        <code>{text}</code>
      </pre>
      <CopyButton text={text} />
    </div>
  );
}

export function Meter({ used, total, label }: { used: number; total: number; label: string }) {
  const share = total > 0 ? Math.min(1, used / total) : 0;
  const tone = share >= 0.95 ? 'bad' : share >= 0.8 ? 'warn' : 'good';
  return (
    <div
      className="meter"
      data-tone={tone}
      role="meter"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={Math.max(total, 1)}
      aria-valuenow={Math.min(used, Math.max(total, 1))}
    >
      <i style={{ width: `${share * 100}%` }} />
    </div>
  );
}

export function PageHead(props: { title: string; text?: ReactNode; crumbs?: ReactNode; children?: ReactNode }) {
  return (
    <header className="page-head">
      <div>
        {props.crumbs && <nav className="crumbs">{props.crumbs}</nav>}
        <h1>{props.title}</h1>
        {props.text && <p>{props.text}</p>}
      </div>
      <div className="row">{props.children}</div>
    </header>
  );
}

export function Facts({ items }: { items: Array<[string, ReactNode]> }) {
  return (
    <dl className="facts">
      {items.map(([label, value]) => (
        <div key={label} style={{ display: 'contents' }}>
          <dt>{label}</dt>
          <dd>{value === '' || value === null || value === undefined ? '–' : value}</dd>
        </div>
      ))}
    </dl>
  );
}
