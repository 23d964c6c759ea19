import { FitAddon } from '@xterm/addon-fit';
import { Terminal } from '@xterm/xterm';
import '@xterm/xterm/css/xterm.css';
import { useEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { ConsoleCard, useConsoleState } from '../components/console-card.tsx';
import { openConsole } from '../lib/consoles.ts';

/** The guest's serial port in the page: what is typed goes there, what it says is shown. */
export function SerialConsole({ serverId }: { serverId: string }) {
  const { t } = useTranslation();
  const holder = useRef<HTMLDivElement>(null);
  const terminalRef = useRef<Terminal>(undefined);
  const connection = useConsoleState();
  const { attempt, setState, begin, fail } = connection;
  // biome-ignore lint/correctness/useExhaustiveDependencies: another attempt is another connection
  useEffect(() => {
    const terminal = new Terminal({
      fontFamily: 'ui-monospace, "DejaVu Sans Mono", Menlo, monospace',
      fontSize: 13.5,
      theme: { background: '#0a0f18', foreground: '#dbe5f4', cursor: '#6ea3ff' },
      screenReaderMode: true,
    });
    const fit = new FitAddon();
    terminal.loadAddon(fit);
    terminal.open(holder.current!);
    terminalRef.current = terminal;
    fit.fit();
    const resizes = new ResizeObserver(() => fit.fit());
    resizes.observe(holder.current!);
    let socket: WebSocket | undefined;
    let isOver = false;
    begin();
    openConsole(serverId, 'serial').then((url) => {
      if (isOver) return;
      socket = new WebSocket(url, ['binary']);
      socket.binaryType = 'arraybuffer';
      const encoder = new TextEncoder();
      terminal.onData((text) => socket?.readyState === WebSocket.OPEN && socket.send(encoder.encode(text)));
      socket.onopen = () => {
        setState('connected');
        terminal.focus();
        // A shell that waits shows its prompt again.
        socket?.send(encoder.encode('\r'));
      };
      socket.onmessage = ({ data }) => terminal.write(new Uint8Array(data as ArrayBuffer));
      socket.onclose = () => !isOver && setState('closed');
    }, fail);
    return () => {
      isOver = true;
      resizes.disconnect();
      socket?.close();
      terminal.dispose();
    };
  }, [serverId, attempt]);
  return (
    <ConsoleCard
      title={t('tab.serial')}
      connection={connection}
      holder={holder}
      className="serial-terminal"
      focus={() => terminalRef.current?.focus()}
    />
  );
}
