import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import ssh2, { type Connection } from 'ssh2';
import { freePort } from './free-port.ts';
import { newSshKey } from './ssh-key.ts';

const program = process.env['UNKAI_TEST_SSHD'] ?? '/usr/sbin/sshd';
/** Where the server was unpacked, or `/usr` where it was installed. */
const prefix = dirname(dirname(program));
const nobody = 65534;

/** Whether this machine has OpenSSH's server for tests, or has to: `unkai test --stores`. */
export const hasSftpServer = process.env['UNKAI_TEST_STORES'] === 'all' || existsSync(program);
if (!hasSftpServer) console.warn('Stores by SFTP are not tested: sshd is missing, ./unkai test --stores brings it');

/** Its libraries lie beside it where it was unpacked. */
function libraries(): string {
  const folder = join(prefix, 'lib');
  const triplets = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('-linux-gnu')) : [];
  return triplets.map((name) => join(folder, name)).join(':');
}

const environment = () => ({ PATH: process.env['PATH'], LD_LIBRARY_PATH: libraries() });

/**
 * OpenSSH's own server, on a port and with a host key of its own. It runs as nobody where the tests run as root, and lets
 * in whoever has the key in its folder, as the user that it runs as.
 */
export class SftpServer implements AsyncDisposable {
  readonly folder: string;
  readonly port: number;
  readonly user: string;
  #child: ChildProcess | undefined;

  private constructor(folder: string, port: number) {
    this.folder = folder;
    this.port = port;
    this.user = isRoot() ? 'nobody' : userInfo().username;
  }

  static async start(): Promise<SftpServer> {
    const server = new SftpServer(mkdtempSync(join(tmpdir(), 'unkai-sftp-')), await freePort());
    server.changeHostKey();
    const login = newSshKey();
    writeFileSync(join(server.folder, 'key'), login.private, { mode: 0o600 });
    server.#write('authorized', login.public);
    server.#write('config', server.#configuration());
    if (isRoot()) chownSync(server.folder, nobody, nobody);
    await server.run();
    return server;
  }

  #configuration(): string {
    return [
      `Port ${this.port}`,
      'ListenAddress 127.0.0.1',
      `HostKey ${join(this.folder, 'host-key')}`,
      `AuthorizedKeysFile ${join(this.folder, 'authorized')}`,
      'PidFile none',
      'StrictModes no',
      // Without it, users that have no password can't log in by a key either.
      `UsePAM ${isRoot() ? 'yes' : 'no'}`,
      'PasswordAuthentication no',
      'KbdInteractiveAuthentication no',
      'Subsystem sftp internal-sftp',
      'ForceCommand internal-sftp',
      'MaxStartups 100',
      '',
    ].join('\n');
  }

  /** From the next start on, the server is another one to those who know it. */
  changeHostKey(): void {
    this.#write('host-key', newSshKey().private);
  }

  #write(name: string, text: string): void {
    const path = join(this.folder, name);
    writeFileSync(path, text);
    chmodSync(path, 0o600);
    if (isRoot()) chownSync(path, nobody, nobody);
  }

  /** Runs the server, also again after `kill`: on the same port, over the same files. */
  async run(): Promise<void> {
    const child = spawn(program, ['-D', '-e', '-f', join(this.folder, 'config')], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: environment(),
      ...(isRoot() ? { uid: nobody, gid: nobody } : {}),
    });
    this.#child = child;
    let said = '';
    await new Promise<void>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code) => reject(new Error(`the SSH server ended with ${code}: ${said}`)));
      child.stderr.on('data', (text: Buffer) => {
        said = (said + text).slice(-2000);
        if (said.includes('Server listening on')) resolve();
      });
    });
  }

  /** Ends the server and the connections it serves as kill -9 does. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const served = descendants(child.pid!);
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    for (const pid of served) end(pid);
    await ended;
  }

  /** Only ends the connections: new ones are served. */
  hangUp(): void {
    for (const pid of descendants(this.#child!.pid!)) end(pid);
  }

  /** A store's URL, through another port where something stands between; silence is borne for so many seconds. */
  url(path = join(this.folder, 'store'), { port = this.port, timeout = 60 } = {}): string {
    return `sftp://${this.user}@127.0.0.1:${port}${path}?timeout=${timeout}&key=${join(this.folder, 'key')}`;
  }

  /** Lets the user of the server write there. */
  give(path: string): void {
    if (isRoot()) chownSync(path, nobody, nobody);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** An SSH server that asks for a password, in front of OpenSSH's `sftp-server`: no user of the machine gets one for it. */
export class PasswordServer implements AsyncDisposable {
  readonly port: number;
  /** How clients have logged in. */
  readonly methods: readonly string[];
  readonly #server: InstanceType<typeof ssh2.Server>;
  readonly #clients: Set<Connection>;

  private constructor(server: InstanceType<typeof ssh2.Server>, clients: Set<Connection>, methods: string[]) {
    this.#server = server;
    this.#clients = clients;
    this.methods = methods;
    this.port = (server.address() as AddressInfo).port;
  }

  /**
   * @param offered how clients may log in; many servers ask for passwords by questions only
   * @param options.lacks requests that it knows nothing of, by OpenSSH's names
   */
  static async start(
    user: string,
    password: string,
    offered: 'password' | 'keyboard-interactive',
    { port = 0, lacks = [] as readonly string[] } = {},
  ): Promise<PasswordServer> {
    const methods: string[] = [];
    const clients = new Set<Connection>();
    const hostKeys = [newSshKey().private];
    const server = new ssh2.Server({ hostKeys }, (client) => {
      clients.add(client);
      client.on('error', () => {});
      client.on('close', () => clients.delete(client));
      client.on('authentication', (attempt) => {
        const accept = () => {
          methods.push(attempt.method);
          attempt.accept();
        };
        const refuse = () => attempt.reject([offered]);
        if (attempt.username !== user || attempt.method !== offered) return refuse();
        if (attempt.method === 'password') return attempt.password === password ? accept() : refuse();
        if (attempt.method === 'keyboard-interactive') {
          attempt.prompt([{ prompt: 'Password:', echo: false }], ([given]) =>
            given === password ? accept() : attempt.reject(),
          );
        }
      });
      client.on('session', (acceptSession) => {
        acceptSession().on('subsystem', (accept) => {
          const channel = accept();
          const sftp = spawn(join(prefix, 'lib/openssh/sftp-server'), lacks.length > 0 ? ['-P', lacks.join()] : [], {
            stdio: ['pipe', 'pipe', 'ignore'],
          });
          sftp.on('error', () => channel.close());
          sftp.on('exit', () => channel.close());
          channel.on('close', () => sftp.kill());
          channel.pipe(sftp.stdin).on('error', () => {});
          sftp.stdout.pipe(channel);
        });
      });
    });
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return new PasswordServer(server, clients, methods);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    for (const client of this.#clients) client.end();
  }
}

const isRoot = () => process.getuid?.() === 0;

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

/** The processes that one has started, and those that they have. */
function descendants(pid: number): number[] {
  const children = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && parentOf(name) === pid)
    .map(Number);
  return children.flatMap((child) => [child, ...descendants(child)]);
}

function parentOf(pid: string): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return undefined;
  }
}
