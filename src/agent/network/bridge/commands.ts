import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Env } from '../../../env/env.ts';
import { AgentError } from '../../contract.ts';
import { type CommandResult, runCommand } from '../../programs/run-command.ts';
import { namespacePath } from './names.ts';

/** A device as `ip -json` tells it, as far as it is used here. */
export interface Link {
  ifname: string;
  address: string;
  mtu: number;
  master?: string;
  /** `UP` when it was switched on, `LOWER_UP` when something is plugged in. */
  flags: string[];
  ifalias?: string;
  addr_info?: Array<{ family: string; scope: string; local: string; prefixlen: number }>;
}

/** Where a device sends frames for a MAC address, as `bridge -json fdb` tells it. */
export interface ForwardingEntry {
  mac: string;
  /** For tunnels: the other host. */
  dst?: string;
  /** Absent where it is the device's own. */
  port?: number;
}

export interface Route {
  /** `default`, an address or a network. */
  dst: string;
  gateway?: string;
  dev?: string;
}

const limits = { wallMs: 30_000 };
const maxOutput = 64 * 1024 * 1024;

/** The programs by which networks are made: iproute2, nftables, and sysctl. */
export class NetworkCommands {
  readonly #env: Env;

  constructor(env: Env) {
    this.#env = env;
  }

  /** Runs commands of `ip`, in a namespace or the machine's own. The first that fails ends it: `hypervisor_failed`. */
  async ip(namespace: string | undefined, lines: readonly string[]): Promise<void> {
    if (lines.length === 0) return;
    const input = `${lines.join('\n')}\n`;
    await this.#run('ip', [...inNamespace(namespace), '-batch', '-'], input, lines);
  }

  /** All devices of the namespace with their addresses. */
  async links(namespace: string | undefined): Promise<Link[]> {
    return parse(await this.#run('ip', [...inNamespace(namespace), '-json', 'address', 'show']));
  }

  /** Routes of IPv6; the default one is `::/0`. */
  async routes6(namespace: string | undefined, ...selector: string[]): Promise<Route[]> {
    const routes: Route[] = parse(
      await this.#run('ip', [...inNamespace(namespace), '-json', '-6', 'route', 'show', ...selector]),
    );
    return routes.map((route) => ({ ...route, dst: route.dst === 'default' ? '::/0' : route.dst }));
  }

  async routes(namespace: string | undefined, ...selector: string[]): Promise<Route[]> {
    return parse(await this.#run('ip', [...inNamespace(namespace), '-json', '-4', 'route', 'show', ...selector]));
  }

  /** Runs commands of `bridge`. */
  async bridge(namespace: string, lines: readonly string[]): Promise<void> {
    if (lines.length === 0) return;
    await this.#run('bridge', [...inNamespace(namespace), '-batch', '-'], `${lines.join('\n')}\n`);
  }

  async forwardingEntries(namespace: string, device: string): Promise<ForwardingEntry[]> {
    return parse(await this.#run('bridge', [...inNamespace(namespace), '-json', 'fdb', 'show', 'dev', device]));
  }

  async namespaces(): Promise<string[]> {
    const found: Array<{ name: string }> = parse(await this.#run('ip', ['-json', 'netns', 'list']));
    return found.map(({ name }) => name);
  }

  /** Carries out the commands of `nft` (in its JSON form) in one transaction: all of them or none. */
  async nft(namespace: string | undefined, commands: readonly object[]): Promise<void> {
    // nft opens its input by name, which it can't with the socket that Node gives a child.
    const path = join(tmpdir(), `unkai-rules-${this.#env.randomBytes(8).toString('hex')}.json`);
    await writeFile(path, JSON.stringify({ nftables: commands }), { mode: 0o600, flag: 'wx' });
    try {
      const [program, ...args] = [...entering(namespace), 'nft', '-j', '-f', path];
      await this.#run(program!, args);
    } finally {
      await rm(path, { force: true });
    }
  }

  /** Whether nftables has the table. */
  async hasTable(namespace: string | undefined, family: string, table: string): Promise<boolean> {
    const [program, ...args] = [...entering(namespace), 'nft', '-j', 'list', 'tables', family];
    const { nftables } = JSON.parse(await this.#run(program!, args)) as { nftables: NftObject[] };
    return nftables.some((object) => object.table?.name === table);
  }

  /** Sets parameters of the kernel, `name=value`. */
  async sysctl(namespace: string | undefined, settings: readonly string[]): Promise<void> {
    const [program, ...args] = [...entering(namespace), 'sysctl', '-q', '-w', ...settings];
    await this.#run(program!, args);
  }

  /** Runs commands of `tc`. What is to be taken away may not be there. */
  async tc(namespace: string, lines: readonly string[]): Promise<void> {
    const removals = lines.filter((line) => line.startsWith('qdisc del'));
    const others = lines.filter((line) => !removals.includes(line));
    const input = (some: readonly string[]) => some.map((line) => `${line}\n`).join('');
    if (removals.length > 0) {
      const args = [...inNamespace(namespace), '-force', '-batch', '-'];
      await runCommand(this.#env, 'tc', args, { limits, input: input(removals), maxOutput });
    }
    if (others.length > 0) await this.#run('tc', [...inNamespace(namespace), '-batch', '-'], input(others));
  }

  /** Runs any other program in a namespace. */
  async run(namespace: string | undefined, command: readonly string[]): Promise<void> {
    const [program, ...args] = [...entering(namespace), ...command];
    await this.#run(program!, args);
  }

  async #run(program: string, args: readonly string[], input?: string, lines?: readonly string[]): Promise<string> {
    const result = await runCommand(this.#env, program, args, { limits, input, maxOutput });
    if (result.exitCode === 0) return result.stdout;
    throw new AgentError('hypervisor_failed', failure(program, args, result, lines), { retryable: true });
  }
}

interface NftObject {
  table?: { name: string };
}

/** The words that a command begins with which runs in the namespace. */
export function entering(namespace: string | undefined): string[] {
  return namespace === undefined ? [] : ['nsenter', `--net=${namespacePath(namespace)}`, '--'];
}

function inNamespace(namespace: string | undefined): string[] {
  return namespace === undefined ? [] : ['-netns', namespace];
}

/** `ip` prints nothing at all where there is nothing to tell. */
function parse<T>(output: string): T[] {
  return output.trim() === '' ? [] : (JSON.parse(output) as T[]);
}

const lineOfBatch = /Command failed -:(\d+)/;

function failure(program: string, args: readonly string[], result: CommandResult, lines: readonly string[] = []) {
  const words = result.stderr.trim().slice(0, 400) || `exit code ${result.exitCode}`;
  const [, number] = lineOfBatch.exec(words) ?? [];
  const line = number === undefined ? undefined : lines[Number(number) - 1];
  return line === undefined
    ? `${program} ${args.join(' ')}: ${words}`.slice(0, 600)
    : `ip ${line}: ${words.replace(lineOfBatch, '').trim()}`;
}
