import { type KeyboardEvent, type ReactNode, type RefObject, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Badge } from './basics.tsx';

export type ConsoleState = 'connecting' | 'connected' | 'closed';

/** How a connection to a console is, and which attempt to make it this is. */
export function useConsoleState() {
  const [state, setState] = useState<ConsoleState>('connecting');
  const [problem, setProblem] = useState('');
  const [attempt, setAttempt] = useState(0);
  return {
    state,
    problem,
    attempt,
    setState,
    begin() {
      setState('connecting');
      setProblem('');
    },
    fail(error: Error) {
      setProblem(error.message);
      setState('closed');
    },
    again: () => setAttempt((count) => count + 1),
  };
}

interface Props {
  title: string;
  connection: ReturnType<typeof useConsoleState>;
  /** Where the console is drawn. */
  holder: RefObject<HTMLDivElement | null>;
  className: string;
  /** Has what is typed go to the guest. */
  focus: () => void;
  /** What can be done while it is connected. */
  children?: ReactNode;
}

/** A console in its frame. It takes every key but one: Shift with Escape gives the keyboard back to the page. */
export function ConsoleCard({ title, connection, holder, className, focus, children }: Props) {
  const { t } = useTranslation();
  const { state, problem, again } = connection;
  const leave = (event: KeyboardEvent) => {
    if (event.key !== 'Escape' || !event.shiftKey) return;
    event.preventDefault();
    event.stopPropagation();
    const tab = holder.current?.closest('[role=tabpanel]')?.getAttribute('aria-labelledby');
    document.getElementById(tab ?? '')?.focus();
  };
  return (
    <section className="card console">
      <header>
        <h2>{title}</h2>
        {state === 'connected' && <span className="faint small">{t('console.leave')}</span>}
        <Badge tone={state === 'connected' ? 'good' : state === 'closed' ? 'bad' : 'busy'}>
          {t(`console.${state}`)}
        </Badge>
        {state === 'connected' && (
          <button type="button" className="button small" onClick={focus}>
            {t('console.type')}
          </button>
        )}
        {state === 'connected' && children}
        {state === 'closed' && (
          <button type="button" className="button small" onClick={again}>
            {t('connectAgain')}
          </button>
        )}
      </header>
      {problem && <p className="body problem">{problem}</p>}
      <div className={className} ref={holder} onKeyDownCapture={leave} />
    </section>
  );
}
