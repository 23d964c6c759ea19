import type { Cloud } from '../cloud.ts';
import type { Subject } from '../identity/subject.ts';
import type { ServerAddress } from '../networks/server-port-reads.ts';
import { listServerIds, listServers, type ServerFilter, type ServerPage } from './listing.ts';
import { type Server, serverFromRow } from './model.ts';

/** A server with what its views show of other resources. */
export interface ServerDetail extends Server {
  zoneName: string;
  hostName: string | null;
  addresses: ServerAddress[];
  securityGroups: string[];
  /** Block storage volumes only; a disk of the server's own is not one. */
  attachedVolumes: Array<{ id: string; deleteOnTermination: boolean; device: string | null }>;
}

/** Every table that a server's detail is read from. */
const detailTables = [
  'servers',
  'ports',
  'port_addresses',
  'floating_ips',
  'subnets',
  'networks',
  'security_groups',
  'port_security_groups',
  'volumes',
  'zones',
  'hosts',
] as const;
const maxKept = 10_000;

/**
 * Reads what views show of servers. Clients poll this, so what was read is kept until something of it changes: the same
 * object is given again as long as it is the truth.
 */
export class ServerDetails {
  readonly #cloud: Cloud;
  readonly #kept = new Map<string, { version: number; detail: ServerDetail }>();
  #hostNames = new Map<string, string>();

  constructor(cloud: Cloud) {
    this.#cloud = cloud;
  }

  /** What is known already and still true. */
  known(id: string): ServerDetail | undefined {
    const entry = this.#kept.get(id);
    return entry && entry.version === this.#version() ? entry.detail : undefined;
  }

  /** Reads one anew. */
  async read(get: () => Promise<Server>): Promise<ServerDetail> {
    const version = this.#version();
    const [detail] = await this.of([await get()]);
    this.#keep(version, [detail!]);
    return detail!;
  }

  /** One page; only servers that are not known are read whole. */
  async list(subject: Subject, filter: ServerFilter, page: ServerPage): Promise<ServerDetail[]> {
    const { db } = this.#cloud;
    const version = this.#version();
    if (version === undefined) return await this.of(await listServers(db, subject, filter, page));
    const ids = await listServerIds(db, subject, filter, page);
    const found = new Map<string, ServerDetail>();
    for (const id of ids) {
      const entry = this.#kept.get(id);
      if (entry?.version === version) found.set(id, entry.detail);
    }
    const missing = ids.filter((id) => !found.has(id));
    if (missing.length > 0) {
      const rows = await db.read.selectFrom('servers').selectAll().where('id', 'in', missing).execute();
      const read = await this.of(rows.map(serverFromRow));
      this.#keep(version, read);
      for (const detail of read) found.set(detail.id, detail);
    }
    return ids.flatMap((id) => found.get(id) ?? []);
  }

  /** Adds what views show of other resources: one statement for each kind, however many servers there are. */
  async of(servers: readonly Server[]): Promise<ServerDetail[]> {
    const ids = servers.map(({ id }) => id);
    const { networks, volumes, zones } = this.#cloud;
    const addresses = await networks.addressesOf(ids);
    const groups = await networks.securityGroupsOf(ids);
    const attached = await volumes.attachedTo(ids);
    const zoneNames = await zones.names();
    const hostNames = await this.#hostNamesFor(servers);
    return servers.map((server) => ({
      ...server,
      zoneName: zoneNames.get(server.zoneId) ?? '',
      hostName: server.hostId === null ? null : (hostNames.get(server.hostId) ?? null),
      addresses: addresses.get(server.id) ?? [],
      securityGroups: groups.get(server.id) ?? [],
      attachedVolumes: attached.get(server.id) ?? [],
    }));
  }

  #version(): number | undefined {
    return this.#cloud.db.versionOf(detailTables);
  }

  /** @param version what it was before the details were read */
  #keep(version: number | undefined, details: readonly ServerDetail[]): void {
    if (version === undefined) return;
    if (this.#kept.size + details.length > maxKept) this.#kept.clear();
    for (const detail of details) this.#kept.set(detail.id, { version, detail });
  }

  /** Hosts keep their names, so they are read once. */
  async #hostNamesFor(servers: readonly Server[]): Promise<ReadonlyMap<string, string>> {
    if (servers.some(({ hostId }) => hostId !== null && !this.#hostNames.has(hostId))) {
      this.#hostNames = new Map((await this.#cloud.hosts.list()).map(({ id, name }) => [id, name]));
    }
    return this.#hostNames;
  }
}
