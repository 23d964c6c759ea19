import RFB from '@novnc/novnc';
import { useEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { ConsoleCard, useConsoleState } from '../components/console-card.tsx';
import { openConsole } from '../lib/consoles.ts';

/** The guest's screen in the page, by VNC. */
export function ScreenConsole({ serverId }: { serverId: string }) {
  const { t } = useTranslation();
  const holder = useRef<HTMLDivElement>(null);
  const screen = useRef<RFB | null>(null);
  const connection = useConsoleState();
  const { attempt, setState, begin, fail } = connection;
  // biome-ignore lint/correctness/useExhaustiveDependencies: another attempt is another connection
  useEffect(() => {
    let isOver = false;
    begin();
    openConsole(serverId, 'screen').then((url) => {
      if (isOver) return;
      const rfb = new RFB(holder.current!, url, { wsProtocols: ['binary'] });
      rfb.scaleViewport = true;
      rfb.addEventListener('connect', () => {
        setState('connected');
        rfb.focus();
      });
      rfb.addEventListener('disconnect', () => !isOver && setState('closed'));
      screen.current = rfb;
    }, fail);
    return () => {
      isOver = true;
      screen.current?.disconnect();
      screen.current = null;
    };
  }, [serverId, attempt]);
  return (
    <ConsoleCard
      title={t('tab.screen')}
      connection={connection}
      holder={holder}
      className="screen"
      focus={() => screen.current?.focus()}
    >
      <button type="button" className="button small" onClick={() => screen.current?.sendCtrlAltDel()}>
        Ctrl+Alt+Del
      </button>
    </ConsoleCard>
  );
}
