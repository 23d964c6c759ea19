import { sql } from 'kysely';
import type { Tx } from '../../database/database.ts';
import { statement } from '../../database/statement.ts';
import type { CloudCore } from '../core.ts';
import { CloudError } from '../errors.ts';
import type { Subject } from '../identity/subject.ts';
import { defaultGroupName, ensureDefaultGroup } from './default-security-group.ts';
import { portInUse } from './failures.ts';
import type { Network, Port, PortStatus } from './model.ts';
import type { NetworkRegistry } from './network-registry.ts';
import { usableNetwork } from './ownership.ts';
import { groupsCannotBeApplied } from './port-security.ts';
import type { NewPort, Ports } from './ports.ts';
import { ServerPortReads } from './server-port-reads.ts';

/** One interface that a server asks for: a network, or a port that exists, or else the only network that there is. */
export interface InterfaceRequest {
  networkId?: string;
  portId?: string;
  /** An address of the network; not together with a port. */
  fixedIp?: string;
  /** By what the guest is told to know the interface. */
  tag?: string;
  /** Instead of the groups of the server's other ports: these, or none that holds anything back (see `NewPort`). Not together with a port. */
  securityGroupIds?: readonly string[];
  isOpen?: boolean;
}

export interface PlugRequest {
  serverId: string;
  projectId: string;
  subject: Subject;
  /** `auto`: the one network that the project can use, if it is one; `none`: no interface at all. */
  requested: readonly InterfaceRequest[] | 'auto' | 'none';
  /** Names or ids; none for the project's default group. They are for the ports made here, not for those that exist. */
  securityGroupNames: readonly string[];
}

/** With the interface's place among those of its server. */
type PlacedRequest = PlugRequest & { deviceIndex: number };

const deviceOwner = 'compute:nova';

/** What servers do with ports, in the transactions of the servers' own code. */
export class ServerPorts {
  readonly reads: ServerPortReads;
  readonly #core: CloudCore;
  readonly #networks: NetworkRegistry;
  readonly #ports: Ports;

  constructor(core: CloudCore, networks: NetworkRegistry, ports: Ports) {
    this.#core = core;
    this.#networks = networks;
    this.#ports = ports;
    this.reads = new ServerPortReads(core.db);
  }

  /**
   * Gives a new server its ports, in the order asked for. Throws with `reason` `network_not_found`, `port_not_found`,
   * `multiple_networks`, `network_requires_subnet`, `port_requires_fixed_ip`, `port_in_use`, `fixed_ip_with_port`,
   * `ip_address_in_use`, `ip_address_generation_failure`, `security_group_not_found`, `security_group_cannot_be_applied`
   * or `over_quota`.
   */
  async plug(tx: Tx, request: PlugRequest): Promise<Port[]> {
    const { requested } = request;
    if (requested === 'none') return [];
    const wanted = requested === 'auto' || requested.length === 0 ? await this.#onlyNetwork(tx, request) : requested;
    const groupIds = await this.#groupIds(tx, request);
    const ports: Port[] = [];
    let deviceIndex = await nextDeviceIndex(tx, request.serverId);
    for (const one of wanted) {
      const isSaid = one.networkId !== undefined || one.portId !== undefined;
      const place = isSaid ? one : { ...one, ...(await this.#onlyNetwork(tx, request))[0] };
      ports.push(await this.#plugOne(tx, { ...request, deviceIndex: deviceIndex++ }, place, groupIds));
    }
    return ports;
  }

  /** Takes all ports from a server: those made for it go, the others become free. */
  async unplug(tx: Tx, serverId: string): Promise<void> {
    const ports = await tx.selectFrom('ports').select('id').where('device_id', '=', serverId).execute();
    for (const port of ports) await this.unplugOne(tx, serverId, port.id);
  }

  /** Takes one port from a server. Gives false when the server does not have it. */
  async unplugOne(tx: Tx, serverId: string, portId: string): Promise<boolean> {
    const port = await tx
      .updateTable('ports')
      .set((eb) => ({
        device_id: '',
        device_owner: '',
        device_index: null,
        device_tag: null,
        host_id: null,
        status: 'DOWN',
        revision: eb('revision', '+', 1),
        updated_at: this.#core.env.now(),
      }))
      .where('id', '=', portId)
      .where('device_id', '=', serverId)
      .returning('made_for_server')
      .executeTakeFirst();
    if (port?.made_for_server === 1) await this.#ports.removeIn(tx, portId);
    return port !== undefined;
  }

  /** Says where a server's ports are served, and whether they are. */
  async bind(tx: Tx, serverId: string, hostId: string | null, status: PortStatus): Promise<void> {
    await tx
      .updateTable('ports')
      .set((eb) => ({
        host_id: hostId,
        status,
        revision: eb('revision', '+', 1),
        updated_at: this.#core.env.now(),
      }))
      .where('device_id', '=', serverId)
      .where((eb) => eb.or([eb('host_id', 'is distinct from', hostId), eb('status', '<>', status)]))
      .execute();
  }

  /** As `bind`, of one port, as long as it is the server's. */
  async bindOne(
    tx: Tx,
    place: { serverId: string; portId: string; hostId?: string },
    status: PortStatus,
  ): Promise<void> {
    const { serverId, portId, hostId } = place;
    await tx
      .updateTable('ports')
      .set((eb) => ({
        host_id: hostId ?? null,
        status,
        revision: eb('revision', '+', 1),
        updated_at: this.#core.env.now(),
      }))
      .where('id', '=', portId)
      .where('device_id', '=', serverId)
      .execute();
  }

  async #plugOne(tx: Tx, request: PlacedRequest, wanted: InterfaceRequest, groupIds: string[]): Promise<Port> {
    if (wanted.portId !== undefined) return this.#plugExisting(tx, request, wanted.portId, wanted);
    const network = await this.#network(tx, request.subject, wanted.networkId ?? '');
    if (network.subnetIds.length === 0) {
      const message = `Network ${network.id} requires a subnet in order to boot instances on.`;
      throw new CloudError('invalid', message, { id: network.id, reason: 'network_requires_subnet' });
    }
    const port: NewPort = {
      projectId: request.projectId,
      networkId: network.id,
      deviceId: request.serverId,
      deviceOwner,
      fixedIps: wanted.fixedIp === undefined ? undefined : [{ ipAddress: wanted.fixedIp }],
      isOpen: wanted.isOpen,
      securityGroupIds: network.portSecurity ? (wanted.securityGroupIds ?? groupIds) : withoutGroups(request),
    };
    try {
      return await this.#ports.createIn(tx, request.subject, port, {
        madeForServer: true,
        deviceIndex: request.deviceIndex,
        deviceTag: wanted.tag,
      });
    } catch (error) {
      if (!(error instanceof CloudError) || error.details.reason !== 'ip_address_in_use') throw error;
      const message = `Fixed IP address ${wanted.fixedIp} is already in use.`;
      throw new CloudError('invalid', message, { reason: 'ip_address_in_use', cause: error });
    }
  }

  async #plugExisting(tx: Tx, request: PlacedRequest, portId: string, { fixedIp, tag }: InterfaceRequest) {
    if (fixedIp !== undefined) {
      const message = `Specified Fixed IP '${fixedIp}' cannot be used with port '${portId}': the two cannot be specified together.`;
      throw new CloudError('invalid', message, { id: portId, reason: 'fixed_ip_with_port' });
    }
    const port = await this.#ports.get(request.subject, portId, tx).catch((error: unknown) => {
      throw asInvalid(error, `Port id ${portId} could not be found.`, portId, 'port_not_found');
    });
    if (port.fixedIps.length === 0) {
      const message = `Port ${portId} requires a FixedIP in order to be used.`;
      throw new CloudError('invalid', message, { id: portId, reason: 'port_requires_fixed_ip' });
    }
    // Guarded, so that of two servers which want the port at once only one gets it.
    const taken = await tx
      .updateTable('ports')
      .set((eb) => ({
        device_id: request.serverId,
        device_owner: deviceOwner,
        device_index: request.deviceIndex,
        device_tag: tag ?? null,
        revision: eb('revision', '+', 1),
        updated_at: this.#core.env.now(),
      }))
      .where('id', '=', portId)
      .where('device_id', '=', '')
      .returning('id')
      .executeTakeFirst();
    if (!taken) throw portInUse(portId, port.deviceId || 'another server');
    return this.#ports.get(request.subject, portId, tx);
  }

  async #network(tx: Tx, subject: Subject, networkId: string): Promise<Network> {
    try {
      return await this.#networks.get(subject, networkId, tx);
    } catch (error) {
      throw asInvalid(error, `Network ${networkId} could not be found.`, networkId, 'network_not_found');
    }
  }

  /** The project's own networks and those for all, if that is one; none, if there is none. */
  async #onlyNetwork(tx: Tx, { projectId }: PlugRequest): Promise<InterfaceRequest[]> {
    const networks = await twoNetworksOf.all(tx, { projectId });
    if (networks.length < 2) return networks.map(({ id }) => ({ networkId: id }));
    throw new CloudError('conflict', 'Multiple possible networks found, use a Network ID to be more specific.', {
      reason: 'multiple_networks',
    });
  }

  async #groupIds(tx: Tx, { projectId, securityGroupNames }: PlugRequest): Promise<string[]> {
    const usual = await ensureDefaultGroup(this.#core, tx, projectId);
    if (securityGroupNames.length === 0) return [usual];
    const ids: string[] = [];
    for (const name of securityGroupNames) ids.push(await groupIdByName(tx, projectId, name));
    return ids;
  }
}

/**
 * What a port has of groups where nothing is filtered. Throws, as Nova does, where others than the usual one are asked
 * for.
 */
function withoutGroups({ securityGroupNames }: PlugRequest): string[] {
  if (securityGroupNames.every((name) => name === defaultGroupName)) return [];
  throw groupsCannotBeApplied();
}

/** One that is free at the end: others stay where their guest knows them. */
async function nextDeviceIndex(tx: Tx, serverId: string): Promise<number> {
  const row = await lastDeviceIndex.first(tx, { serverId });
  return (row?.last ?? -1) + 1;
}

const lastDeviceIndex = statement<{ serverId: string }, { last: number | null }>((q, p) =>
  q
    .selectFrom('ports')
    .select((eb) => eb.fn.max('device_index').as('last'))
    .where('device_id', '=', p.serverId),
);

/** Of what the project sees, also when an administrator (who sees everything) asks. */
const twoNetworksOf = statement((q, p: { projectId: string }) =>
  q
    .selectFrom('networks')
    .select('id')
    .where(usableNetwork({ projectId: p.projectId, isAdmin: false }))
    .where('external', '=', 0)
    .limit(2),
);

/** The project's group of that id or name. */
async function groupIdByName(tx: Tx, projectId: string, name: string): Promise<string> {
  const idForm = sql<string>`${name.toLowerCase().replaceAll('-', '')}`;
  const found = await tx
    .selectFrom('security_groups')
    .select(['id', 'name'])
    .where('project_id', '=', projectId)
    .where((eb) => eb.or([eb('id', '=', idForm), eb('name', '=', name)]))
    .execute();
  const [first, ...more] = found;
  if (first && more.length === 0) return first.id;
  if (!first) {
    throw new CloudError('invalid', `Security group ${name} not found.`, { reason: 'security_group_not_found' });
  }
  const message = `Multiple security_groups found matching '${name}'. Use an ID to be more specific.`;
  throw new CloudError('conflict', message, { reason: 'no_unique_match' });
}

/** In a server's request a missing thing is a fault of the request, not of its path. */
function asInvalid(error: unknown, message: string, id: string, reason: string): unknown {
  if (!(error instanceof CloudError) || error.code !== 'not_found') return error;
  return new CloudError('invalid', message, { id, reason, cause: error });
}
