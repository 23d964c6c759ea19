import { execFile } from 'node:child_process';
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'vitest';
import { realEnv } from '../../../env/real.ts';
import type { DesiredNetwork, DesiredNetworks, DesiredPort, DesiredRouter } from '../../contract.ts';
import { silentLog } from '../../log.ts';
import { noNetworks } from '../../network-contract.ts';
import type { NetworkDriver } from '../network-driver.ts';
import { openBridgeDriver } from './bridge-driver.ts';
import { NetworkCommands } from './commands.ts';
import { NetworkNames, tapName } from './names.ts';
import { bridgeObstacle, tunnelObstacle } from './probe.ts';
import type { TunnelSettings } from './tunnels.ts';

/** How long something that shall come is waited for, milliseconds: a machine under load takes its time. */
export const patience = 30_000;

/** Why these tests can't run here, if they can't. */
export const obstacle = await bridgeObstacle(realEnv());
if (obstacle !== undefined) console.warn(`bridge networking is not tested: ${obstacle}`);

/** Why tests of several hosts can't run here, if they can't. */
export const noTunnels = obstacle ?? (await tunnelObstacle(realEnv()));
if (obstacle === undefined && noTunnels !== undefined) console.warn(`VXLAN is not tested: ${noTunnels}`);

export const web = 'c1'.repeat(16);
export const other = 'c2'.repeat(16);
export const publicNetwork = 'e7'.repeat(16);
export const everyone = '99'.repeat(16);
export const closed = '98'.repeat(16);

export function networkOf(networkId: string, net: string): DesiredNetwork {
  const id = networkId.slice(0, 2);
  return {
    networkId,
    mtu: 1400,
    external: false,
    domain: 'unkai.internal',
    service: { portId: `dd${id}`.repeat(8), macAddress: `fa:16:3e:00:${id}:dd` },
    subnets: [
      {
        subnetId: `5a${id}`.repeat(8),
        cidr: `${net}.0/24`,
        gateway: `${net}.1`,
        dhcp: {
          address: `${net}.2`,
          dnsNameservers: [],
          routes: [{ destination: '198.51.100.0/24', nexthop: `${net}.7` }],
        },
      },
    ],
    hosts: [],
  };
}

export function portOf(number: number, networkId: string, address: string, groups = [everyone]): DesiredPort {
  const two = String(number).padStart(2, '0');
  return {
    portId: two.repeat(16),
    networkId,
    macAddress: `fa:16:3e:00:00:${two}`,
    addresses: [address],
    adminStateUp: true,
    portSecurity: true,
    allowedPairs: [],
    securityGroupIds: groups,
  };
}

/** A router of networks whose addresses end with `.1`. */
export function routerOf(
  networks: readonly DesiredNetwork[],
  gateway?: { base: string; nexthop: string },
): DesiredRouter {
  return {
    routerId: '77'.repeat(16),
    adminStateUp: true,
    interfaces: networks.map(({ networkId, subnets }, index) => ({
      portId: `3${index}`.repeat(16),
      networkId,
      macAddress: `fa:16:3e:00:03:0${index}`,
      addresses: [{ address: subnets[0]!.gateway!, prefix: 24 }],
    })),
    ...(gateway
      ? {
          gateway: {
            portId: '44'.repeat(16),
            networkId: publicNetwork,
            macAddress: 'fa:16:3e:00:04:00',
            addresses: [{ address: `${gateway.base}.10`, prefix: 24 }],
            nexthop: gateway.nexthop,
            enableSnat: true,
          },
        }
      : {}),
    floatingIps: [],
    routes: [],
  };
}

/** Two networks with the same addresses, and groups that let everything out, and in from each other or from nobody. */
export function twoNetworks(): DesiredNetworks {
  return {
    networks: [networkOf(web, '10.9.0'), networkOf(other, '10.9.0')],
    ports: [],
    securityGroups: [
      { groupId: everyone, members: [], rules: [{ direction: 'egress' }, { direction: 'ingress' }] },
      { groupId: closed, members: [], rules: [{ direction: 'egress' }] },
    ],
    routers: [],
  };
}

const busybox = '/bin/busybox';
const run = promisify(execFile);

/** A host's networks with guests that are network namespaces: they do what machines do, and start at once. */
export class NetworkBench {
  readonly directory: string;
  readonly names: NetworkNames;
  readonly commands = new NetworkCommands(realEnv());
  driver: NetworkDriver;
  readonly #guests = new Set<string>();
  readonly #taps = new Set<string>();

  readonly #tunnel: TunnelSettings | undefined;

  private constructor(directory: string, driver: NetworkDriver, tunnel: TunnelSettings | undefined) {
    this.directory = directory;
    this.#tunnel = tunnel;
    this.names = new NetworkNames(directory);
    this.driver = driver;
  }

  static async open(tunnel?: TunnelSettings): Promise<NetworkBench> {
    const directory = await realpath(await mkdtemp(join(tmpdir(), 'unkai-network-')));
    return new NetworkBench(directory, await openBridgeDriver(realEnv(), silentLog, directory, tunnel), tunnel);
  }

  /** As after the agent was killed: another one opens the same host. */
  async restart(): Promise<void> {
    await this.driver.close();
    this.driver = await openBridgeDriver(realEnv(), silentLog, this.directory, this.#tunnel);
  }

  /** Where the bridges are. */
  get fabric(): string {
    return this.names.fabric;
  }

  /** A guest that has the port, with its address already. The port has been applied. */
  async plug(port: DesiredPort, options: { configure?: boolean } = {}): Promise<string> {
    const guest = this.#guestOf(port);
    const tap = tapName(port.portId);
    await this.commands.ip(undefined, [`netns add ${guest}`]);
    this.#guests.add(guest);
    this.#taps.add(tap);
    await this.commands.ip(this.fabric, [
      `link del ${tap}`,
      `link add ${tap} type veth peer name eth0 netns ${guest}`,
      `link set ${tap} master br-${port.networkId.slice(0, 11)} mtu 1400 up`,
    ]);
    await this.commands.ip(guest, ['link set lo up', `link set eth0 address ${port.macAddress} mtu 1400 up`]);
    if (options.configure === false) return guest;
    await this.commands.ip(
      guest,
      port.addresses.flatMap((address) =>
        address.includes(':')
          ? [`addr add ${address}/64 dev eth0 nodad`, `route add default via ${address.replace(/::.*$/, '::1')}`]
          : [`addr add ${address}/24 dev eth0`, `route add default via ${address.replace(/\.\d+$/, '.1')}`],
      ),
    );
    return guest;
  }

  /** Ends the guest that has the port. */
  async unplug(port: DesiredPort): Promise<void> {
    const guest = this.#guestOf(port);
    await this.commands.ip(this.fabric, [`link del ${tapName(port.portId)}`]);
    await this.commands.ip(undefined, [`netns del ${guest}`]);
    this.#guests.delete(guest);
    this.#taps.delete(tapName(port.portId));
  }

  #guestOf({ portId }: DesiredPort): string {
    return `bench-${this.fabric}-${portId.slice(0, 4)}`;
  }

  /** Runs one of busybox's programs in a guest, or on the machine itself; gives what it prints, undefined when it fails. */
  async sh(guest: string | undefined, ...command: string[]): Promise<string | undefined> {
    const inside = guest === undefined ? [] : ['nsenter', `--net=/run/netns/${guest}`, '--'];
    const [program, ...args] = [...inside, busybox, ...command];
    return run(program!, args, { timeout: 15_000 }).then(
      ({ stdout }) => stdout,
      () => undefined,
    );
  }

  /** Runs a program of the machine; gives what it prints, undefined when it fails. */
  async shOutside([program, ...args]: string[]): Promise<string | undefined> {
    return run(program!, args, { timeout: 15_000 }).then(
      ({ stdout }) => stdout,
      () => undefined,
    );
  }

  /**
   * Waits until the address answers. A device that was just plugged in carries frames only some time later (the kernel
   * tells a bridge of a cable by a queue), and the question for a MAC address that was lost is asked again after a second.
   */
  async reaches(guest: string | undefined, address: string, ...options: string[]): Promise<void> {
    await expect.poll(() => this.#pings(guest, address, 1, options), { timeout: patience, interval: 50 }).toBe(true);
  }

  /** The address answers none of several questions. Who asks must be known to reach something: else it proves nothing. */
  async misses(guest: string | undefined, address: string, ...options: string[]): Promise<void> {
    expect(await this.#pings(guest, address, 3, ['-i', '0.3', ...options])).toBe(false);
  }

  async #pings(guest: string | undefined, address: string, count: number, options: string[]): Promise<boolean> {
    return (await this.sh(guest, 'ping', '-c', String(count), '-W', '1', ...options, address)) !== undefined;
  }

  async close(): Promise<void> {
    // What is in a namespace goes only some time after it.
    for (const tap of this.#taps) await this.commands.ip(this.fabric, [`link del ${tap}`]);
    for (const guest of this.#guests) await this.commands.ip(undefined, [`netns del ${guest}`]);
    await this.driver.apply(noNetworks);
    await this.driver.close();
    await rm(this.directory, { recursive: true, force: true });
  }
}
