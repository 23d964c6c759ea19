import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port.ts';

const program = process.env['UNKAI_TEST_S3'] ?? 'versitygw';
const keys = ['unkai-test', 'unkai-test-secret'] as const;

/** Whether this machine has a real S3 server (versitygw) for tests, or has to: `unkai test --stores`. */
export const hasS3Server = process.env['UNKAI_TEST_STORES'] === 'all' || spawnSync(program, ['--version']).status === 0;
if (!hasS3Server) console.warn('Stores in S3 are not tested: versitygw is missing, ./unkai test --stores brings it');

/** A real S3 server over a folder, on a port of its own, with one bucket: `images`. */
export class S3Server implements AsyncDisposable {
  readonly folder: string;
  readonly port: number;
  #child: ChildProcess | undefined;

  private constructor(folder: string, port: number) {
    this.folder = folder;
    this.port = port;
  }

  static async start(): Promise<S3Server> {
    const folder = mkdtempSync(join(tmpdir(), 'unkai-s3-'));
    mkdirSync(join(folder, 'data', 'images'), { recursive: true });
    writeFileSync(join(folder, 'keys'), keys.join('\n'));
    const server = new S3Server(folder, await freePort());
    await server.run();
    return server;
  }

  /** Runs the server, also again after `kill`: on the same port, over the same folder. */
  async run(): Promise<void> {
    const args = ['--access', keys[0], '--secret', keys[1], '--port', `127.0.0.1:${this.port}`, '--quiet', 'posix'];
    // What tests do to it makes it complain: that is looked at where it does not start.
    const complaints = openSync(join(this.folder, 'complaints'), 'a');
    const child = spawn(program, [...args, join(this.folder, 'data')], { stdio: ['ignore', 'ignore', complaints] });
    closeSync(complaints);
    this.#child = child;
    let failure: Error | undefined;
    child.on('error', (error) => {
      failure = error;
    });
    while (!(await answers(this.port))) {
      if (failure) throw failure;
      if (child.exitCode !== null) throw new Error(`the S3 server ended with ${child.exitCode}: ${this.#complaints()}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  #complaints(): string {
    return readFileSync(join(this.folder, 'complaints'), 'utf8').slice(-2000);
  }

  /** Ends the server as kill -9 does. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  /** The store's URL, through another port where something stands between; silence is borne for so many seconds. */
  url(port = this.port, timeout = 60): string {
    return `s3://images/cloud?endpoint=http://127.0.0.1:${port}&timeout=${timeout}&credentials=${join(this.folder, 'keys')}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A line to a port of this machine that can be cut: connections break in the middle, and new ones are refused. */
export class Line implements AsyncDisposable {
  readonly port: number;
  /** Bytes that have gone to the far end. */
  sent = 0;
  /** Cuts the line when so many bytes have gone over it, or have come back. */
  cutAfter = Number.POSITIVE_INFINITY;
  cutAfterReceived = Number.POSITIVE_INFINITY;
  /** Falls silent when so many bytes have gone over it; `onSilence` is told. */
  silentAfter = Number.POSITIVE_INFINITY;
  onSilence: (() => void) | undefined;
  isCut = false;
  /** Bytes that have come back. */
  received = 0;
  #isFrozen = false;
  readonly #server: Server;
  readonly #sockets: Set<Socket>;

  private constructor(server: Server, sockets: Set<Socket>) {
    this.#server = server;
    this.#sockets = sockets;
    this.port = (server.address() as AddressInfo).port;
  }

  static async to(port: number): Promise<Line> {
    const sockets = new Set<Socket>();
    let line: Line;
    const server = createServer((near) => {
      const far = connect(port, '127.0.0.1');
      for (const socket of [near, far]) {
        sockets.add(socket);
        socket.on('error', () => {});
        socket.on('close', () => sockets.delete(socket));
      }
      if (line.isCut) return near.resetAndDestroy();
      near.on('data', (bytes) => {
        line.sent += bytes.length;
        if (line.sent >= line.cutAfter) line.cut();
        if (line.sent >= line.silentAfter && !line.#isFrozen) line.freeze();
      });
      far.on('data', (bytes) => {
        line.received += bytes.length;
        if (line.received >= line.cutAfterReceived) line.cut();
      });
      if (line.#isFrozen) return;
      near.pipe(far).pipe(near);
      near.on('close', () => far.destroy());
      // What came before the far end closed is still on its way through here.
      far.on('close', (hadError) => (hadError ? near.destroy() : near.end()));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    line = new Line(server, sockets);
    return line;
  }

  cut(): void {
    this.isCut = true;
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  /** Nothing gets through any more, and nobody is told. */
  freeze(): void {
    this.#isFrozen = true;
    for (const socket of this.#sockets) socket.pause();
    this.onSilence?.();
  }

  mend(): void {
    this.isCut = false;
    if (this.#isFrozen) for (const socket of this.#sockets) socket.resetAndDestroy();
    this.#isFrozen = false;
    this.silentAfter = Number.POSITIVE_INFINITY;
    this.cutAfterReceived = Number.POSITIVE_INFINITY;
    this.cutAfter = Number.POSITIVE_INFINITY;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}
