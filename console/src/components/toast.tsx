import { CircleAlert, CircleCheck, X } from 'lucide-react';
import { useSyncExternalStore } from 'react';
import { useTranslation } from 'react-i18next';

interface Toast {
  id: number;
  tone: 'good' | 'bad';
  text: string;
}

const shownMs = 7000;
const listeners = new Set<() => void>();
let toasts: readonly Toast[] = [];
let next = 1;

function set(to: readonly Toast[]): void {
  toasts = to;
  for (const listener of listeners) listener();
}

function drop(id: number): void {
  set(toasts.filter((toast) => toast.id !== id));
}

/** Says something for a while. What went wrong stays until it is closed. */
export function toast(tone: Toast['tone'], text: string): void {
  const id = next++;
  set([...toasts.filter((known) => known.text !== text), { id, tone, text }].slice(-4));
  if (tone === 'good') setTimeout(() => drop(id), shownMs);
}

export function Toasts() {
  const { t } = useTranslation();
  const shown = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => toasts,
  );
  return (
    <section className="toasts" aria-live="polite" aria-label={t('messages')}>
      {shown.map(({ id, tone, text }) => (
        <div key={id} className="notice" data-tone={tone} role={tone === 'bad' ? 'alert' : 'status'}>
          {tone === 'bad' ? <CircleAlert size={17} aria-hidden /> : <CircleCheck size={17} aria-hidden />}
          <span style={{ flex: 1, overflowWrap: 'anywhere' }}>{text}</span>
          <button type="button" className="button ghost small" aria-label={t('close')} onClick={() => drop(id)}>
            <X size={15} aria-hidden />
          </button>
        </div>
      ))}
    </section>
  );
}
