import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import pino, { type Logger } from 'pino';

interface Line {
  level: number;
  time: number;
  msg: string;
  err?: { message?: string };
}

const warnLevel = 40;
/** What is kept of lines that can't be written now, bytes. */
const mostKept = 2 ** 20;

/**
 * The log of a control plane: JSON lines in the file, appended; and, for who watches, the messages on `watcher`.
 * The file is written at once, so that nothing of a process that dies is lost. Where it can't be written, as on a full disk,
 * nobody who has something to say fails for it: the lines are written once it can be, the first of them.
 */
export function openLog(file: string, watcher?: NodeJS.WritableStream): Logger {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const level = process.env['UNKAI_LOG_LEVEL'] ?? 'info';
  const options = { level, base: undefined };
  const destination = pino.destination({ dest: file, sync: true, append: true, mode: 0o600, maxLength: mostKept });
  destination.on('error', () => {});
  if (!watcher) return pino(options, destination);
  const screen = { write: (line: string) => void watcher.write(`${humanLine(line)}\n`) };
  return pino(
    options,
    pino.multistream([
      { stream: destination, level: 'trace' },
      { stream: screen, level: 'info' },
    ]),
  );
}

/** `12:03:59 what happened: why` */
export function humanLine(json: string): string {
  const { level, time, msg, err } = JSON.parse(json) as Line;
  const mark = level >= warnLevel ? '! ' : '';
  const clock = new Date(time).toTimeString().slice(0, 8);
  return `${clock} ${mark}${msg}${err?.message ? `: ${err.message}` : ''}`;
}
