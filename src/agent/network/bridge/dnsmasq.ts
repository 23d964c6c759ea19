import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Env } from '../../../env/env.ts';
import type { DesiredNetwork, DesiredRouter } from '../../contract.ts';
import type { NetworkCommands } from './commands.ts';
import { type DnsmasqFiles, dnsmasqFiles } from './dnsmasq-files.ts';
import type { NetworkNames } from './names.ts';
import { endProcess, findProcess } from './processes.ts';
import { advertFiles } from './router-adverts.ts';

/**
 * The dnsmasq processes of a host, one for each network on which addresses are handed out,
 * and for each router that tells of itself. They outlive the agent and
 * are found again by their pid files; a second one can't start, since the first has the port.
 */
export class DnsmasqProcesses {
  readonly #env: Env;
  readonly #names: NetworkNames;
  readonly #commands: NetworkCommands;

  constructor(env: Env, names: NetworkNames, commands: NetworkCommands) {
    this.#env = env;
    this.#names = names;
    this.#commands = commands;
  }

  /** Makes the network served as it shall be. Its namespace has its addresses already. */
  async ensure(network: DesiredNetwork): Promise<void> {
    const { networkId, subnets } = network;
    if (!subnets.some(({ dhcp }) => dhcp)) return this.stop(networkId);
    const files = dnsmasqFiles(network, this.#folder(networkId), resolvFile());
    await this.#ensure(networkId, this.#names.serviceNamespace(networkId), files);
  }

  /** Makes the router told of to its guests. Its namespace has its addresses already. */
  async ensureAdverts(router: DesiredRouter, networks: ReadonlyMap<string, DesiredNetwork>): Promise<void> {
    const { routerId } = router;
    const files = advertFiles(router, networks, this.#folder(routerId));
    await this.#ensure(routerId, this.#names.routerNamespace(routerId), files);
  }

  async #ensure(id: string, namespace: string, files: DnsmasqFiles): Promise<void> {
    const folder = this.#folder(id);
    const pid = await find(folder);
    const change = pid === undefined ? 'start' : await changeOf(folder, files);
    if (change === 'none') return;
    if (change === 'start') await this.stop(id);
    await mkdir(folder, { recursive: true, mode: 0o755 });
    for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content, { mode: 0o644 });
    if (change === 'reload') return void process.kill(pid!, 'SIGHUP');
    await this.#commands.run(namespace, ['dnsmasq', configurationOption(folder)]);
  }

  /** Ends the process of the network or router, if it has one, and forgets its files. */
  async stop(id: string): Promise<void> {
    const folder = this.#folder(id);
    await endProcess(this.#env, () => find(folder), 'dnsmasq');
    await rm(folder, { recursive: true, force: true });
  }

  /** Ends the processes of all networks and routers but these. */
  async stopOthers(ids: readonly string[]): Promise<void> {
    const kept = new Set(ids.map((id) => this.#folder(id)));
    for (const name of await readdir(this.#names.runFolder).catch(() => [])) {
      const folder = join(this.#names.runFolder, name);
      if (kept.has(folder)) continue;
      await endProcess(this.#env, () => find(folder), 'dnsmasq');
      await rm(folder, { recursive: true, force: true });
    }
    if (kept.size === 0) await rm(this.#names.runFolder, { recursive: true, force: true });
  }

  #folder(id: string): string {
    return join(this.#names.runFolder, id);
  }
}

function find(folder: string): Promise<number | undefined> {
  return findProcess(join(folder, 'pid'), configurationOption(folder));
}

function configurationOption(folder: string): string {
  return `--conf-file=${join(folder, 'dnsmasq.conf')}`;
}

async function changeOf(folder: string, files: DnsmasqFiles): Promise<'none' | 'reload' | 'start'> {
  const before = await readFiles(folder);
  if (before['dnsmasq.conf'] !== files['dnsmasq.conf']) return 'start';
  // dnsmasq keeps leases in its memory, and gives an address to nobody else while one lasts.
  if (hasNewOwner(before.leases ?? '', files.leases)) return 'start';
  const isSame = (['leases', 'options', 'names'] as const).every((name) => before[name] === files[name]);
  return isSame ? 'none' : 'reload';
}

async function readFiles(folder: string): Promise<Partial<DnsmasqFiles>> {
  const names: Array<keyof DnsmasqFiles> = ['dnsmasq.conf', 'leases', 'options', 'names'];
  const contents = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8').catch(() => undefined)));
  return Object.fromEntries(names.map((name, index) => [name, contents[index]]));
}

/** Whether an address that somebody had is somebody else's now, at once or after nobody had it. */
function hasNewOwner(before: string, after: string): boolean {
  const owners = (text: string) =>
    new Map(text.split('\n').map((line) => line.split(',', 2).reverse() as [string, string]));
  const now = owners(after);
  return [...owners(before)].some(
    ([address, mac]) => address !== undefined && mac !== undefined && now.get(address) !== mac,
  );
}

/** systemd-resolved's own listener can't be reached from another namespace; the servers behind it can. */
function resolvFile(): string {
  const behindResolved = '/run/systemd/resolve/resolv.conf';
  return existsSync(behindResolved) ? behindResolved : '/etc/resolv.conf';
}
