import type { Tx } from '../../database/database.ts';
import { notFound } from '../errors.ts';
import type { Subject } from '../identity/subject.ts';
import { adminOnly } from './failures.ts';
import { type FixedIp, flag } from './model.ts';
import { operator } from './operator.ts';
import { visibleNetwork } from './ownership.ts';
import type { FixedIpRequest } from './port-addressing.ts';
import type { Ports } from './ports.ts';
import { badRouterRequest, gatewayInUseByFloatingIp } from './router-failures.ts';
import type { Router } from './router-model.ts';

export interface GatewayRequest {
  networkId: string;
  /** Administrators only. Undefined for on, or as it is. */
  enableSnat?: boolean;
  /** Administrators only. */
  fixedIps?: readonly FixedIpRequest[];
}

/**
 * Whether the gateway has what is asked for already. A subnet without an address is content with whatever the gateway has
 * there, as in Neutron: who says the same again keeps the addresses.
 */
function isSame(present: readonly FixedIp[], wanted: readonly FixedIpRequest[]): boolean {
  const addresses = new Set(present.map(({ ipAddress }) => ipAddress));
  const subnets = new Set(present.map(({ subnetId }) => subnetId));
  const named = new Set(wanted.flatMap(({ ipAddress }) => ipAddress ?? []));
  const namedSubnets = new Set(wanted.flatMap(({ subnetId }) => subnetId ?? []));
  const isHad = wanted.every(({ subnetId, ipAddress }) =>
    ipAddress === undefined ? subnetId !== undefined && subnets.has(subnetId) : addresses.has(ipAddress),
  );
  const isAll = present.every(({ subnetId, ipAddress }) => named.has(ipAddress) || namedSubnets.has(subnetId));
  return isHad && isAll && (named.size === addresses.size || wanted.length === present.length);
}

const gatewayPortOwner = 'network:router_gateway';

/** Connects routers to external networks, in the transactions of the routers' own code. */
export class RouterGateways {
  readonly #ports: Ports;

  constructor(ports: Ports) {
    this.#ports = ports;
  }

  /** Makes the router's gateway so; its port stays the same where network and addresses do. */
  async set(tx: Tx, subject: Subject, router: Router, request: GatewayRequest): Promise<void> {
    if (!subject.isAdmin && request.enableSnat !== undefined)
      throw adminOnly('choose whether a router translates addresses');
    if (!subject.isAdmin && request.fixedIps !== undefined) throw adminOnly("choose a router's external addresses");
    await this.#requireExternal(tx, subject, request.networkId);
    const { gateway } = router;
    const keepsPort =
      gateway?.networkId === request.networkId &&
      (request.fixedIps === undefined || isSame(gateway.fixedIps, request.fixedIps));
    if (!keepsPort) {
      if (router.gateway) await this.#release(tx, router, request.networkId);
      await this.#connect(tx, router, request);
    }
    if (request.enableSnat === undefined) return;
    await tx
      .updateTable('routers')
      .set({ enable_snat: flag(request.enableSnat) })
      .where('id', '=', router.id)
      .execute();
  }

  /** Throws `conflict` while floating IPs need the gateway. */
  async clear(tx: Tx, router: Router): Promise<void> {
    if (!router.gateway) return;
    await this.#release(tx, router, undefined);
    await tx.updateTable('routers').set({ enable_snat: 1 }).where('id', '=', router.id).execute();
  }

  async #connect(tx: Tx, router: Router, { networkId, fixedIps }: GatewayRequest): Promise<void> {
    const port = await this.#ports.createIn(
      tx,
      operator(router.projectId),
      // Nobody's: the project sees its router's addresses, not a port on a network that is not its own.
      { projectId: '', networkId, deviceId: router.id, deviceOwner: gatewayPortOwner, fixedIps },
      { status: 'ACTIVE' },
    );
    await tx.updateTable('routers').set({ gateway_port_id: port.id }).where('id', '=', router.id).execute();
  }

  async #release(tx: Tx, router: Router, next: string | undefined): Promise<void> {
    const { networkId, portId } = router.gateway!;
    if (next !== networkId) {
      const used = await tx
        .selectFrom('floating_ips')
        .select('id')
        .where('router_id', '=', router.id)
        .limit(1)
        .execute();
      if (used.length > 0) throw gatewayInUseByFloatingIp(router.id, networkId);
    }
    await tx.updateTable('routers').set({ gateway_port_id: null }).where('id', '=', router.id).execute();
    await this.#ports.removeIn(tx, portId);
  }

  async #requireExternal(tx: Tx, subject: Subject, networkId: string): Promise<void> {
    const network = await tx
      .selectFrom('networks')
      .select('external')
      .where('id', '=', networkId)
      .where(visibleNetwork(subject))
      .executeTakeFirst();
    if (!network) throw notFound('network', networkId);
    if (network.external === 0) throw badRouterRequest('router', `Network ${networkId} is not an external network`);
  }
}
