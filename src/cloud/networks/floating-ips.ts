import type { Queryable, Tx } from '../../database/database.ts';
import type { FloatingIpsTable } from '../../database/schema.ts';
import { newId } from '../../env/env.ts';
import type { CloudCore } from '../core.ts';
import { CloudError, notFound } from '../errors.ts';
import type { Subject } from '../identity/subject.ts';
import type { Quotas } from '../quotas/quotas.ts';
import { refuseBalanced } from './balanced-addresses.ts';
import { adminOnly, revisionMismatch } from './failures.ts';
import { hasForwardings, withPorts } from './floating-ip-rows.ts';
import { inOrder, Listing, type ListRequest } from './listing.ts';
import type { FixedIp, Port } from './model.ts';
import { operator } from './operator.ts';
import { owned, ownerOfNew, visibleNetwork } from './ownership.ts';
import type { Ports } from './ports.ts';
import {
  alreadyAssociated,
  badRouterRequest,
  inUseByForwarding,
  notReachable,
  portHasForwarding,
} from './router-failures.ts';
import { type FloatingIp, type FloatingIpWithPort, floatingIpOf, floatingIpWithPort } from './router-model.ts';
import { forgetTags } from './tags.ts';

export type FloatingIpField =
  | 'id'
  | 'projectId'
  | 'description'
  | 'networkId'
  | 'ipAddress'
  | 'portId'
  | 'fixedIpAddress'
  | 'routerId'
  | 'createdAt'
  | 'updatedAt'
  | 'revision';

/** What a floating IP is to stand for; a port of several addresses needs one of them named. */
export interface Association {
  portId: string;
  fixedAddress?: string;
}

export interface NewFloatingIp {
  /** The client's own id, 32 hex digits. */
  id?: string;
  projectId?: string;
  description?: string;
  networkId: string;
  subnetId?: string;
  /** Administrators only. */
  address?: string;
  association?: Association;
  dnsName?: string;
  dnsDomain?: string;
}

export interface FloatingIpChanges {
  description?: string;
  /** Null to free it. */
  association?: Association | null;
}

const floatingPortOwner = 'network:floatingip';

const listing = new Listing<FloatingIpField>('floating_ips');

/** Addresses of external networks that projects have, and what they stand for. */
export class FloatingIps {
  readonly #core: CloudCore;
  readonly #quotas: Quotas;
  readonly #ports: Ports;

  constructor(core: CloudCore, quotas: Quotas, ports: Ports) {
    this.#core = core;
    this.#quotas = quotas;
    this.#ports = ports;
  }

  async list(
    subject: Subject,
    request: ListRequest<FloatingIpField> & { status?: string } = {},
  ): Promise<FloatingIpWithPort[]> {
    const db = this.#core.db.read;
    let query = withPorts(db).where(owned(subject, 'floating_ips'));
    if (request.status !== undefined) {
      query = query.where('router_id', request.status === 'ACTIVE' ? 'is not' : 'is', null);
    }
    const rows = await (await listing.apply(db, query, request)).execute();
    return inOrder(rows.map(floatingIpWithPort), request);
  }

  async get(subject: Subject, id: string, db: Queryable = this.#core.db.read): Promise<FloatingIpWithPort> {
    const query = withPorts(db).where('floating_ips.id', '=', id).where(owned(subject, 'floating_ips'));
    const row = await query.executeTakeFirst();
    if (!row) throw notFound('floatingip', id);
    return floatingIpWithPort(row);
  }

  /** Makes all of them or none. */
  create(subject: Subject, floatingIps: readonly NewFloatingIp[]): Promise<FloatingIpWithPort[]> {
    return this.#core.db.write(async (tx) => {
      const made: FloatingIpWithPort[] = [];
      for (const floatingIp of floatingIps) made.push(await this.createIn(tx, subject, floatingIp));
      return made;
    });
  }

  async createIn(tx: Tx, subject: Subject, input: NewFloatingIp): Promise<FloatingIpWithPort> {
    const projectId = ownerOfNew(subject, input.projectId);
    if (input.address !== undefined && !subject.isAdmin) throw adminOnly('choose the address of a floating IP');
    await this.#requireExternal(tx, subject, input.networkId);
    await this.#quotas.check(tx, projectId, { floating_ips: 1 });
    const id = input.id ?? newId(this.#core.env);
    const port = await this.#takeAddress(tx, id, input);
    const now = this.#core.env.now();
    const row: FloatingIpsTable = {
      id,
      project_id: projectId,
      description: input.description ?? '',
      network_id: input.networkId,
      ip_address: port.fixedIps[0]!.ipAddress,
      floating_port_id: port.id,
      port_id: null,
      fixed_ip_address: null,
      router_id: null,
      dns_name: input.dnsName ?? '',
      dns_domain: input.dnsDomain ?? '',
      created_at: now,
      updated_at: now,
      revision: 0,
    };
    await tx.insertInto('floating_ips').values(row).execute();
    if (input.association) await this.#associate(tx, subject, floatingIpOf(row), input.association);
    return this.get(subject, id, tx);
  }

  update(
    subject: Subject,
    id: string,
    changes: FloatingIpChanges,
    expectedRevision?: number,
  ): Promise<FloatingIpWithPort> {
    return this.#core.db.write(async (tx) => {
      const floatingIp = await this.claim(tx, subject, id);
      if (expectedRevision !== undefined && floatingIp.revision - 1 !== expectedRevision) {
        throw revisionMismatch(expectedRevision);
      }
      if (changes.description !== undefined) {
        const { description } = changes;
        await tx.updateTable('floating_ips').set({ description }).where('id', '=', id).execute();
      }
      if (changes.association) await this.#associate(tx, subject, floatingIp, changes.association);
      if (changes.association === null && floatingIp.portId !== null) await this.#free(tx, id);
      return this.get(subject, id, tx);
    });
  }

  /** Gives the address back. */
  delete(subject: Subject, id: string): Promise<void> {
    return this.#core.db.write(async (tx) => {
      const { floatingPortId } = await this.claim(tx, subject, id);
      await refuseBalanced(tx, id);
      await forgetTags(tx, [id]);
      await tx.deleteFrom('port_forwardings').where('floating_ip_id', '=', id).execute();
      await tx.deleteFrom('floating_ips').where('id', '=', id).execute();
      await this.#ports.removeIn(tx, floatingPortId);
    });
  }

  /** Counts its revision up, which also keeps others from changing it until this transaction ends. */
  async claim(tx: Tx, subject: Subject, id: string): Promise<FloatingIp> {
    const row = await tx
      .updateTable('floating_ips')
      .set((eb) => ({ revision: eb('revision', '+', 1), updated_at: this.#core.env.now() }))
      .where('id', '=', id)
      .where(owned(subject, 'floating_ips'))
      .returningAll()
      .executeTakeFirst();
    if (!row) throw notFound('floatingip', id);
    return floatingIpOf(row);
  }

  /** A port on the external network holds the address, so that nobody else gets it. */
  #takeAddress(tx: Tx, id: string, { networkId, subnetId, address }: NewFloatingIp): Promise<Port> {
    const wanted = subnetId === undefined && address === undefined ? undefined : [{ subnetId, ipAddress: address }];
    const port = { projectId: '', networkId, deviceId: id, deviceOwner: floatingPortOwner, fixedIps: wanted };
    return this.#ports.createIn(tx, operator(''), port, { status: 'ACTIVE' });
  }

  async #associate(
    tx: Tx,
    subject: Subject,
    floatingIp: FloatingIp,
    { portId, fixedAddress }: Association,
  ): Promise<void> {
    if (await hasForwardings(tx, { floatingIpId: floatingIp.id })) throw inUseByForwarding(floatingIp.id);
    await refuseBalanced(tx, floatingIp.id);
    const port = await this.#ports.get(subject, portId, tx);
    if (port.projectId !== floatingIp.projectId) {
      const what = `Port ${portId} is associated with a different tenant than Floating IP ${floatingIp.id} and therefore cannot be bound`;
      throw badRouterRequest('floatingip', what);
    }
    const fixed = fixedIpOf(port, floatingIp, fixedAddress);
    const routerId = await this.routerBetween(tx, floatingIp.networkId, fixed, portId);
    const other = await tx
      .selectFrom('floating_ips')
      .selectAll()
      .where('port_id', '=', portId)
      .where('fixed_ip_address', '=', fixed.ipAddress)
      .where('network_id', '=', floatingIp.networkId)
      .where('id', '<>', floatingIp.id)
      .executeTakeFirst();
    if (other) throw alreadyAssociated(floatingIp, portId, fixed.ipAddress);
    if (await hasForwardings(tx, { portId, address: fixed.ipAddress })) throw portHasForwarding(floatingIp, portId);
    await tx
      .updateTable('floating_ips')
      .set({ port_id: portId, fixed_ip_address: fixed.ipAddress, router_id: routerId })
      .where('id', '=', floatingIp.id)
      .execute();
  }

  async #free(tx: Tx, id: string): Promise<void> {
    const nothing = { port_id: null, fixed_ip_address: null, router_id: null };
    await tx.updateTable('floating_ips').set(nothing).where('id', '=', id).execute();
  }

  /** The router that has an interface on the subnet and its gateway on the external network. */
  async routerBetween(tx: Tx, externalId: string, { subnetId }: FixedIp, portId: string): Promise<string> {
    const found = await tx
      .selectFrom('routers')
      .innerJoin('ports as gateway', 'gateway.id', 'routers.gateway_port_id')
      .innerJoin('ports as inside', 'inside.device_id', 'routers.id')
      .innerJoin('port_addresses', 'port_addresses.port_id', 'inside.id')
      .innerJoin('subnets', 'subnets.id', 'port_addresses.subnet_id')
      .select(['routers.id', 'port_addresses.ip_address', 'subnets.gateway_ip'])
      .where('gateway.network_id', '=', externalId)
      .where('inside.device_owner', '=', 'network:router_interface')
      .where('port_addresses.subnet_id', '=', subnetId)
      .execute();
    // Guests answer by their gateway, so of several routers it is the one for which they take it.
    const router = found.find((one) => one.ip_address === one.gateway_ip) ?? found[0];
    if (!router) throw notReachable(externalId, subnetId, portId);
    return router.id;
  }

  async #requireExternal(tx: Tx, subject: Subject, networkId: string): Promise<void> {
    const network = await tx
      .selectFrom('networks')
      .select('external')
      .where('id', '=', networkId)
      .where(visibleNetwork(subject))
      .executeTakeFirst();
    if (!network) throw notFound('network', networkId);
    if (network.external === 1) return;
    throw badRouterRequest('floatingip', `Network ${networkId} is not a valid external network`);
  }
}

function fixedIpOf(port: Port, floatingIp: FloatingIp, wanted: string | undefined): FixedIp {
  const [first, ...more] = port.fixedIps.filter(({ ipAddress }) => !ipAddress.includes(':'));
  if (wanted !== undefined) {
    const found = port.fixedIps.find(({ ipAddress }) => ipAddress === wanted);
    if (found) return found;
    throw badRouterRequest('floatingip', `Port ${port.id} does not have fixed ip ${wanted}`);
  }
  if (!first) {
    const what = `Cannot add floating IP to port ${port.id} that has no fixed IPv4 addresses`;
    throw badRouterRequest('floatingip', what);
  }
  if (more.length === 0) return first;
  const own = port.fixedIps.find(({ ipAddress }) => ipAddress === floatingIp.fixedAddress);
  if (own && floatingIp.portId === port.id) return own;
  const message = `Port ${port.id} has multiple fixed IPv4 addresses. Must provide a specific IPv4 address when assigning a floating IP.`;
  throw new CloudError('invalid', `Bad floatingip request: ${message}`, { reason: 'bad_request' });
}
