import { sql } from 'kysely';
import type { Queryable, Tx } from '../../database/database.ts';
import { newId } from '../../env/env.ts';
import type { CloudCore } from '../core.ts';
import { CloudError, notFound } from '../errors.ts';
import type { Subject } from '../identity/subject.ts';
import { hasMembers, listenerOn } from './balanced-addresses.ts';
import { settleForwardingRouter } from './floating-ip-rows.ts';
import type { FloatingIps } from './floating-ips.ts';
import { inOrder, Listing, type ListRequest } from './listing.ts';
import type { Port } from './model.ts';
import { owned } from './ownership.ts';
import {
  type ForwardedProtocol,
  overlaps,
  type PortForwarding,
  type PortRange,
  portForwardingOf,
} from './port-forwarding-model.ts';
import type { Ports } from './ports.ts';
import { alreadyAssociated } from './router-failures.ts';
import type { FloatingIp } from './router-model.ts';

export type PortForwardingField =
  | 'id'
  | 'description'
  | 'protocol'
  | 'externalPort'
  | 'internalPort'
  | 'internalPortId'
  | 'internalAddress'
  | 'createdAt'
  | 'updatedAt'
  | 'revision';

export interface NewPortForwarding {
  description?: string;
  protocol: ForwardedProtocol;
  external: PortRange;
  internalPortId: string;
  /** The port's only IPv4 address where none is said. */
  internalAddress?: string;
  internal: PortRange;
}

export type PortForwardingChanges = Partial<NewPortForwarding>;

type Settled = Omit<PortForwarding, 'createdAt' | 'updatedAt' | 'revision'>;

const listing = new Listing<PortForwardingField>('port_forwardings');
const lastPort = 65_535;

/** Single ports of floating IPs that stand for ports of guests: so one address serves several of them. */
export class PortForwardings {
  readonly #core: CloudCore;
  readonly #floatingIps: FloatingIps;
  readonly #ports: Ports;

  constructor(core: CloudCore, floatingIps: FloatingIps, ports: Ports) {
    this.#core = core;
    this.#floatingIps = floatingIps;
    this.#ports = ports;
  }

  async list(
    subject: Subject,
    floatingIpId: string,
    request: ListRequest<PortForwardingField> = {},
  ): Promise<PortForwarding[]> {
    const db = this.#core.db.read;
    await this.#floatingIps.get(subject, floatingIpId);
    const query = db.selectFrom('port_forwardings').selectAll().where('floating_ip_id', '=', floatingIpId);
    const rows = await (await listing.apply(db, query, request)).execute();
    return inOrder(rows.map(portForwardingOf), request);
  }

  /** By floating IP, oldest first. */
  async ofFloatingIps(ids: readonly string[]): Promise<Map<string, PortForwarding[]>> {
    if (ids.length === 0) return new Map();
    const query = this.#core.db.read.selectFrom('port_forwardings').selectAll().where('floating_ip_id', 'in', ids);
    const rows = await query.orderBy('created_at').orderBy('id').execute();
    return Map.groupBy(rows.map(portForwardingOf), ({ floatingIpId }) => floatingIpId);
  }

  async get(
    subject: Subject,
    floatingIpId: string,
    id: string,
    db: Queryable = this.#core.db.read,
  ): Promise<PortForwarding> {
    const row = await db
      .selectFrom('port_forwardings')
      .selectAll()
      .where('id', '=', id)
      .where('floating_ip_id', '=', floatingIpId)
      .where(owned(subject, 'port_forwardings'))
      .executeTakeFirst();
    if (!row) throw portForwardingNotFound(id);
    return portForwardingOf(row);
  }

  /**
   * Throws `conflict` where the floating IP, or the address inside on the same external network, has a whole address on
   * the other side; `invalid` where ports are forwarded already or their ranges don't match; `not_found` where no router
   * leads there.
   */
  create(subject: Subject, floatingIpId: string, input: NewPortForwarding): Promise<PortForwarding> {
    return this.#core.db.write((tx) => this.createIn(tx, subject, floatingIpId, input));
  }

  /** As `create`, together with what else the transaction does. */
  async createIn(tx: Tx, subject: Subject, floatingIpId: string, input: NewPortForwarding): Promise<PortForwarding> {
    const floatingIp = await this.#floatingIps.claim(tx, subject, floatingIpId);
    if (floatingIp.portId !== null)
      throw alreadyAssociated(floatingIp, floatingIp.portId, floatingIp.fixedAddress ?? '');
    const id = newId(this.#core.env);
    const { projectId } = floatingIp;
    const wanted = await this.#settle(tx, subject, floatingIp, { ...input, id, projectId });
    const now = this.#core.env.now();
    const times = { created_at: now, updated_at: now, revision: 0 };
    await tx
      .insertInto('port_forwardings')
      .values({ ...columnsOf(wanted), ...times })
      .execute();
    return await this.get(subject, floatingIpId, id, tx);
  }

  update(subject: Subject, floatingIpId: string, id: string, changes: PortForwardingChanges): Promise<PortForwarding> {
    return this.#core.db.write(async (tx) => {
      const floatingIp = await this.#floatingIps.claim(tx, subject, floatingIpId);
      const before = await this.get(subject, floatingIpId, id, tx);
      const given = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
      // Another port has other addresses.
      const isElsewhere = changes.internalPortId !== undefined && changes.internalPortId !== before.internalPortId;
      const internalAddress = changes.internalAddress ?? (isElsewhere ? undefined : before.internalAddress);
      const wanted = await this.#settle(tx, subject, floatingIp, { ...before, ...given, internalAddress });
      await tx
        .updateTable('port_forwardings')
        .set((eb) => ({
          ...columnsOf(wanted),
          updated_at: this.#core.env.now(),
          revision: eb('revision', '+', 1),
        }))
        .where('id', '=', id)
        .execute();
      return await this.get(subject, floatingIpId, id, tx);
    });
  }

  delete(subject: Subject, floatingIpId: string, id: string): Promise<void> {
    return this.#core.db.write((tx) => this.deleteIn(tx, subject, floatingIpId, id));
  }

  /** As `delete`, together with what else the transaction does. */
  async deleteIn(tx: Tx, subject: Subject, floatingIpId: string, id: string): Promise<void> {
    await this.#floatingIps.claim(tx, subject, floatingIpId);
    await this.get(subject, floatingIpId, id, tx);
    await tx.deleteFrom('port_forwardings').where('id', '=', id).execute();
    await settleForwardingRouter(tx, [floatingIpId]);
  }

  /** Checks it against all others of the floating IP, which is locked, and leads the floating IP to its router. */
  async #settle(
    tx: Tx,
    subject: Subject,
    floatingIp: FloatingIp,
    input: NewPortForwarding & { id: string; projectId: string },
  ): Promise<Settled> {
    const { external, internal, protocol } = input;
    checkRanges(external, internal);
    const port = await this.#ports.get(subject, input.internalPortId, tx);
    if (port.projectId !== floatingIp.projectId) throw bad(`port ${port.id} belongs to a different project`);
    const fixed = fixedIpOf(port, input.internalAddress);
    const routerId = await this.#floatingIps.routerBetween(tx, floatingIp.networkId, fixed, port.id);
    const rows = await tx
      .selectFrom('port_forwardings')
      .selectAll()
      .where('floating_ip_id', '=', floatingIp.id)
      .where('protocol', '=', protocol)
      .where('id', '<>', input.id)
      .execute();
    for (const other of rows.map(portForwardingOf)) {
      const isSameGuest = other.internalPortId === port.id && other.internalAddress === fixed.ipAddress;
      if (!overlaps(other.external, external) && !(isSameGuest && overlaps(other.internal, internal))) continue;
      throw bad(
        `A duplicate port forwarding entry with same attributes already exists, conflicting values are ${JSON.stringify({ floatingip_id: floatingIp.id, protocol, external_port: other.external.first })}`,
      );
    }
    const listener = protocol === 'tcp' && (await listenerOn(tx, floatingIp.id, external));
    if (listener)
      throw bad(`port ${listener.port} of the floating IP is that of the load balancer listener ${listener.id}`);
    await this.#requireSingleRouter(tx, floatingIp, routerId, input.id);
    await this.#refuseWholeAddress(tx, floatingIp, port.id, fixed.ipAddress);
    await tx.updateTable('floating_ips').set({ router_id: routerId }).where('id', '=', floatingIp.id).execute();
    return {
      ...{ id: input.id, projectId: input.projectId, description: input.description ?? '' },
      ...{ floatingIpId: floatingIp.id, protocol, external, internal },
      ...{ internalPortId: port.id, internalAddress: fixed.ipAddress },
    };
  }

  /** Only one router can have the address. */
  async #requireSingleRouter(tx: Tx, floatingIp: FloatingIp, routerId: string, ownId: string): Promise<void> {
    if (floatingIp.routerId === null || floatingIp.routerId === routerId) return;
    const others = tx.selectFrom('port_forwardings').select('id').where('floating_ip_id', '=', floatingIp.id);
    const balanced = tx.selectFrom('floating_ips').select('id').where('id', '=', floatingIp.id);
    const needed =
      (await others.where('id', '<>', ownId).executeTakeFirst()) ??
      (await balanced.where(hasMembers(sql.ref('floating_ips.id'))).executeTakeFirst());
    if (!needed) return;
    throw bad(`Floating IP ${floatingIp.id} is on router ${floatingIp.routerId} already, not on ${routerId}`);
  }

  async #refuseWholeAddress(tx: Tx, floatingIp: FloatingIp, portId: string, address: string): Promise<void> {
    const whole = await tx
      .selectFrom('floating_ips')
      .select('id')
      .where('port_id', '=', portId)
      .where('fixed_ip_address', '=', address)
      .where('network_id', '=', floatingIp.networkId)
      .executeTakeFirst();
    if (!whole) return;
    const message = `Cannot create port forwarding to floating IP ${floatingIp.address} (${floatingIp.id}) with port ${portId} using fixed IP ${address}, as that port already has a binding floating IP.`;
    throw new CloudError('conflict', message, {
      resource: 'port',
      id: portId,
      reason: 'port_has_binding_floating_i_p',
    });
  }
}

function columnsOf(one: Settled) {
  return {
    id: one.id,
    project_id: one.projectId,
    description: one.description,
    floating_ip_id: one.floatingIpId,
    internal_port_id: one.internalPortId,
    internal_address: one.internalAddress,
    protocol: one.protocol,
    external_port: one.external.first,
    external_port_end: one.external.last,
    internal_port: one.internal.first,
    internal_port_end: one.internal.last,
  };
}

/** As many ports on either side, or one inside (as Neutron has it). */
function checkRanges(external: PortRange, internal: PortRange): void {
  for (const { first, last } of [external, internal]) {
    if (first < 1 || last > lastPort || first > last) throw bad(`${first}:${last} is no range of ports`);
  }
  const inside = internal.last - internal.first;
  if (inside > 0 && inside !== external.last - external.first)
    throw bad('the ranges of internal and external ports have different sizes');
}

function fixedIpOf(port: Port, wanted: string | undefined) {
  const own = port.fixedIps.filter(({ ipAddress }) => !ipAddress.includes(':'));
  const [first, ...more] = own;
  const found = wanted === undefined ? first : own.find(({ ipAddress }) => ipAddress === wanted);
  if (!found) throw bad(`port ${port.id} has no IPv4 address${wanted === undefined ? '' : ` ${wanted}`}`);
  if (wanted === undefined && more.length > 0) throw bad(`port ${port.id} has several IPv4 addresses: name one`);
  return found;
}

function bad(what: string): CloudError {
  return new CloudError('invalid', `Bad port_forwarding request: ${what}.`, { reason: 'bad_request' });
}

function portForwardingNotFound(id: string): CloudError {
  return notFound('port_forwarding', id, `Port Forwarding ${id} could not be found.`);
}
