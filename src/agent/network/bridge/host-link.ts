import type { DesiredNetwork } from '../../contract.ts';
import type { NetworkCommands } from './commands.ts';
import { isV6 } from './ipv6.ts';
import type { NetworkNames } from './names.ts';
import { anyOf, network as asNetwork, field, is, isNot, meta, Table, withoutTable } from './nft.ts';

interface Range {
  first: number;
  last: number;
}

/**
 * This machine's own place on external networks that nobody else is connected to: it is their gateway, so that it
 * reaches floating IPs, and what leaves by it takes the machine's address. Only for IPv4, which needs both.
 */
export class HostLinks {
  readonly #names: NetworkNames;
  readonly #commands: NetworkCommands;
  #applied = '';
  #possible: { text: string; networkIds: ReadonlySet<string> } | undefined;

  constructor(names: NetworkNames, commands: NetworkCommands) {
    this.#names = names;
    this.#commands = commands;
  }

  /** Those of the networks that the machine can be the gateway of: it must not cut itself off from what it reaches now. */
  async possible(networks: readonly DesiredNetwork[], verify: boolean): Promise<ReadonlySet<string>> {
    const external = networks.filter(
      ({ external, connectedElsewhere, subnets }) =>
        external && !connectedElsewhere && subnets.some(({ gateway }) => gateway && !isV6(gateway)),
    );
    if (external.length === 0) return new Set();
    const text = JSON.stringify(external.map(({ networkId, subnets }) => [networkId, subnets]));
    if (!verify && this.#possible?.text === text) return this.#possible.networkIds;
    const taken = await this.takenRanges();
    const isFree = ({ subnets }: DesiredNetwork) =>
      subnets.every(({ cidr }) => isV6(cidr) || !taken.some((range) => overlaps(range, rangeOf(cidr))));
    const networkIds = new Set(external.filter(isFree).map(({ networkId }) => networkId));
    this.#possible = { text, networkIds };
    return networkIds;
  }

  /** What the machine reaches by itself, but by its default route. */
  async takenRanges(): Promise<Range[]> {
    const routes = await this.#commands.routes(undefined, 'table', 'all');
    return routes
      .filter(({ dst, dev }) => dst !== 'default' && !(dev && this.#names.isHostLink(dev)))
      .map(({ dst }) => rangeOf(dst));
  }

  /** Lets the networks out. Their devices exist. */
  async apply(networks: readonly DesiredNetwork[], verify: boolean): Promise<void> {
    const cidrs = networks.flatMap(({ subnets }) => subnets.map(({ cidr }) => cidr).filter((cidr) => !isV6(cidr)));
    const devices = networks.map(({ networkId }) => this.#names.hostLink(networkId));
    const wanted = JSON.stringify([cidrs, devices]);
    if (this.#applied === wanted && (!verify || (await this.#isThere()) === cidrs.length > 0)) return;
    if (cidrs.length === 0) {
      if (await this.#isThere()) await this.#commands.nft(undefined, withoutTable('inet', this.#names.hostTable));
    } else {
      const table = new Table('inet', this.#names.hostTable);
      table.chain('postrouting', { type: 'nat', hook: 'postrouting', prio: 100, policy: 'accept' });
      const fromThere = is(field('ip', 'saddr'), anyOf(cidrs.map(asNetwork)));
      table.rule('postrouting', fromThere, isNot(meta('oifname'), anyOf(devices)), { masquerade: null });
      await this.#commands.nft(undefined, table.commands);
      const outside = (await this.#commands.routes(undefined, 'default')).flatMap(({ dev }) => dev ?? []);
      // The devices exist only now, so this can't be part of what is set once.
      const forwarding = [...devices, ...outside].map((device) => `net/ipv4/conf/${device}/forwarding=1`);
      await this.#commands.sysctl(undefined, forwarding);
    }
    this.#applied = wanted;
  }

  #isThere(): Promise<boolean> {
    return this.#commands.hasTable(undefined, 'inet', this.#names.hostTable);
  }
}

const networks24 = 2048;
const firstNetwork = 0xac180000; // 172.24.0.0/13

/** A network of the private range 172.24.0.0/13 that this machine does not reach otherwise; `seed` decides which. */
export function freeNetwork(seed: string, taken: readonly Range[]): { cidr: string; gateway: string } | undefined {
  const start = Number.parseInt(seed.slice(0, 6), 16);
  for (let offset = 0; offset < networks24; offset += 1) {
    const first = firstNetwork + ((start + offset) % networks24) * 256;
    const range = { first, last: first + 255 };
    if (taken.some((other) => overlaps(other, range))) continue;
    return { cidr: `${dotted(first)}/24`, gateway: dotted(first + 1) };
  }
  return undefined;
}

function rangeOf(cidr: string): Range {
  const [address = '', length = '32'] = cidr.split('/');
  const size = 2 ** (32 - Number(length));
  const number = address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
  const first = number - (number % size);
  return { first, last: first + size - 1 };
}

function overlaps(a: Range, b: Range): boolean {
  return a.first <= b.last && b.first <= a.last;
}

function dotted(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.');
}
