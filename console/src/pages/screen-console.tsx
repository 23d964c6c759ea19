import RFB from '@novnc/novnc';
import { useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Badge } from '../components/basics.tsx';
import { openConsole } from '../lib/consoles.ts';

/** The guest's screen in the page, by VNC. */
export function ScreenConsole({ serverId }: { serverId: string }) {
  const { t } = useTranslation();
  const holder = useRef<HTMLDivElement>(null);
  const screen = useRef<RFB | null>(null);
  const [state, setState] = useState<'connecting' | 'connected' | 'closed'>('connecting');
  const [problem, setProblem] = useState('');
  const [attempt, setAttempt] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another attempt is another connection
  useEffect(() => {
    let isOver = false;
    setState('connecting');
    setProblem('');
    openConsole(serverId, 'screen').then(
      (url) => {
        if (isOver) return;
        const rfb = new RFB(holder.current!, url, { wsProtocols: ['binary'] });
        rfb.scaleViewport = true;
        rfb.addEventListener('connect', () => setState('connected'));
        rfb.addEventListener('disconnect', () => !isOver && setState('closed'));
        screen.current = rfb;
      },
      (error: Error) => {
        setProblem(error.message);
        setState('closed');
      },
    );
    return () => {
      isOver = true;
      screen.current?.disconnect();
      screen.current = null;
    };
  }, [serverId, attempt]);
  return (
    <section className="card">
      <header>
        <h2>{t('tab.screen')}</h2>
        <Badge tone={state === 'connected' ? 'good' : state === 'closed' ? 'bad' : 'busy'}>
          {t(`console.${state}`)}
        </Badge>
        {state === 'connected' && (
          <button type="button" className="button small" onClick={() => screen.current?.sendCtrlAltDel()}>
            Ctrl+Alt+Del
          </button>
        )}
        {state === 'closed' && (
          <button type="button" className="button small" onClick={() => setAttempt(attempt + 1)}>
            {t('connectAgain')}
          </button>
        )}
      </header>
      {problem && <p className="body problem">{problem}</p>}
      <div className="screen" ref={holder} />
    </section>
  );
}
