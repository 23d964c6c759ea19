/** An address outside whose ports are listened on, and whose connections are given to members. */
export interface DesiredBalancer {
  balancerId: string;
  /** IPv4; an address of the router's gateway beside its own. */
  address: string;
  listeners: DesiredListener[];
}

export interface DesiredListener {
  listenerId: string;
  /** What is spoken to the members is TCP, or HTTP where the listener speaks HTTP; TLS ends here. */
  protocol: 'tcp' | 'http' | 'https';
  port: number;
  /** `round-robin` heeds no weights. */
  algorithm: 'round-robin' | 'weighted-round-robin' | 'least-connections' | 'source-ip';
  /** Seconds after which a connection on which nothing happens is closed; 0 for never. */
  idleTimeout: number;
  maxConnections: number;
  monitor: DesiredMonitor;
  /** Of HTTP: what becomes of a connection after a request. The members' end is closed where absent. */
  connections?: 'keep' | 'close-member' | 'close';
  /** Of HTTP: by which cookie a client comes to the same member again. */
  cookie?: { kind: 'insert'; name: string; idleTimeout?: number } | { kind: 'rewrite'; name: string };
  /** Members are told by the PROXY protocol who the client is. */
  proxyProtocol?: 'v1' | 'v2';
  /** Of HTTPS: the certificate with its chain, and its key, in PEM. */
  certificate?: { chain: string; privateKey: string };
  tls?: DesiredTls;
  members: DesiredMember[];
}

/** Which versions of TLS are spoken; `modern` has none but ciphers with forward secrecy. */
export interface DesiredTls {
  lowest: '1.0' | '1.1' | '1.2';
  highest?: '1.2';
  modern?: true;
}

/** How it is found out whether a member answers. */
export interface DesiredMonitor {
  /** Instead of the port at which the member is served. */
  port?: number;
  /** Seconds */
  interval: number;
  timeout: number;
  /** So many answers in a row make a member that is down be up, and the other way round. */
  rise: number;
  fall: number;
  /** A connection is enough where absent. `classes` are the first digits of the status codes that are right. */
  http?: { method: 'GET' | 'HEAD'; path: string; classes: number[] };
}

export interface DesiredMember {
  memberId: string;
  /** IPv4 */
  address: string;
  port: number;
  /** 0 to 100; 0 gets nothing new. */
  weight: number;
}
