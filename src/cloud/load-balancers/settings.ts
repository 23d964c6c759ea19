import { invalid, type ListenerProtocol, type ListenerSettings } from './model.ts';

const longest = 2 ** 31 - 1;
/** Days: HAProxy takes no longer times. */
const longestSeconds = 24 * 86_400;

/** Throws `invalid` for settings that make no sense, or none for what the listener speaks. */
export function checkSettings(protocol: ListenerProtocol, settings: ListenerSettings): void {
  const { idleTimeout, maxConnections, monitor, connections, cookie, proxyProtocol, tls, algorithm } = settings;
  requireNumber('idle timeout', idleTimeout, 0, longestSeconds);
  requireNumber('number of connections', maxConnections, 1, 10_000_000);
  requireNumber('interval of health checks', monitor.interval, 1, longestSeconds);
  requireNumber('timeout of health checks', monitor.timeout, 1, longestSeconds);
  requireNumber('number of good health checks', monitor.rise, 1, longest);
  requireNumber('number of bad health checks', monitor.fall, 1, longest);
  if (monitor.port !== undefined) requireNumber('port of health checks', monitor.port, 1, 65_535);
  if (monitor.http) {
    if (!/^\/[A-Za-z0-9\-/.%?#&=_~+]*$/.test(monitor.http.path) || monitor.http.path.length > 80) {
      throw bad(`${JSON.stringify(monitor.http.path)} is no path that can be asked for`);
    }
    if (monitor.http.classes.length === 0 || monitor.http.classes.some((one) => ![1, 2, 3, 4, 5].includes(one))) {
      throw bad('no status code is right');
    }
  }
  if (protocol === 'tcp' && (connections || cookie)) throw bad('a listener of TCP knows nothing of requests');
  if (protocol !== 'tcp' && proxyProtocol) throw bad('only a listener of TCP speaks the PROXY protocol');
  if (protocol !== 'https' && tls) throw bad('only a listener of HTTPS speaks TLS');
  if (!cookie) return;
  if (!/^[A-Za-z0-9_-]{1,20}$/.test(cookie.name)) throw bad(`${JSON.stringify(cookie.name)} is no name of a cookie`);
  if (cookie.kind === 'insert' && cookie.idleTimeout !== undefined) {
    requireNumber('idle timeout of sessions', cookie.idleTimeout, 30, 3600);
  }
  if (algorithm === 'source-ip') throw bad('who gets a client follows from its address already');
}

function requireNumber(what: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw bad(`the ${what} has to be a number from ${least} to ${most}, not ${value}`);
}

function bad(why: string) {
  return invalid('load_balancer_listener', `The listener can't be so: ${why}.`);
}
