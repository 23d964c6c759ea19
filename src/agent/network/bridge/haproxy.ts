import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Env } from '../../../env/env.ts';
import { writeFileAtomically } from '../../atomic-file.ts';
import type { DesiredRouter } from '../../contract.ts';
import type { AgentLog } from '../../log.ts';
import type { NetworkCommands } from './commands.ts';
import { type BalancerUser, configurationName, haproxyFiles } from './haproxy-config.ts';
import { type NetworkNames, namespacePath } from './names.ts';
import { endProcess, findProcess } from './processes.ts';

const emptyFolder = 'empty';
const pidName = 'pid';
const nextName = 'next.cfg';
const nobody: BalancerUser = { uid: 65_534, gid: 65_534 };

/**
 * The HAProxy processes of a host, one for each router with load balancers, in the router's namespace. They outlive the
 * agent and are found again by their pid files. What changes is begun beside what serves: connections go on.
 */
export class HaproxyProcesses {
  readonly #env: Env;
  readonly #log: AgentLog;
  readonly #names: NetworkNames;
  readonly #commands: NetworkCommands;
  #user: BalancerUser | undefined;

  constructor(parts: { env: Env; log: AgentLog; names: NetworkNames; commands: NetworkCommands }) {
    this.#env = parts.env;
    this.#log = parts.log;
    this.#names = parts.names;
    this.#commands = parts.commands;
  }

  /**
   * Makes these routers' load balancers so, and ends those of all others. The namespaces have their addresses already.
   * What fails of one is said in the log: the networks themselves are there without it.
   */
  async apply(routers: readonly DesiredRouter[]): Promise<void> {
    const served = routers.filter(hasListeners);
    await this.#stopOthers(new Set(served.map(({ routerId }) => routerId)));
    await Promise.all(
      served.map((router) =>
        this.#ensure(router).catch((err) =>
          this.#log.warn({ err, routerId: router.routerId }, 'load balancers are not served as they should be'),
        ),
      ),
    );
  }

  /** The routers that have a process or files of one. */
  async inventory(): Promise<string[]> {
    return await readdir(this.#names.balancerFolder).catch(() => []);
  }

  async #ensure({ routerId, balancers = [] }: DesiredRouter): Promise<void> {
    const folder = this.#folder(routerId);
    const namespace = this.#names.routerNamespace(routerId);
    this.#user ??= await balancerUser();
    const files = haproxyFiles(balancers, folder, this.#user);
    const pid = await this.#findIn(folder, namespace);
    if (pid !== undefined && (await isDone(folder, files))) return;
    await mkdir(join(folder, emptyFolder), { recursive: true, mode: 0o700 });
    for (const [name, content] of Object.entries(files)) {
      if (name !== configurationName) await writeFileAtomically(join(folder, name), content, 0o600);
    }
    // What is wrong with it must not take away what serves now. As long as it is there, nothing has been begun with it.
    const next = join(folder, nextName);
    await writeFileAtomically(next, files[configurationName]!, 0o600);
    await this.#commands.run(namespace, ['haproxy', '-q', '-c', '-f', next]);
    await writeFileAtomically(join(folder, configurationName), files[configurationName]!, 0o600);
    // Those that were there go on with their connections until they end.
    if (pid !== undefined) process.kill(pid, 'SIGUSR2');
    else
      await this.#commands.run(namespace, [
        'haproxy',
        '-W',
        '-D',
        '-p',
        join(folder, pidName),
        '-f',
        configuration(folder),
      ]);
    await rm(next, { force: true });
    await this.#forgetFiles(folder, files);
  }

  /** One that is left in a namespace which is gone serves nobody, and is ended. */
  async #findIn(folder: string, namespace: string): Promise<number | undefined> {
    const pid = await find(folder);
    if (pid === undefined) return undefined;
    const [own, wanted] = await Promise.all([stat(`/proc/${pid}/ns/net`), stat(namespacePath(namespace))]);
    if (own.ino === wanted.ino) return pid;
    await endProcess(this.#env, () => find(folder), 'haproxy');
    return undefined;
  }

  /** Certificates that nobody uses any more. */
  async #forgetFiles(folder: string, files: Record<string, string>): Promise<void> {
    for (const name of await readdir(folder)) {
      if (name.endsWith('.pem') && !(name in files)) await rm(join(folder, name), { force: true });
    }
  }

  async #stopOthers(kept: ReadonlySet<string>): Promise<void> {
    for (const routerId of await this.inventory()) {
      if (kept.has(routerId)) continue;
      const folder = this.#folder(routerId);
      await endProcess(this.#env, () => find(folder), 'haproxy');
      await rm(folder, { recursive: true, force: true });
    }
    if (kept.size === 0) await rm(this.#names.balancerFolder, { recursive: true, force: true });
  }

  #folder(routerId: string): string {
    return join(this.#names.balancerFolder, routerId);
  }
}

/** Why this machine can't have load balancers; undefined where it can. */
export async function balancerObstacle(commands: NetworkCommands): Promise<string | undefined> {
  try {
    await commands.run(undefined, ['haproxy', '-v']);
    return undefined;
  } catch {
    return 'haproxy is missing';
  }
}

/** Whether the files are so, and what serves was begun with them. */
async function isDone(folder: string, files: Record<string, string>): Promise<boolean> {
  if ((await readdir(folder)).includes(nextName)) return false;
  for (const [name, content] of Object.entries(files)) {
    if ((await readFile(join(folder, name), 'utf8').catch(() => undefined)) !== content) return false;
  }
  return true;
}

function hasListeners({ balancers = [], adminStateUp }: DesiredRouter): boolean {
  return adminStateUp && balancers.some(({ listeners }) => listeners.length > 0);
}

function configuration(folder: string): string {
  return join(folder, configurationName);
}

function find(folder: string): Promise<number | undefined> {
  return findProcess(join(folder, pidName), configuration(folder));
}

/** Debian's package has a user for it; elsewhere it is nobody. */
async function balancerUser(): Promise<BalancerUser> {
  const users = await readFile('/etc/passwd', 'utf8').catch(() => '');
  const [, uid, gid] = /^haproxy:[^:]*:(\d+):(\d+):/m.exec(users) ?? [];
  return uid === undefined || uid === '0' ? nobody : { uid: Number(uid), gid: Number(gid) };
}
