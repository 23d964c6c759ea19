import type { Env } from '../../../env/env.ts';
import { AgentError } from '../../contract.ts';
import { type QmpConnection, QmpError } from './qmp.ts';

/** How long a guest's system may take to let go of a device. */
const unplugLimitMs = 60_000;
/** A system that is still booting misses the request, as it misses the power button. */
const askAgainMs = 5000;

/**
 * Asks the guest's system to let go of the device and waits until it has. Throws `in_use` when it does not answer, as one
 * does that is not up or paused.
 *
 * @param what the device in the words of a message, as `disk`
 */
export async function removeDevice(qmp: QmpConnection, env: Env, id: string, what: string): Promise<void> {
  const { status } = await qmp.execute<{ status: string }>('query-status');
  if (status !== 'running') {
    throw new AgentError('in_use', `the guest is paused: its system can't let go of the ${what}`, { retryable: false });
  }
  const gone = new AbortController();
  const stopListening = qmp.onEvent(({ event, data }) => {
    if (event === 'DEVICE_DELETED' && data?.['device'] === id) gone.abort();
  });
  try {
    const ended = AbortSignal.any([gone.signal, qmp.closed]);
    for (let left = unplugLimitMs; left > 0 && !ended.aborted; left -= askAgainMs) {
      await askToLetGo(qmp, id);
      await env.sleep(askAgainMs, ended);
    }
  } finally {
    stopListening();
  }
  if (gone.signal.aborted || !(await hasDevice(qmp, id))) return;
  throw new AgentError('in_use', `the guest's system did not let go of the ${what} within ${unplugLimitMs / 1000} s`, {
    retryable: false,
  });
}

async function askToLetGo(qmp: QmpConnection, id: string): Promise<void> {
  try {
    await qmp.execute('device_del', { id });
  } catch (error) {
    const isOnItsWay = error instanceof QmpError && (error.className === 'DeviceNotFound' || isAsked(error));
    if (!isOnItsWay) throw error;
  }
}

function isAsked(error: QmpError): boolean {
  return /already in the process of unplug/.test(error.message);
}

/** Whether the guest has a device of that id. */
export async function hasDevice(qmp: QmpConnection, id: string): Promise<boolean> {
  const devices = await qmp.execute<Array<{ name: string }>>('qom-list', { path: '/machine/peripheral' });
  return devices.some(({ name }) => name === id);
}
