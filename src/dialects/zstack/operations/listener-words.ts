import type { ListenerProtocol, ListenerSettings, Monitor } from '../../../cloud/load-balancers/model.ts';
import { listenerNotations, systemTagValues } from '../protocol/system-tags.ts';
import { invalidArgument, operationFailed, ZStackError } from '../protocol/zstack-error.ts';

/** The dialect's words for how listeners give connections to servers. */

export const algorithms = {
  roundrobin: 'round-robin',
  weightroundrobin: 'weighted-round-robin',
  leastconn: 'least-connections',
  source: 'source-ip',
} as const satisfies Record<string, ListenerSettings['algorithm']>;

export const httpModes = {
  'http-keep-alive': 'keep',
  'http-server-close': 'close-member',
  httpclose: 'close',
  forceclose: 'close',
} as const;

export const tlsPolicies = {
  tls_cipher_policy_default: { lowest: '1.2' },
  tls_cipher_policy_1_0: { lowest: '1.0' },
  tls_cipher_policy_1_1: { lowest: '1.1' },
  tls_cipher_policy_1_2: { lowest: '1.2' },
  tls_cipher_policy_1_2_strict: { lowest: '1.2', highest: '1.2', modern: true },
  tls_cipher_policy_1_2_strict_with_1_3: { lowest: '1.2', modern: true },
} as const satisfies Record<string, ListenerSettings['tls']>;

/** The cookie that the load balancer makes where nothing is said. */
const usualCookie = 'SERVERID';

/** What a request says of a listener; what it leaves out stays. */
export interface ListenerWords {
  balancerAlgorithm?: string;
  connectionIdleTimeout?: number;
  maxConnection?: number;
  /** `tcp:default`, `http:8080`, `default` or a port. */
  healthCheckTarget?: string;
  healthCheckInterval?: number;
  healthCheckTimeout?: number;
  healthyThreshold?: number;
  unhealthyThreshold?: number;
  healthCheckProtocol?: string;
  healthCheckMethod?: string;
  healthCheckURI?: string;
  /** As `http_2xx,http_3xx`. */
  healthCheckHttpCode?: string;
  httpMode?: string;
  sessionPersistence?: string;
  sessionIdleTimeout?: number;
  cookieName?: string;
  securityPolicyType?: string;
  tcpProxyProtocol?: string;
}

const numbers = [
  'connectionIdleTimeout',
  'maxConnection',
  'healthCheckInterval',
  'healthCheckTimeout',
  'healthyThreshold',
  'unhealthyThreshold',
  'sessionIdleTimeout',
] as const;
const texts = [
  'balancerAlgorithm',
  'healthCheckTarget',
  'httpMode',
  'sessionPersistence',
  'cookieName',
  'tcpProxyProtocol',
] as const;

/** What system tags say of a new listener. */
export function wordsOfTags(tags: readonly string[] | undefined): ListenerWords {
  const words: ListenerWords = {};
  for (const name of numbers) {
    const [value] = systemTagValues(tags, name);
    if (value === undefined) continue;
    if (!/^\d{1,12}$/.test(value))
      throw invalidArgument(`invalid ${name}[${name}::${value}], ${value} is not a number`);
    words[name] = Number(value);
  }
  for (const name of texts) {
    const [value] = systemTagValues(tags, name);
    if (value !== undefined) words[name] = value;
  }
  const [parameter] = systemTagValues(tags, 'healthCheckParameter');
  if (parameter !== undefined) {
    const [method, uri, codes] = parameter.split(':');
    Object.assign(words, { healthCheckMethod: method, healthCheckURI: uri, healthCheckHttpCode: codes });
  }
  return words;
}

const nameOf = <Words extends object>(words: Words, meaning: unknown) =>
  Object.entries(words).find(([, one]) => one === meaning)?.[0];

/** Whether the system tag says how a listener is. */
export const saysSettings = (tag: string): boolean => listenerNotations.some((one) => tag.startsWith(`${one}::`));

/** The system tags by which clients read how a listener is. */
export function tagsOf({ monitor, cookie, ...settings }: ListenerSettings): string[] {
  const { http } = monitor;
  const persistence = cookie?.kind ?? (settings.algorithm === 'source-ip' ? 'iphash' : undefined);
  const values: { [notation in (typeof listenerNotations)[number]]: string | number | undefined } = {
    balancerAlgorithm: nameOf(algorithms, settings.algorithm),
    connectionIdleTimeout: settings.idleTimeout,
    maxConnection: settings.maxConnections,
    healthCheckTarget: `${http ? 'http' : 'tcp'}:${monitor.port ?? 'default'}`,
    healthCheckInterval: monitor.interval,
    healthCheckTimeout: monitor.timeout,
    healthyThreshold: monitor.rise,
    unhealthyThreshold: monitor.fall,
    healthCheckParameter: http && `${http.method}:${http.path}:${http.classes.map((one) => `http_${one}xx`).join(',')}`,
    httpMode: settings.connections && nameOf(httpModes, settings.connections),
    sessionPersistence: persistence,
    sessionIdleTimeout: cookie?.kind === 'insert' ? cookie.idleTimeout : undefined,
    cookieName: cookie?.kind === 'rewrite' ? cookie.name : undefined,
    tcpProxyProtocol: settings.proxyProtocol,
  };
  return Object.entries(values).flatMap(([name, value]) => (value === undefined ? [] : `${name}::${value}`));
}

/** How much each interface gets, by `balancerWeight::<interface>::<weight>`. */
export function weightsOfTags(tags: readonly string[] | undefined): Map<string, number> {
  return new Map(
    systemTagValues(tags, 'balancerWeight').map((value) => {
      const [uuid = '', weight = ''] = value.split('::');
      return [uuid, weightOf(weight)];
    }),
  );
}

/** A weight as clients write it, as a text or a number. */
export function weightOf(text: string | number): number {
  if (/^\d{1,3}$/.test(String(text)) && Number(text) <= 100) return Number(text);
  throw invalidArgument(`invalid balancer weight[${text}], ${text} is not in the range [0, 100]`);
}

/** The settings of a listener after a request; those that it had not are the usual ones. */
export function settingsOf(
  before: ListenerSettings,
  protocol: ListenerProtocol,
  words: ListenerWords,
): ListenerSettings {
  const settings: ListenerSettings = { ...before, monitor: monitorOf(before.monitor, words) };
  const { balancerAlgorithm, connectionIdleTimeout, maxConnection, httpMode, securityPolicyType, tcpProxyProtocol } =
    words;
  if (balancerAlgorithm !== undefined) settings.algorithm = wordIn(algorithms, 'balance algorithm', balancerAlgorithm);
  if (connectionIdleTimeout !== undefined) settings.idleTimeout = connectionIdleTimeout;
  if (maxConnection !== undefined) settings.maxConnections = maxConnection;
  if (httpMode === 'http-tunnel') {
    throw new ZStackError('SYS.1014', 'httpMode can not be http-tunnel: nothing serves it any more');
  }
  if (httpMode !== undefined && protocol !== 'tcp') settings.connections = wordIn(httpModes, 'http mode', httpMode);
  if (securityPolicyType !== undefined) {
    if (protocol !== 'https') {
      throw operationFailed(`the listener with protocol [${protocol}] doesn't support select security policy`);
    }
    settings.tls = wordIn(tlsPolicies, 'security policy', securityPolicyType);
  }
  if (tcpProxyProtocol === 'disable') delete settings.proxyProtocol;
  else if (tcpProxyProtocol !== undefined) {
    settings.proxyProtocol = wordIn({ v1: 'v1', v2: 'v2' } as const, 'tcp proxy protocol', tcpProxyProtocol);
  }
  return withPersistence(settings, words);
}

function withPersistence(settings: ListenerSettings, words: ListenerWords): ListenerSettings {
  const { sessionPersistence, sessionIdleTimeout, cookieName } = words;
  const { cookie, ...others } = settings;
  if (sessionPersistence === undefined) {
    if (sessionIdleTimeout === undefined && cookieName === undefined) return settings;
    throw invalidArgument("idle timeout and cookie name can't be assigned, session persistence must be specified");
  }
  if (sessionPersistence === 'disable') return others;
  if (sessionPersistence === 'iphash') {
    if (others.algorithm === 'source-ip') return others;
    throw invalidArgument('session persistence to iphash must specify source balancer algorithm');
  }
  if (sessionPersistence === 'insert') {
    if (cookieName !== undefined) {
      throw invalidArgument("session persistence insert doesn't support assigning cookie name");
    }
    const idle = sessionIdleTimeout === undefined ? {} : { idleTimeout: sessionIdleTimeout };
    return { ...others, cookie: { kind: 'insert', name: usualCookie, ...idle } };
  }
  if (sessionPersistence !== 'rewrite') {
    const valid = '[disable, iphash, insert, rewrite]';
    throw invalidArgument(`invalid session persistence type[${sessionPersistence}], it only support ${valid}`);
  }
  if (cookieName === undefined) throw invalidArgument('session persistence rewrite needs a cookie name');
  return { ...others, cookie: { kind: 'rewrite', name: cookieName } };
}

function monitorOf(before: Monitor, words: ListenerWords): Monitor {
  const monitor: Monitor = { ...before };
  const { healthCheckInterval, healthCheckTimeout, healthyThreshold, unhealthyThreshold } = words;
  if (healthCheckInterval !== undefined) monitor.interval = healthCheckInterval;
  if (healthCheckTimeout !== undefined) monitor.timeout = healthCheckTimeout;
  if (healthyThreshold !== undefined) monitor.rise = healthyThreshold;
  if (unhealthyThreshold !== undefined) monitor.fall = unhealthyThreshold;
  const target = targetOf(words.healthCheckTarget);
  if (target?.port === 'default') delete monitor.port;
  else if (target) monitor.port = target.port;
  const protocol = words.healthCheckProtocol ?? target?.protocol;
  if (protocol === 'udp') throw operationFailed("the listener doesn't support this health check:[udp]");
  if (protocol === 'tcp') delete monitor.http;
  if (protocol !== 'http' && !monitor.http) return monitor;
  const path = words.healthCheckURI ?? monitor.http?.path;
  if (path === undefined) {
    throw operationFailed(
      'the http health check protocol must be specified its healthy checking parameter healthCheckURI',
    );
  }
  const method = words.healthCheckMethod ?? monitor.http?.method ?? 'HEAD';
  const classes = classesOf(words.healthCheckHttpCode) ?? monitor.http?.classes ?? [2];
  monitor.http = {
    method: wordIn({ GET: 'GET', HEAD: 'HEAD' } as const, 'health check method', method),
    path,
    classes,
  };
  return monitor;
}

function targetOf(text: string | undefined): { protocol?: string; port: number | 'default' } | undefined {
  if (text === undefined) return undefined;
  const [, protocol, port] = /^(?:(tcp|udp|http):)?(default|\d{1,5})$/.exec(text) ?? [];
  const number = Number(port);
  if (port === undefined || (port !== 'default' && (number < 1 || number > 65_535))) {
    const format = 'the format is targetCheckProtocol:port, for example, tcp:default';
    throw invalidArgument(`invalid health target[${text}], ${format}`);
  }
  return { ...(protocol ? { protocol } : {}), port: port === 'default' ? port : number };
}

function classesOf(codes: string | undefined): number[] | undefined {
  if (!codes) return undefined;
  return codes.split(',').map((code) => {
    const [, digit] = /^http_([2-5])xx$/.exec(code) ?? [];
    if (digit) return Number(digit);
    throw operationFailed(`the http health check protocol's expecting code [${codes}] is invalidate`);
  });
}

function wordIn<Words extends Record<string, unknown>>(words: Words, what: string, word: string): Words[keyof Words] {
  if (Object.hasOwn(words, word)) return words[word] as Words[keyof Words];
  throw invalidArgument(`invalid ${what}[${word}], valid ones are [${Object.keys(words).join(', ')}]`);
}
