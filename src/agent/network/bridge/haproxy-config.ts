import type { DesiredBalancer, DesiredListener, DesiredMonitor, DesiredTls } from '../../contract.ts';

/** A connection takes two of them: about twenty thousand are the most that a router's listeners have together. */
const fileDescriptors = 40_000;
/** Seconds within which a member must take a connection. */
const connectTimeout = 5;
const modernCiphers = 'ECDHE+AESGCM:ECDHE+CHACHA20';

/** The unprivileged user that serves, once everything is open. */
export interface BalancerUser {
  uid: number;
  gid: number;
}

/** What HAProxy reads, by the names of files: its configuration, and a file for each listener with a certificate. */
export type HaproxyFiles = Record<string, string>;

export const configurationName = 'haproxy.cfg';

/**
 * The files by which HAProxy serves the load balancers of a router. Pure. Every word is a number, an id, one of a few
 * words, or quoted: texts of users can't become anything else.
 */
export function haproxyFiles(balancers: readonly DesiredBalancer[], folder: string, user: BalancerUser): HaproxyFiles {
  const files: HaproxyFiles = {};
  const lines = [
    'global',
    // The first process stays root to begin anew; those that serve are nobody, and see an empty folder.
    ` uid ${user.uid}`,
    ` gid ${user.gid}`,
    ` chroot ${folder}/empty`,
    // How many connections there can be follows from it, and from what this machine allows.
    ` fd-hard-limit ${fileDescriptors}`,
    ' nbthread 2',
    ' hard-stop-after 30m',
    ' tune.ssl.default-dh-param 2048',
    'defaults',
    ' option dontlognull',
    ' option redispatch',
    ` timeout connect ${connectTimeout}s`,
    ' timeout http-request 30s',
  ];
  for (const { address, listeners } of balancers) {
    for (const listener of listeners) {
      // HTTPS without a certificate can't be spoken.
      if (listener.protocol === 'https' && !listener.certificate) continue;
      const bundle = listener.certificate && `${requireId(listener.listenerId)}.pem`;
      if (bundle) files[bundle] = `${listener.certificate!.chain.trim()}\n${listener.certificate!.privateKey.trim()}\n`;
      lines.push(...listenerLines(address, listener, bundle && `${folder}/${bundle}`));
    }
  }
  files[configurationName] = lines.map((line) => `${line}\n`).join('');
  return files;
}

function listenerLines(address: string, listener: DesiredListener, bundle: string | undefined): string[] {
  const { protocol, port, algorithm, idleTimeout, monitor, members } = listener;
  const isHttp = protocol !== 'tcp';
  const tls = protocol === 'https' ? ` ssl crt ${bundle}${tlsWords(listener.tls)} alpn h2,http/1.1` : '';
  const idle = idleTimeout === 0 ? '0' : `${idleTimeout}s`;
  return [
    `listen ${requireId(listener.listenerId)}`,
    ` bind ${requireAddress(address)}:${port}${tls}`,
    ` mode ${isHttp ? 'http' : 'tcp'}`,
    ` balance ${balanceWords[algorithm]}`,
    ` maxconn ${listener.maxConnections}`,
    ` timeout client ${idle}`,
    ` timeout server ${idle}`,
    ` timeout check ${monitor.timeout}s`,
    ...(isHttp ? httpLines(listener) : []),
    ...monitorLines(monitor),
    ...members.map((member) => memberLine(listener, member)),
  ];
}

const balanceWords = {
  'round-robin': 'roundrobin',
  'weighted-round-robin': 'roundrobin',
  'least-connections': 'leastconn',
  'source-ip': 'source',
} as const;

const connectionWords = { keep: 'http-keep-alive', 'close-member': 'http-server-close', close: 'httpclose' } as const;

function httpLines({ protocol, connections = 'close-member', cookie }: DesiredListener): string[] {
  const lines = [
    ` option ${connectionWords[connections]}`,
    ' option forwardfor',
    ` http-request set-header X-Forwarded-Proto ${protocol}`,
  ];
  if (cookie?.kind === 'insert') {
    const idle = cookie.idleTimeout === undefined ? '' : ` maxidle ${cookie.idleTimeout}s`;
    lines.push(` cookie ${requireToken(cookie.name)} insert indirect nocache httponly${idle}`);
  } else if (cookie) lines.push(` cookie ${requireToken(cookie.name)} rewrite nocache`);
  return lines;
}

function monitorLines({ http }: DesiredMonitor): string[] {
  if (!http) return [];
  return [
    ' option httpchk',
    ` http-check send meth ${http.method} uri ${quoted(http.path)}`,
    ` http-check expect rstatus ^[${http.classes.map(Number).join('')}]`,
  ];
}

function memberLine(
  listener: DesiredListener,
  { memberId, address, port, weight }: DesiredListener['members'][number],
) {
  const { monitor, algorithm, cookie, proxyProtocol } = listener;
  const id = requireId(memberId);
  const checked = [
    ` server ${id} ${requireAddress(address)}:${port}`,
    `check inter ${monitor.interval}s rise ${monitor.rise} fall ${monitor.fall}`,
  ];
  if (monitor.port !== undefined) checked.push(`port ${monitor.port}`);
  if (algorithm === 'weighted-round-robin') checked.push(`weight ${weight}`);
  if (cookie) checked.push(`cookie ${id}`);
  // Checks without it would be refused by members that want it, and checks of another port know nothing of it.
  if (proxyProtocol) checked.push(proxyProtocol === 'v1' ? 'send-proxy' : 'send-proxy-v2');
  return checked.join(' ');
}

function tlsWords(tls: DesiredTls = { lowest: '1.2' }): string {
  const highest = tls.highest ? ` ssl-max-ver TLSv${tls.highest}` : '';
  // What OpenSSL has switched off by itself needs its lowest level of security.
  const ciphers = tls.modern ? ` ciphers ${modernCiphers}` : tls.lowest === '1.2' ? '' : ' ciphers DEFAULT@SECLEVEL=0';
  return ` ssl-min-ver TLSv${tls.lowest}${highest}${ciphers}`;
}

function requireId(id: string): string {
  return requireForm(id, /^[0-9a-f]{32}$/);
}

function requireAddress(address: string): string {
  return requireForm(address, /^\d{1,3}(\.\d{1,3}){3}$/);
}

function requireToken(name: string): string {
  return requireForm(name, /^[A-Za-z0-9_-]+$/);
}

/** In single quotes nothing means anything. */
function quoted(text: string): string {
  return `'${requireForm(text, /^[!-&(-~]+$/)}'`;
}

function requireForm(text: string, form: RegExp): string {
  if (form.test(text)) return text;
  throw new Error(`${JSON.stringify(text)} can't be part of a load balancer's configuration`);
}
