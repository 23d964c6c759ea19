import { appendFileSync, renameSync, statSync } from 'node:fs';
import type { AgentLog } from '../log.ts';

const largest = 16 * 1024 * 1024;

/**
 * What an agent on another machine has to say, as lines of JSON in a file that root alone reads, and in one of the same
 * name and `.1` before. Where there is no room nothing is said.
 *
 * @param mostBytes how much goes into a file
 */
export function openAgentLog(path: string, mostBytes = largest): AgentLog {
  let length = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  const write = (level: string, fields: object, message: string) => {
    const { err, ...rest } = fields as { err?: unknown };
    const shown = err instanceof Error ? { ...rest, err: err.message } : fields;
    try {
      const line = `${JSON.stringify({ time: new Date().toISOString(), level, message, ...shown })}\n`;
      if (length > mostBytes) {
        renameSync(path, `${path}.1`);
        length = 0;
      }
      appendFileSync(path, line, { mode: 0o600 });
      length += line.length;
    } catch {
      // The disk may be full, and guests run on.
    }
  };
  return {
    debug() {},
    info: (fields, message) => write('info', fields, message),
    warn: (fields, message) => write('warn', fields, message),
  };
}
