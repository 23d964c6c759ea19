import RFB from '@novnc/novnc';
import { type FormEvent, useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { ConsoleCard, useConsoleState } from '../components/console-card.tsx';
import { InputField } from '../components/input-field.tsx';
import { openConsole } from '../lib/consoles.ts';

/** The guest's screen in the page, by VNC. */
export function ScreenConsole({ serverId }: { serverId: string }) {
  const { t } = useTranslation();
  const holder = useRef<HTMLDivElement>(null);
  const screen = useRef<RFB | null>(null);
  /** Whether the guest's screen has a password, which VNC asks for. */
  const [isAsking, setAsking] = useState(false);
  const connection = useConsoleState();
  const { attempt, setState, begin, fail } = connection;
  // biome-ignore lint/correctness/useExhaustiveDependencies: another attempt is another connection
  useEffect(() => {
    let isOver = false;
    begin();
    setAsking(false);
    openConsole(serverId, 'screen').then((url) => {
      if (isOver) return;
      const rfb = new RFB(holder.current!, url, { wsProtocols: ['binary'] });
      rfb.scaleViewport = true;
      rfb.addEventListener('credentialsrequired', () => setAsking(true));
      rfb.addEventListener('securityfailure', () => fail(new Error(t('wrongScreenPassword'))));
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
  const answer = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    setAsking(false);
    screen.current?.sendCredentials({ password: String(new FormData(event.currentTarget).get('password')) });
  };
  return (
    <>
      {isAsking && connection.state === 'connecting' && (
        <form className="card inline" onSubmit={answer}>
          <InputField
            id="screen-password"
            name="password"
            title={t('screenPassword')}
            type="password"
            autoComplete="off"
            // It appears as what is asked for next.
            autoFocus
          />
          <button type="submit" className="button small">
            {t('connect')}
          </button>
        </form>
      )}
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
    </>
  );
}
