import type { Cloud } from '../../../cloud/cloud.ts';
import { type Host, isUp } from '../../../cloud/hosts/model.ts';
import { isoSeconds } from '../common/time.ts';

const minute = 60;
const hour = 60 * minute;
const day = 24 * hour;

/**
 * Since when a host runs, in the words of the program `uptime`, which clients take apart: ` 10:20:30 up 3 days,  2:05`. Null
 * where the host does not answer.
 */
export async function uptimeOf(cloud: Cloud, host: Host): Promise<string | null> {
  if (!isUp(host)) return null;
  const seconds = await cloud.hosts.uptimeSeconds(host.id).catch(() => undefined);
  return seconds === undefined ? null : uptimeText(seconds, cloud.env.now());
}

/** @param now when it is said, in microseconds since 1970 */
function uptimeText(seconds: number, now: number): string {
  const days = Math.floor(seconds / day);
  const hours = Math.floor((seconds % day) / hour);
  const minutes = Math.floor((seconds % hour) / minute);
  const since = hours > 0 ? `${String(hours).padStart(2)}:${String(minutes).padStart(2, '0')}` : `${minutes} min`;
  const clock = isoSeconds(now).slice(11, 19);
  return ` ${clock} up ${days > 0 ? `${days} ${days === 1 ? 'day' : 'days'}, ` : ''}${since}`;
}
