import {
  AgentError,
  type DesiredNetworks,
  type HostAgent,
  type HostNetworking,
  type MetadataAnswer,
  type MetadataRequest,
} from '../../../agent/contract.ts';
import type { CloudCore } from '../../core.ts';
import type { Hosts } from '../../hosts/hosts.ts';
import { defaultMtu } from '../network-registry.ts';
import type { Networks } from '../networks.ts';
import { ensureServicePorts, networksToServe } from '../service-ports.ts';
import { withBalancers } from './desired-balancers.ts';
import { desiredNetworks } from './desired-networks.ts';
import { RecentNetworks } from './recent-networks.ts';
import { type ServedNetwork, servedNetworks } from './served-networks.ts';
import { type JoinedSites, type NetworkSite, sitesOf } from './sites.ts';

/** Changes that come closer than this share a round: a hundred servers at once are a few rounds, not hundreds. */
const restMs = 50;
/** How often hosts are told again, though nothing is known to have changed: a message may have been lost. */
const repeatMs = 30_000;

/**
 * Tells hosts how their networks shall be: whenever something of networks changes, from time to time, and before a
 * guest is started. Everything is computed from rows each time, so nothing needs to be remembered.
 */
export class HostNetworks {
  readonly #core: CloudCore;
  readonly #hosts: Hosts;
  readonly #networks: Networks;
  /** The last round of each host. */
  readonly #rounds = new Map<string, Promise<void>>();
  readonly #networking = new WeakMap<HostAgent, Promise<HostNetworking>>();
  /** Hosts for which a round waits to begin: it will see whatever has been committed by now. */
  readonly #waiting = new Map<string, Promise<void>>();
  readonly #running = new Set<Promise<void>>();
  /** By the host that speaks for those that share its networks. */
  readonly #recent = new Map<string, RecentNetworks>();
  readonly #stopped = new AbortController();
  #stops: Array<() => void> = [];
  #rests = false;
  #isStarted = false;
  #hasChanged = false;

  constructor(core: CloudCore, hosts: Hosts, networks: Networks) {
    this.#core = core;
    this.#hosts = hosts;
    this.#networks = networks;
  }

  /** Begins to look after the hosts that are attached now. `responder` answers what guests of a host ask for their metadata. */
  async start(responder: (request: MetadataRequest, hostId: string) => Promise<MetadataAnswer>): Promise<void> {
    this.#networks.networks.noExternal = await this.#obstacle();
    this.#networks.networks.usualMtu = await this.#usualMtu();
    this.#stops.push(
      this.#hosts.eachAgent((hostId, agent) => {
        // One that comes again may have other networks.
        this.#networking.delete(agent);
        if (this.#isStarted) this.#later(hostId, () => this.#hostCame());
        return agent.serveMetadata((request) => responder(request, hostId));
      }),
    );
    this.#isStarted = true;
    this.#stops.push(this.#networks.onChange(() => this.#changed()));
    this.#stops.push(this.#core.env.every(repeatMs, () => this.#applyAll()));
    this.#applyAll();
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    for (const stop of this.#stops) stop();
    this.#stops = [];
    await Promise.all(this.#running);
    await this.#leaveNothing();
  }

  /** Why guests of a host on another machine could not be on the same networks as those of this one; undefined where they can. */
  async obstacleToFarHosts(): Promise<string | undefined> {
    for (const { tunnel } of await this.#sites()) {
      if (tunnel && !tunnel.address.startsWith('127.')) continue;
      return (
        'The networks of this cloud end with its machine. Start it with --tunnel-address and the address at which other ' +
        'machines reach this one: unkai down, then unkai up --tunnel-address ADDRESS.'
      );
    }
    return undefined;
  }

  async #hostCame(): Promise<void> {
    this.#networks.networks.noExternal = await this.#obstacle();
    this.#networks.networks.usualMtu = await this.#usualMtu();
    this.#applyAll();
  }

  /** Work that a change of the hosts asks for. */
  #later(hostId: string, work: () => Promise<void>): void {
    const round = work()
      .catch((err) => this.#core.log.warn({ err, hostId }, 'networks could not be made for a host that has come'))
      .finally(() => this.#running.delete(round));
    this.#running.add(round);
  }

  /** Why no host here has networks that others could reach, undefined when one has. */
  async #obstacle(): Promise<string | undefined> {
    let obstacle: string | undefined;
    for (const agent of this.#hosts.agents.values()) {
      const { driver, reason } = await this.networkingOf(agent);
      if (driver !== 'user') return undefined;
      obstacle = `its hosts have user networking${reason ? ` (${reason})` : ''}`;
    }
    return obstacle;
  }

  /** So much goes through wherever guests of a network are. */
  async #usualMtu(): Promise<number> {
    const sites = await this.#sites();
    return Math.min(defaultMtu, ...(sites.length > 1 ? sites.flatMap(({ tunnelMtu }) => tunnelMtu ?? []) : []));
  }

  /** Why no host here has routers with load balancers, undefined where one has. */
  async obstacleToBalancers(): Promise<string | undefined> {
    let obstacle: string | undefined;
    for (const agent of this.#hosts.agents.values()) {
      // One that does not answer may have them.
      const networking = await this.networkingOf(agent).catch(() => undefined);
      if (!networking || (networking.driver !== 'user' && networking.balancerObstacle === undefined)) return undefined;
      obstacle = networking.balancerObstacle ?? 'its hosts have user networking';
    }
    return obstacle;
  }

  /** What the host can do about networks. */
  networkingOf(agent: HostAgent): Promise<HostNetworking> {
    const known = this.#networking.get(agent);
    if (known) return known;
    const asked = agent.describe().then(({ networking }) => networking);
    this.#networking.set(agent, asked);
    asked.catch(() => this.#networking.delete(agent));
    return asked;
  }

  /**
   * Makes the host's networks as the rows say that are committed now, before a guest is started on them. Where guests
   * have no common networks there is nothing to wait for.
   */
  async prepare(hostId: string): Promise<void> {
    if ((await this.networkingOf(this.#hosts.agent(hostId))).driver !== 'bridge') return;
    await this.#apply(await this.#speakerFor(hostId));
  }

  /** Gives the networks of the host's guests the addresses that they are served at: guests are told them. */
  async ensureServed(hostId: string): Promise<void> {
    if ((await this.networkingOf(this.#hosts.agent(hostId))).driver === 'bridge') await this.#serve([{ hostId }]);
  }

  /** On which hosts networks with DHCP have guests, whom these hosts serve. */
  served(): Promise<ServedNetwork[]> {
    return servedNetworks.all(this.#core.db.read, {});
  }

  /**
   * On which host each router is that is anywhere: the one that makes the networks of those that share theirs. On several
   * only where hosts are not joined.
   */
  async placedRouters(): Promise<Array<{ routerId: string; hostId: string }>> {
    const { db } = this.#core;
    const placed: Array<{ routerId: string; hostId: string }> = [];
    for (const site of await this.#sites()) {
      const { hostId } = site.hosts[0]!;
      const joined = await this.#joined(site);
      const { routers } = await desiredNetworks(db, site.hosts, this.#recent.get(hostId)?.ids, joined);
      placed.push(...routers.map(({ routerId }) => ({ routerId, hostId })));
    }
    return placed;
  }

  /** The first change is told at once; those that follow closely, together. */
  #changed(): void {
    this.#hasChanged = true;
    if (!this.#rests) void this.#tellChanges();
  }

  async #tellChanges(): Promise<void> {
    this.#rests = true;
    while (this.#hasChanged && !this.#stopped.signal.aborted) {
      this.#hasChanged = false;
      this.#applyAll();
      await this.#core.env.sleep(restMs, this.#stopped.signal);
    }
    this.#rests = false;
  }

  #applyAll(): void {
    for (const hostId of this.#hosts.agents.keys()) {
      const round = this.#speakerFor(hostId)
        .then((speaker) => (speaker === hostId ? this.#apply(hostId) : undefined))
        .catch((err) => this.#core.log.warn({ err, hostId }, "a host's networks could not be made as they should be"))
        .finally(() => this.#running.delete(round));
      this.#running.add(round);
    }
  }

  /** Any of the hosts that share their networks makes them so for all, the first that answers. */
  async #tell(hosts: ReadonlyArray<{ hostId: string }>, desired: DesiredNetworks): Promise<void> {
    for (const [index, { hostId }] of hosts.entries()) {
      try {
        return await this.#hosts.agent(hostId).applyNetworks(desired);
      } catch (error) {
        const isLost = error instanceof AgentError && error.code === 'unreachable';
        if (!isLost || index === hosts.length - 1) throw error;
      }
    }
  }

  /** Through which host the host's networks are made: one for all that share theirs. */
  async #speakerFor(hostId: string): Promise<string> {
    return (await this.#siteOf(hostId)).hosts[0]!.hostId;
  }

  async #siteOf(hostId: string): Promise<NetworkSite> {
    const { shared } = await this.networkingOf(this.#hosts.agent(hostId));
    if (!shared) return { id: hostId, hosts: [{ hostId, seat: 0 }] };
    return (await this.#sites()).find(({ hosts }) => hosts.some((host) => host.hostId === hostId))!;
  }

  async #sites(): Promise<NetworkSite[]> {
    const all = await Promise.all(
      [...this.#hosts.agents].map(async ([hostId, agent]) => ({ hostId, networking: await this.networkingOf(agent) })),
    );
    return sitesOf(all.filter(({ networking }) => networking.driver !== 'user'));
  }

  /** The site among those that it has networks in common with, if there are others. */
  async #joined(own: NetworkSite): Promise<JoinedSites | undefined> {
    if (!own.tunnel) return undefined;
    const others = (await this.#sites()).filter(({ id, tunnel }) => tunnel && id !== own.id);
    const kept = [...new Set([...this.#recent.values()].flatMap(({ ids }) => ids))];
    return others.length > 0 ? { own, others, kept } : undefined;
  }

  /** One round at a time for each host; those who ask while one waits share it. */
  #apply(hostId: string): Promise<void> {
    const waiting = this.#waiting.get(hostId);
    if (waiting) return waiting;
    const before = this.#rounds.get(hostId) ?? Promise.resolve();
    const round = before
      .catch(() => {})
      .then(() => {
        this.#waiting.delete(hostId);
        return this.#round(hostId);
      });
    this.#waiting.set(hostId, round);
    this.#rounds.set(hostId, round);
    return round;
  }

  async #round(hostId: string): Promise<void> {
    const { db } = this.#core;
    const agent = this.#hosts.agent(hostId);
    const { driver } = await this.networkingOf(agent);
    if (driver === 'user') return;
    const site = await this.#siteOf(hostId);
    const { hosts } = site;
    if (driver === 'bridge') await this.#serve(hosts);
    const recent = driver === 'bridge' ? this.#recentOf(hostId) : undefined;
    const desired = await desiredNetworks(db, hosts, recent?.ids, await this.#joined(site));
    recent?.note(desired.ports.map(({ networkId }) => networkId));
    desired.routers = await withBalancers(this.#core, desired.routers);
    await this.#tell(hosts, desired);
  }

  async #serve(hosts: ReadonlyArray<{ hostId: string }>): Promise<void> {
    const { db } = this.#core;
    const unserved = (await Promise.all(hosts.map(({ hostId }) => networksToServe(db, hostId)))).flat();
    if (unserved.length > 0)
      await db.write((tx) => ensureServicePorts(this.#networks.ports, tx, [...new Set(unserved)]));
  }

  #recentOf(hostId: string): RecentNetworks {
    const known = this.#recent.get(hostId);
    if (known) return known;
    const recent = new RecentNetworks(this.#core.env, () => this.#applyAll());
    this.#recent.set(hostId, recent);
    return recent;
  }

  /** Takes down what was only kept for guests to come. What fails is found by the next process that looks after the host. */
  async #leaveNothing(): Promise<void> {
    const kept = [...this.#recent].filter(([, recent]) => recent.hasOthers).map(([hostId]) => hostId);
    const joined = kept.length > 0 ? (await this.#sites()).filter(({ tunnel }) => tunnel) : [];
    // What one site kept may have needed something of another one.
    const speakers = new Set([...kept, ...joined.map(({ hosts }) => hosts[0]!.hostId)]);
    for (const recent of this.#recent.values()) recent.close();
    this.#recent.clear();
    for (const hostId of speakers) {
      await this.#round(hostId).catch((err) => this.#core.log.warn({ err, hostId }, 'networks are left on the host'));
    }
    for (const recent of this.#recent.values()) recent.close();
  }
}
