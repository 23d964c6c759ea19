import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { accessSync, constants, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from './free-port.ts';

const run = promisify(execFile);
const programs = ['monmaptool', 'ceph-mon', 'ceph-mgr', 'ceph-osd', 'ceph', 'rbd'];

/** Whether this machine has Ceph's daemons and programs (Debian: ceph-mon, ceph-mgr, ceph-osd, ceph-common). */
export const hasCeph = process.env['UNKAI_TEST_STORES'] === 'all' || programs.every(isInPath);
if (!hasCeph) console.warn('Stores in Ceph are not tested: its programs are missing, ./unkai test --stores wants them');

function isInPath(program: string): boolean {
  return (process.env['PATH'] ?? '').split(':').some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** How long a daemon may take to be ready on a loaded machine, in milliseconds. */
const patience = 120_000;

/**
 * A real Ceph in a folder of its own, on ports of 127.0.0.1: a monitor, a manager and an OSD (BlueStore on a sparse
 * file of 4 GiB), with one pool: `images`.
 */
export class CephCluster implements AsyncDisposable {
  readonly folder: string;
  readonly conf: string;
  readonly #children: ChildProcess[] = [];

  private constructor(folder: string) {
    this.folder = folder;
    this.conf = join(folder, 'ceph.conf');
  }

  static async start(): Promise<CephCluster> {
    const cluster = new CephCluster(mkdtempSync(join(tmpdir(), 'unkai-ceph-')));
    try {
      await cluster.#start();
      return cluster;
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #start(): Promise<void> {
    for (const name of ['mon', 'mgr', 'osd']) mkdirSync(join(this.folder, name));
    const fsid = randomUUID();
    const address = `[v2:127.0.0.1:${await freePort()}]`;
    writeFileSync(this.conf, configuration(this.folder, fsid, address));
    const monmap = join(this.folder, 'monmap');
    await run('monmaptool', ['--create', '--fsid', fsid, '--addv', 'a', address, '--enable-all-features', monmap]);
    await run('ceph-mon', ['-c', this.conf, '--mkfs', '-i', 'a', '--monmap', monmap]);
    this.#daemon('ceph-mon', 'a');
    await this.ceph('status');
    this.#daemon('ceph-mgr', 'x');
    const uuid = randomUUID();
    await this.ceph('osd', 'new', uuid);
    await run('ceph-osd', ['-c', this.conf, '--mkfs', '-i', '0', '--osd-uuid', uuid]);
    this.#daemon('ceph-osd', '0');
    await this.ceph('osd', 'pool', 'create', 'images', '8');
    await run('rbd', ['-c', this.conf, 'pool', 'init', 'images'], { timeout: patience });
    await this.#untilPoolHasRoom();
  }

  /** `ceph` with these arguments; resolves to what it prints. */
  async ceph(...args: string[]): Promise<string> {
    const { stdout } = await run('ceph', ['-c', this.conf, '--connect-timeout', `${patience / 1000}`, ...args], {
      timeout: patience,
    });
    return stdout;
  }

  /** `rbd` with these arguments; resolves to what it prints. */
  async rbd(...args: string[]): Promise<string> {
    return (await run('rbd', ['-c', this.conf, ...args], { timeout: patience })).stdout;
  }

  /** The store's URL. */
  url(): string {
    return `ceph://images?conf=${this.conf}&timeout=60`;
  }

  /** The manager has heard of the OSD's space: before, the pool seems to be full. */
  async #untilPoolHasRoom(): Promise<void> {
    const deadline = Date.now() + patience;
    for (;;) {
      const { pools } = JSON.parse(await this.ceph('df', '--format=json'));
      const images = (pools as Array<{ name: string; stats: { max_avail: number } }>).find((p) => p.name === 'images');
      if ((images?.stats.max_avail ?? 0) > 0) return;
      const dead = this.#children.find((child) => child.exitCode !== null);
      if (dead) throw new Error(`${dead.spawnfile} ended with ${dead.exitCode}`);
      if (Date.now() > deadline) throw new Error('Ceph has no room in its pool after two minutes.');
    }
  }

  #daemon(program: string, id: string): void {
    const log = openSync(join(this.folder, `${program}.out`), 'a');
    const child = spawn(program, ['-f', '-c', this.conf, '-i', id], { stdio: ['ignore', log, log] });
    child.on('error', () => {});
    this.#children.push(child);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children.toReversed()) {
      if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) continue;
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Without authentication, on the loopback only; one copy of everything; also on a disk that is nearly full. */
function configuration(folder: string, fsid: string, address: string): string {
  return `[global]
fsid = ${fsid}
mon host = ${address}
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind ipv6 = false
auth cluster required = none
auth service required = none
auth client required = none
mon data = ${folder}/mon
mgr data = ${folder}/mgr
osd data = ${folder}/osd
run dir = ${folder}
log file = ${folder}/$name.log
pid file =
mon allow pool delete = true
mon allow pool size one = true
mon data avail crit = 0
mon data avail warn = 0
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
osd crush chooseleaf type = 0
osd objectstore = bluestore
bluestore block size = ${4 * 1024 ** 3}
bluestore fsck on mkfs = false
mgr initial modules =

[mon.a]
admin socket = ${folder}/mon.asok

[mgr.x]
admin socket = ${folder}/mgr.asok

[osd.0]
admin socket = ${folder}/osd.asok
`;
}
