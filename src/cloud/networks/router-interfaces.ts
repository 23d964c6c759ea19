import type { Queryable, Tx } from '../../database/database.ts';
import type { CloudCore } from '../core.ts';
import { CloudError } from '../errors.ts';
import type { Subject } from '../identity/subject.ts';
import { inRange, parseCidr, parseIp, rangesOverlap } from './ip.ts';
import type { Port, Subnet } from './model.ts';
import { operator } from './operator.ts';
import type { Ports } from './ports.ts';
import {
  badRouterRequest,
  interfaceInUseByFloatingIp,
  interfaceInUseByRoute,
  interfaceNotFound,
  interfaceNotFoundForSubnet,
  subnetMismatch,
} from './router-failures.ts';
import type { Router } from './router-model.ts';
import type { Routers } from './routers.ts';
import type { Subnets } from './subnets.ts';

const interfacePortOwner = 'network:router_interface';

/** By its subnet, whose gateway the router becomes, or by a port that exists. */
export interface RouterInterfaceRequest {
  subnetId?: string;
  portId?: string;
}

export interface RouterInterface {
  routerId: string;
  projectId: string;
  portId: string;
  networkId: string;
  subnetIds: string[];
}

interface InterfaceRow {
  portId: string;
  networkId: string;
  subnetId: string;
  address: string;
  cidr: string;
}

/** Connects routers to the networks of projects. */
export class RouterInterfaces {
  readonly #core: CloudCore;
  readonly #routers: Routers;
  readonly #ports: Ports;
  readonly #subnets: Subnets;

  constructor(core: CloudCore, routers: Routers, ports: Ports, subnets: Subnets) {
    this.#core = core;
    this.#routers = routers;
    this.#ports = ports;
    this.#subnets = subnets;
  }

  add(subject: Subject, routerId: string, request: RouterInterfaceRequest): Promise<RouterInterface> {
    return this.#core.db.write((tx) => this.addIn(tx, subject, routerId, request));
  }

  async addIn(tx: Tx, subject: Subject, routerId: string, request: RouterInterfaceRequest): Promise<RouterInterface> {
    const router = await this.#routers.claim(tx, subject, routerId);
    const { subnetId, portId } = request;
    if (subnetId !== undefined && portId !== undefined) {
      throw badRouterRequest('router', 'Cannot specify both subnet-id and port-id');
    }
    if (subnetId !== undefined) return this.#addSubnet(tx, subject, router, subnetId);
    if (portId !== undefined) return this.#addPort(tx, subject, router, portId);
    throw badRouterRequest('router', 'Either subnet_id or port_id must be specified');
  }

  /** Throws `conflict` while floating IPs or routes need the interface. */
  remove(subject: Subject, routerId: string, request: RouterInterfaceRequest): Promise<RouterInterface> {
    return this.#core.db.write((tx) => this.removeIn(tx, subject, routerId, request));
  }

  async removeIn(
    tx: Tx,
    subject: Subject,
    routerId: string,
    { subnetId, portId }: RouterInterfaceRequest,
  ): Promise<RouterInterface> {
    const router = await this.#routers.claim(tx, subject, routerId);
    if (subnetId === undefined && portId === undefined) {
      throw badRouterRequest('router', 'Either subnet_id or port_id must be specified');
    }
    const rows = await interfacesOf(tx, routerId);
    const row = rows.find((one) => (portId === undefined ? one.subnetId === subnetId : one.portId === portId));
    if (!row)
      throw portId === undefined
        ? interfaceNotFoundForSubnet(routerId, subnetId!)
        : interfaceNotFound(routerId, portId);
    const own = rows.filter((one) => one.portId === row.portId);
    if (subnetId !== undefined && !own.some((one) => one.subnetId === subnetId))
      throw subnetMismatch(row.portId, subnetId);
    const gone = portId === undefined ? own.filter((one) => one.subnetId === subnetId) : own;
    for (const one of gone) await this.#refuseWhileNeeded(tx, router, one);
    if (gone.length < own.length) {
      const fixedIps = own
        .filter((one) => !gone.includes(one))
        .map((one) => ({ subnetId: one.subnetId, ipAddress: one.address }));
      await this.#ports.updateIn(tx, operator(router.projectId), row.portId, { fixedIps });
    } else await this.#ports.removeIn(tx, row.portId);
    return interfaceOf(
      router,
      row.portId,
      row.networkId,
      gone.map((one) => one.subnetId),
    );
  }

  async #addSubnet(tx: Tx, subject: Subject, router: Router, subnetId: string): Promise<RouterInterface> {
    const subnet = await this.#subnets.get(subject, subnetId, tx);
    if (subnet.gatewayIp === null)
      throw badRouterRequest('router', 'Subnet for router interface must have a gateway IP');
    await refuseOverlap(tx, router, [subnet]);
    const present = subnet.ipVersion === 6 ? await this.#ipv6Port(tx, router, subnet.networkId) : undefined;
    if (present) {
      const fixedIps = [...present.fixedIps, { subnetId, ipAddress: subnet.gatewayIp }];
      await this.#ports.updateIn(tx, operator(router.projectId), present.id, { fixedIps });
      return interfaceOf(router, present.id, subnet.networkId, [subnetId]);
    }
    const port = await this.#ports.createIn(
      tx,
      operator(router.projectId),
      {
        projectId: router.projectId,
        networkId: subnet.networkId,
        deviceId: router.id,
        deviceOwner: interfacePortOwner,
        fixedIps: [{ subnetId, ipAddress: subnet.gatewayIp }],
      },
      { status: 'ACTIVE' },
    );
    return interfaceOf(router, port.id, port.networkId, [subnetId]);
  }

  /** Of several IPv6 subnets on one network a router has one port. */
  async #ipv6Port(tx: Tx, router: Router, networkId: string): Promise<Port | undefined> {
    const rows = await interfacesOf(tx, router.id);
    const row = rows.find((one) => one.networkId === networkId && one.address.includes(':'));
    return row && (await this.#ports.get(operator(router.projectId), row.portId, tx));
  }

  async #addPort(tx: Tx, subject: Subject, router: Router, portId: string): Promise<RouterInterface> {
    const port = await this.#ports.get(subject, portId, tx);
    if (port.deviceId !== '') throw alreadyUsed(port);
    if (port.fixedIps.length === 0) throw badRouterRequest('router', 'A router port must have at least one fixed IP');
    const subnets: Subnet[] = [];
    for (const { subnetId } of port.fixedIps) subnets.push(await this.#subnets.get(subject, subnetId, tx));
    await refuseOverlap(tx, router, subnets);
    await tx.deleteFrom('port_security_groups').where('port_id', '=', portId).execute();
    // Guarded, so that of two who want the port at once only one gets it.
    const taken = await tx
      .updateTable('ports')
      .set({
        device_id: router.id,
        device_owner: interfacePortOwner,
        status: 'ACTIVE',
        port_security: 0,
        allowed_address_pairs: '[]',
        updated_at: this.#core.env.now(),
      })
      .where('id', '=', portId)
      .where('device_id', '=', '')
      .returning('id')
      .executeTakeFirst();
    if (!taken) throw alreadyUsed(port);
    return interfaceOf(
      router,
      portId,
      port.networkId,
      port.fixedIps.map(({ subnetId }) => subnetId),
    );
  }

  async #refuseWhileNeeded(tx: Tx, router: Router, { subnetId, cidr }: InterfaceRow): Promise<void> {
    const floating = await tx
      .selectFrom('floating_ips')
      .innerJoin('port_addresses', (join) =>
        join
          .onRef('port_addresses.port_id', '=', 'floating_ips.port_id')
          .onRef('port_addresses.ip_address', '=', 'floating_ips.fixed_ip_address'),
      )
      .select('floating_ips.id')
      .where('floating_ips.router_id', '=', router.id)
      .where('port_addresses.subnet_id', '=', subnetId)
      .limit(1)
      .execute();
    const forwarded = await tx
      .selectFrom('port_forwardings')
      .innerJoin('floating_ips', 'floating_ips.id', 'port_forwardings.floating_ip_id')
      .innerJoin('port_addresses', (join) =>
        join
          .onRef('port_addresses.port_id', '=', 'port_forwardings.internal_port_id')
          .onRef('port_addresses.ip_address', '=', 'port_forwardings.internal_address'),
      )
      .select('port_forwardings.id')
      .where('floating_ips.router_id', '=', router.id)
      .where('port_addresses.subnet_id', '=', subnetId)
      .limit(1)
      .execute();
    const balanced = await tx
      .selectFrom('load_balancer_members')
      .innerJoin('load_balancer_pools', 'load_balancer_pools.id', 'load_balancer_members.pool_id')
      .innerJoin('load_balancers', 'load_balancers.id', 'load_balancer_pools.load_balancer_id')
      .innerJoin('floating_ips', 'floating_ips.id', 'load_balancers.floating_ip_id')
      .innerJoin('port_addresses', 'port_addresses.port_id', 'load_balancer_members.port_id')
      .select('load_balancer_members.id')
      .where('floating_ips.router_id', '=', router.id)
      .where('port_addresses.subnet_id', '=', subnetId)
      .limit(1)
      .execute();
    if (floating.length + forwarded.length + balanced.length > 0) throw interfaceInUseByFloatingIp(router.id, subnetId);
    const range = parseCidr(cidr)!;
    if (router.routes.some(({ nexthop }) => inRange(range, parseIp(nexthop)!))) {
      throw interfaceInUseByRoute(router.id, subnetId);
    }
  }
}

/** The interfaces of a router, one for each of their addresses. */
export function interfacesOf(db: Queryable, routerId: string): Promise<InterfaceRow[]> {
  return db
    .selectFrom('ports')
    .innerJoin('port_addresses', 'port_addresses.port_id', 'ports.id')
    .innerJoin('subnets', 'subnets.id', 'port_addresses.subnet_id')
    .select([
      'ports.id as portId',
      'ports.network_id as networkId',
      'subnets.id as subnetId',
      'port_addresses.ip_address as address',
      'subnets.cidr',
    ])
    .where('ports.device_id', '=', routerId)
    .where('ports.device_owner', '=', interfacePortOwner)
    .orderBy('ports.created_at')
    .execute();
}

/** A router can't tell two networks apart that have addresses in common. */
async function refuseOverlap(tx: Tx, router: Router, subnets: readonly Subnet[]): Promise<void> {
  const present = (await interfacesOf(tx, router.id)).map(({ subnetId, cidr }) => ({ subnetId, cidr }));
  for (const { subnetId } of router.gateway?.fixedIps ?? []) {
    const outside = await tx.selectFrom('subnets').select('cidr').where('id', '=', subnetId).executeTakeFirstOrThrow();
    present.push({ subnetId, cidr: outside.cidr });
  }
  for (const { id, cidr } of subnets) {
    for (const other of present) {
      if (other.subnetId === id) throw badRouterRequest('router', `Router already has a port on subnet ${id}`);
      if (!rangesOverlap(parseCidr(cidr)!, parseCidr(other.cidr)!)) continue;
      const what = `Cidr ${cidr} of subnet ${id} overlaps with cidr ${other.cidr} of subnet ${other.subnetId}`;
      throw badRouterRequest('router', what);
    }
  }
}

function interfaceOf(router: Router, portId: string, networkId: string, subnetIds: string[]): RouterInterface {
  return { routerId: router.id, projectId: router.projectId, portId, networkId, subnetIds };
}

function alreadyUsed({ id, networkId, deviceId }: Port): CloudError {
  const message = `Unable to complete operation on port ${id} for network ${networkId}. Port already has an attached device ${deviceId}.`;
  return new CloudError('conflict', message, { resource: 'port', id, reason: 'port_in_use' });
}
