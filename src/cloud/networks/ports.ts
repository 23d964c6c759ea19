import { sql } from 'kysely';
import type { Queryable, Tx } from '../../database/database.ts';
import { insertRow } from '../../database/statement.ts';
import { newId } from '../../env/env.ts';
import type { CloudCore } from '../core.ts';
import { CloudError, notFound } from '../errors.ts';
import type { Subject } from '../identity/subject.ts';
import type { Quotas } from '../quotas/quotas.ts';
import { ensureDefaultGroup } from './default-security-group.ts';
import { isOfMachinery, refuseForeignDevice } from './device-ownership.ts';
import { adminOnly, macAddressInUse, noMacAddressLeft, revisionMismatch } from './failures.ts';
import { freeFloatingIps } from './floating-ip-rows.ts';
import { anyOf, inOrder, Listing, type ListRequest } from './listing.ts';
import { isMadeUp, normalMac, randomMac } from './mac-addresses.ts';
import { type DhcpOption, flag, type Port, type PortStatus } from './model.ts';
import { visibleNetworkWithId } from './network-rows.ts';
import { ensureOpenGroup } from './open-security-group.ts';
import { ownerOfNew, visiblePort } from './ownership.ts';
import type { FixedIpRequest, PortAddresses, PortAddressing } from './port-addressing.ts';
import { type PortGroups, setGroups } from './port-groups.ts';
import { loadPorts, type PortRow, portWithId, selectPorts } from './port-rows.ts';
import { checkSecurity, setPairs } from './port-security.ts';
import { type QosPolicies, requirePolicy } from './qos-policies.ts';
import type { SecurityGroups } from './security-groups.ts';
import { forgetTags } from './tags.ts';

export type PortField =
  | 'id'
  | 'projectId'
  | 'networkId'
  | 'name'
  | 'description'
  | 'macAddress'
  | 'adminStateUp'
  | 'status'
  | 'deviceId'
  | 'deviceOwner'
  | 'hostId'
  | 'portSecurity'
  | 'dnsName'
  | 'qosPolicyId'
  | 'createdAt'
  | 'updatedAt'
  | 'revision';

export interface PortListRequest extends ListRequest<PortField> {
  /** Ports with an address that has, for each member, one of its values. */
  fixedIps?: { subnetIds?: readonly string[]; addresses?: readonly string[]; addressParts?: readonly string[] };
  /** Ports on one of these hosts, by name. */
  hostNames?: readonly string[];
  /** Ports with one of the groups. */
  securityGroupIds?: readonly string[];
}

export interface NewPort {
  /** The client's own id, 32 hex digits. */
  id?: string;
  projectId?: string;
  networkId: string;
  name?: string;
  description?: string;
  macAddress?: string;
  adminStateUp?: boolean;
  deviceId?: string;
  deviceOwner?: string;
  /** Undefined for one address of any subnet; an empty list for none. */
  fixedIps?: readonly FixedIpRequest[];
  /** Undefined for the project's default group; a port that is not filtered has none. */
  securityGroupIds?: readonly string[];
  /** In the place of groups: everything comes through, as long as it is in no other group than the open one. */
  isOpen?: boolean;
  /** Undefined for what the network says. */
  portSecurity?: boolean;
  /** Without a MAC address: the port's own. */
  allowedAddressPairs?: ReadonlyArray<{ ipAddress: string; macAddress?: string }>;
  dnsName?: string;
  dnsDomain?: string;
  extraDhcpOptions?: readonly DhcpOption[];
  qosPolicyId?: string | null;
  /** Bits per second, beside what the policy says; null for none. */
  egressLimit?: number | null;
  ingressLimit?: number | null;
  /** Administrators only. */
  bindingHost?: string;
}

type Unchangeable = 'id' | 'projectId' | 'networkId' | 'isOpen';
export type PortChanges = Omit<NewPort, Unchangeable | 'securityGroupIds' | 'fixedIps'> & {
  securityGroupIds?: PortGroups;
  fixedIps?: PortAddresses;
};

/** What a server's own code says of a port beyond what a user may. */
export interface PortMaking {
  madeForServer?: boolean;
  /** Its place among the interfaces of its server. */
  deviceIndex?: number;
  /** By what the guest knows it. */
  deviceTag?: string;
  hostId?: string | null;
  status?: PortStatus;
}

const listing = new Listing<PortField>('ports');
const maxMacAttempts = 16;

export class Ports {
  readonly #core: CloudCore;
  readonly #quotas: Quotas;
  readonly #addressing: PortAddressing;
  readonly #groups: SecurityGroups;
  readonly #policies: QosPolicies;

  constructor(
    core: CloudCore,
    quotas: Quotas,
    addressing: PortAddressing,
    groups: SecurityGroups,
    policies: QosPolicies,
  ) {
    this.#policies = policies;
    this.#core = core;
    this.#quotas = quotas;
    this.#addressing = addressing;
    this.#groups = groups;
  }

  async list(subject: Subject, request: PortListRequest = {}): Promise<Port[]> {
    const db = this.#core.db.read;
    let query = selectPorts(db).where(visiblePort(subject));
    const { subnetIds, addresses, addressParts } = request.fixedIps ?? {};
    const address = [
      ...(subnetIds ? [anyOf(sql.ref('port_addresses.subnet_id'), subnetIds)] : []),
      ...(addresses ? [anyOf(sql.ref('port_addresses.ip_address'), addresses)] : []),
      ...(addressParts ?? []).map(
        (part) => sql<boolean>`port_addresses.ip_address like ${`%${part.replaceAll(/[%_]/g, '')}%`}`,
      ),
    ];
    if (address.length > 0) {
      query = query.where('ports.id', 'in', (eb) =>
        eb
          .selectFrom('port_addresses')
          .select('port_id')
          .where(sql<boolean>`${sql.join(address, sql` and `)}`),
      );
    }
    if (request.hostNames) {
      const { hostNames } = request;
      query = query.where((eb) =>
        eb.or([eb('hosts.name', 'in', hostNames), eb('ports.binding_host', 'in', hostNames)]),
      );
    }
    if (request.securityGroupIds) {
      const wanted = anyOf(sql.ref('security_group_id'), request.securityGroupIds);
      query = query.where('ports.id', 'in', (eb) =>
        eb.selectFrom('port_security_groups').select('port_id').where(wanted),
      );
    }
    const rows = await (await listing.apply(db, query, request)).execute();
    return inOrder(await loadPorts(db, rows as PortRow[]), request);
  }

  async get(subject: Subject, id: string, db: Queryable = this.#core.db.read): Promise<Port> {
    const rows = await selectPorts(db).where('ports.id', '=', id).where(visiblePort(subject)).execute();
    const [port] = await loadPorts(db, rows);
    if (!port) throw notFound('port', id);
    return port;
  }

  /** Makes all of them or none. */
  create(subject: Subject, ports: readonly NewPort[]): Promise<Port[]> {
    return this.#core.db.write(async (tx) => {
      const made: Port[] = [];
      for (const port of ports) made.push(await this.createIn(tx, subject, port));
      return made;
    });
  }

  async createIn(tx: Tx, subject: Subject, input: NewPort, making: PortMaking = {}): Promise<Port> {
    const projectId = ownerOfNew(subject, input.projectId);
    const { ownsNetwork, portSecurity: usual } = await this.#usableNetwork(tx, subject, input.networkId);
    if (!ownsNetwork && input.portSecurity !== undefined) throw adminOnly('switch port security on networks of others');
    const portSecurity = isService(input.deviceOwner) ? false : (input.portSecurity ?? usual);
    if (!ownsNetwork && input.macAddress !== undefined) throw adminOnly('choose MAC addresses on networks of others');
    if (!ownsNetwork) refuseNetworkOwner(input.deviceOwner);
    await refuseForeignDevice(tx, subject, projectId, input.deviceId);
    if (input.bindingHost !== undefined && !subject.isAdmin) throw adminOnly('choose the host of a port');
    checkSecurity(portSecurity, input.securityGroupIds ?? [], input.allowedAddressPairs ?? []);
    await requirePolicy(this.#policies, subject, input.qosPolicyId, tx);
    const groupIds = portSecurity ? await this.#groupsOfNew(tx, subject, projectId, input) : [];
    if (!(isService(input.deviceOwner) && subject.isAdmin)) await this.#quotas.check(tx, projectId, { ports: 1 });
    const { id, macAddress } = await this.#insert(tx, projectId, { ...input, portSecurity }, making);
    const deviceOwner = input.deviceOwner ?? '';
    await this.#addressing.assign(tx, { id, networkId: input.networkId, macAddress, deviceOwner }, input.fixedIps);
    await setGroups(tx, id, groupIds);
    if (input.allowedAddressPairs) await setPairs(tx, await this.#reload(tx, id), input.allowedAddressPairs);
    return this.#reload(tx, id);
  }

  update(subject: Subject, id: string, changes: PortChanges, expectedRevision?: number): Promise<Port> {
    return this.#core.db.write((tx) => this.updateIn(tx, subject, id, changes, expectedRevision));
  }

  async updateIn(tx: Tx, subject: Subject, id: string, changes: PortChanges, expectedRevision?: number): Promise<Port> {
    const port = await this.#claim(tx, subject, id);
    if (expectedRevision !== undefined && port.revision - 1 !== expectedRevision) {
      throw revisionMismatch(expectedRevision);
    }
    const { ownsNetwork } = await this.#usableNetwork(tx, subject, port.networkId);
    if (!ownsNetwork) refuseNetworkOwner(changes.deviceOwner);
    await refuseForeignDevice(tx, subject, port.projectId, changes.deviceId);
    if (changes.bindingHost !== undefined && !subject.isAdmin) throw adminOnly('choose the host of a port');
    if (!ownsNetwork && changes.portSecurity !== undefined) {
      throw adminOnly('switch port security on networks of others');
    }
    const portSecurity = changes.portSecurity ?? port.portSecurity;
    const said = changes.securityGroupIds;
    const asked = typeof said === 'function' ? said(port) : said;
    const groupsAfter = asked ?? (isService(port.deviceOwner) ? [] : port.securityGroupIds);
    checkSecurity(portSecurity, groupsAfter, changes.allowedAddressPairs ?? port.allowedAddressPairs);
    await requirePolicy(this.#policies, subject, changes.qosPolicyId, tx);
    if (changes.macAddress !== undefined) await this.#changeMac(tx, port, changes.macAddress, ownsNetwork);
    if (asked) await setGroups(tx, id, await this.#known(tx, subject, asked));
    if (changes.fixedIps) {
      const wanted = typeof changes.fixedIps === 'function' ? changes.fixedIps(port) : changes.fixedIps;
      const fixedIps = await this.#addressing.reassign(tx, port, wanted);
      await freeFloatingIps(this.#core, tx, id, fixedIps);
    }
    if (changes.allowedAddressPairs) {
      const macAddress = changes.macAddress === undefined ? port.macAddress : normalMac(changes.macAddress);
      await setPairs(tx, { id, macAddress }, changes.allowedAddressPairs);
    }
    await tx
      .updateTable('ports')
      .set({
        name: changes.name ?? port.name,
        description: changes.description,
        device_id: changes.deviceId,
        device_owner: changes.deviceOwner,
        admin_state_up: changes.adminStateUp === undefined ? undefined : flag(changes.adminStateUp),
        port_security: changes.portSecurity === undefined ? undefined : flag(changes.portSecurity),
        dns_name: changes.dnsName,
        dns_domain: changes.dnsDomain,
        binding_host: changes.bindingHost,
        extra_dhcp_opts: changes.extraDhcpOptions && JSON.stringify(changes.extraDhcpOptions),
        qos_policy_id: changes.qosPolicyId,
        egress_limit: changes.egressLimit,
        ingress_limit: changes.ingressLimit,
      })
      .where('id', '=', id)
      .execute();
    return this.#reload(tx, id);
  }

  delete(subject: Subject, id: string): Promise<void> {
    return this.#core.db.write(async (tx) => void (await this.deleteIn(tx, subject, id)));
  }

  /** As `delete`, as part of a transaction that does more. Gives the port as it was. */
  async deleteIn(tx: Tx, subject: Subject, id: string): Promise<Port> {
    const port = await this.#claim(tx, subject, id);
    if (await isOfMachinery(tx, port)) {
      const message = `Port ${id} cannot be deleted directly via the port API: has device owner ${port.deviceOwner}.`;
      throw new CloudError('conflict', message, { resource: 'port', id, reason: 'service_port_in_use' });
    }
    await this.removeIn(tx, id);
    return port;
  }

  /** Removes the port with all it holds, whoever uses it. */
  async removeIn(tx: Tx, id: string): Promise<void> {
    await freeFloatingIps(this.#core, tx, id, []);
    await this.#addressing.release(tx, id);
    await tx.deleteFrom('port_security_groups').where('port_id', '=', id).execute();
    await forgetTags(tx, [id]);
    await tx.deleteFrom('ports').where('id', '=', id).execute();
  }

  /** Counts the port's revision up, which also keeps others from changing it until this transaction ends. */
  async #claim(tx: Tx, subject: Subject, id: string): Promise<Port> {
    const row = await tx
      .updateTable('ports')
      .set((eb) => ({ revision: eb('revision', '+', 1), updated_at: this.#core.env.now() }))
      .where('id', '=', id)
      .where(visiblePort(subject))
      .returning('id')
      .executeTakeFirst();
    if (!row) throw notFound('port', id);
    return this.#reload(tx, id);
  }

  async #reload(tx: Tx, id: string): Promise<Port> {
    const rows = await portWithId.all(tx, { id });
    return (await loadPorts(tx, rows))[0]!;
  }

  /** What of the network decides on ports. Throws `not_found` or `forbidden` when the subject can't have ports on it. */
  async #usableNetwork(tx: Tx, subject: Subject, networkId: string) {
    const network = await visibleNetworkWithId(subject).first(tx, { id: networkId, projectId: subject.projectId });
    if (!network) throw notFound('network', networkId);
    const ownsNetwork = subject.isAdmin || network.project_id === subject.projectId;
    if (!ownsNetwork && network.external === 1 && network.shared === 0) {
      const message = `It is not allowed to create an interface on external network ${networkId}`;
      throw new CloudError('forbidden', message, { id: networkId, reason: 'external_network_attach_forbidden' });
    }
    return { ownsNetwork, portSecurity: network.port_security === 1 };
  }

  /** Throws what `createIn` would where the subject may not have the port on the network. */
  async requireMayHave(tx: Tx, subject: Subject, port: Port, networkId: string): Promise<void> {
    const { portSecurity, macAddress } = port;
    const { ownsNetwork } = await this.#usableNetwork(tx, subject, networkId);
    // No two ports have the same one. But one that was chosen may be that of something else in the other network.
    if (!ownsNetwork && !isMadeUp(macAddress)) throw adminOnly('choose MAC addresses on networks of others');
    if (!ownsNetwork && !portSecurity) throw adminOnly('switch port security off on networks of others');
  }

  async #groupsOfNew(tx: Tx, subject: Subject, projectId: string, input: NewPort): Promise<string[]> {
    if (input.isOpen) return [await ensureOpenGroup(this.#core, tx, projectId)];
    const usual = await ensureDefaultGroup(this.#core, tx, projectId);
    return input.securityGroupIds ? await this.#known(tx, subject, input.securityGroupIds) : [usual];
  }

  async #known(tx: Tx, subject: Subject, asked: readonly string[]): Promise<string[]> {
    const ids = [...new Set(asked)];
    if (ids.length > 0) await this.#groups.keep(tx, subject, ids);
    return ids;
  }

  async #insert(tx: Tx, projectId: string, input: NewPort, making: PortMaking) {
    const chosen = input.macAddress === undefined ? undefined : normalMac(input.macAddress);
    for (let attempt = 0; attempt < maxMacAttempts; attempt += 1) {
      const id = input.id ?? newId(this.#core.env);
      const now = this.#core.env.now();
      const row = {
        id,
        network_id: input.networkId,
        project_id: projectId,
        name: input.name ?? '',
        description: input.description ?? '',
        mac_address: chosen ?? randomMac(this.#core.env),
        admin_state_up: flag(input.adminStateUp ?? true),
        status: making.status ?? 'DOWN',
        device_id: input.deviceId ?? '',
        device_owner: input.deviceOwner ?? '',
        host_id: making.hostId ?? null,
        made_for_server: flag(making.madeForServer ?? false),
        device_index: making.deviceIndex ?? null,
        device_tag: making.deviceTag ?? null,
        port_security: flag(input.portSecurity ?? true),
        allowed_address_pairs: '[]',
        dns_name: input.dnsName ?? '',
        dns_domain: input.dnsDomain ?? '',
        binding_host: input.bindingHost ?? '',
        extra_dhcp_opts: JSON.stringify(input.extraDhcpOptions ?? []),
        qos_policy_id: input.qosPolicyId ?? null,
        egress_limit: input.egressLimit ?? null,
        ingress_limit: input.ingressLimit ?? null,
        created_at: now,
        updated_at: now,
        revision: 0,
      } as const;
      const isFree = await insertRow(tx, 'ports', row, { unlessTaken: 'mac_address' });
      if (isFree) return { id, macAddress: row.mac_address };
      if (chosen !== undefined) throw macAddressInUse(input.networkId, chosen);
    }
    throw noMacAddressLeft(input.networkId);
  }

  async #changeMac(tx: Tx, port: Port, asked: string, ownsNetwork: boolean): Promise<void> {
    const mac = normalMac(asked);
    if (mac === port.macAddress) return;
    if (!ownsNetwork) throw adminOnly('choose MAC addresses on networks of others');
    if (port.hostId !== null) {
      const message = `Unable to complete operation on port ${port.id}, port is already bound: its MAC address can't change from ${port.macAddress} to ${mac}.`;
      throw new CloudError('conflict', message, { resource: 'port', id: port.id, reason: 'port_bound' });
    }
    const taken = await tx.selectFrom('ports').select('id').where('mac_address', '=', mac).executeTakeFirst();
    if (taken) throw macAddressInUse(port.networkId, mac);
    await tx.updateTable('ports').set({ mac_address: mac }).where('id', '=', port.id).execute();
  }
}

/** Whether the port belongs to the network's own machinery, as a router's. */
function isService(deviceOwner: string | undefined): boolean {
  return deviceOwner?.startsWith('network:') ?? false;
}

/** Ports of the network's own machinery are made by those who run it. */
function refuseNetworkOwner(deviceOwner: string | undefined): void {
  if (deviceOwner?.startsWith('network:')) throw adminOnly('use device owners that begin with "network:"');
}
