import type { Env } from '../../../env/env.ts';
import type { AgentLog } from '../../log.ts';
import { trimConsoleLog, trimHypervisorLog } from './console-log.ts';
import type { QemuGuest } from './guest.ts';

const checkIntervalMs = 2000;

/** Looks after the guests from time to time: notices what no event told of, and keeps their logs short. */
export function watchGuestProcesses(env: Env, log: AgentLog, guests: ReadonlyMap<string, QemuGuest>): () => void {
  let checking = false;
  const check = async () => {
    if (checking) return;
    checking = true;
    try {
      for (const guest of guests.values()) {
        await guest.check();
        await trimConsoleLog(guest.folder);
        await trimHypervisorLog(guest.folder);
      }
    } catch (error) {
      log.warn({ error }, 'the guests could not be looked after');
    } finally {
      checking = false;
    }
  };
  return env.every(checkIntervalMs, () => void check());
}
