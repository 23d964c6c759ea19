import type { Queryable, Tx } from '../../database/database.ts';
import { CloudError } from '../errors.ts';
import type { AddressAllocation } from './address-allocation.ts';
import { invalidInput, ipAddressInUse, noAddressLeft } from './failures.ts';
import { type FixedIp, type Subnet, subnetOf } from './model.ts';
import { poolRanges } from './subnet-plan.ts';
import { isHostAddress } from './subnets.ts';

/** An address that a port asks for: of a subnet, by number, or both. */
export type FixedIpRequest = Partial<FixedIp>;

/** Addresses of one port at most, as Neutron has it by default. */
const maxFixedIps = 5;

/** Gives ports their addresses, by what was asked for. */
export class PortAddressing {
  readonly #addresses: AddressAllocation;

  constructor(addresses: AddressAllocation) {
    this.#addresses = addresses;
  }

  /**
   * Gives a new port its addresses; with nothing asked for, one from the first subnet that has one left, or none on a
   * network without subnets. A router's port may have a subnet's gateway address.
   */
  async assign(
    tx: Tx,
    port: { id: string; networkId: string },
    asked: readonly FixedIpRequest[] | undefined,
    mayBeGateway = false,
  ): Promise<FixedIp[]> {
    const subnets = await subnetsOf(tx, port.networkId);
    if (asked) return this.#assignAsked(tx, port, subnets, asked, mayBeGateway);
    for (const subnet of subnets) {
      const ipAddress = await this.#takeLowest(tx, port, subnet);
      if (ipAddress) return [{ subnetId: subnet.id, ipAddress }];
    }
    if (subnets.length > 0) throw noAddressLeft(port.networkId);
    return [];
  }

  /** Changes a port's addresses to those asked for. A request that an address of the port meets already keeps it. */
  async reassign(
    tx: Tx,
    port: { id: string; networkId: string; fixedIps: readonly FixedIp[] },
    asked: readonly FixedIpRequest[],
  ): Promise<FixedIp[]> {
    const kept: FixedIp[] = [];
    const wanted: FixedIpRequest[] = [];
    for (const request of asked) {
      const match = port.fixedIps.find((fixedIp) => !kept.includes(fixedIp) && meets(fixedIp, request));
      if (match) kept.push(match);
      else wanted.push(request);
    }
    const given = port.fixedIps.filter((fixedIp) => !kept.includes(fixedIp)).map(({ ipAddress }) => ipAddress);
    if (asked.length > maxFixedIps) throw tooMany();
    await this.#addresses.release(tx, port.id, given);
    return [...kept, ...(await this.#assignAsked(tx, port, await subnetsOf(tx, port.networkId), wanted))];
  }

  release(tx: Tx, portId: string): Promise<void> {
    return this.#addresses.release(tx, portId);
  }

  async #assignAsked(
    tx: Tx,
    port: { id: string; networkId: string },
    subnets: readonly Subnet[],
    asked: readonly FixedIpRequest[],
    mayBeGateway = false,
  ): Promise<FixedIp[]> {
    if (asked.length > maxFixedIps) throw tooMany();
    const assigned: FixedIp[] = [];
    // Those asked for by number first, so that none of them is taken by a request that any address would meet.
    for (const { subnetId, ipAddress } of asked) {
      if (ipAddress === undefined) continue;
      const subnet = subnetFor(port.networkId, subnets, subnetId, ipAddress);
      if (ipAddress === subnet.gatewayIp && !mayBeGateway) throw ipAddressInUse(port.networkId, ipAddress);
      await this.#addresses.take(tx, taker(port, subnet), ipAddress);
      assigned.push({ subnetId: subnet.id, ipAddress });
    }
    for (const { subnetId, ipAddress } of asked) {
      if (ipAddress !== undefined) continue;
      if (subnetId === undefined) throw invalidInput('IP allocation requires subnet_id or ip_address', 'fixed_ips');
      const subnet = subnetFor(port.networkId, subnets, subnetId, undefined);
      const taken = await this.#takeLowest(tx, port, subnet);
      if (!taken) throw noAddressLeft(port.networkId);
      assigned.push({ subnetId: subnet.id, ipAddress: taken });
    }
    return assigned;
  }

  #takeLowest(tx: Tx, port: { id: string; networkId: string }, subnet: Subnet): Promise<string | undefined> {
    return this.#addresses.takeLowest(tx, taker(port, subnet), poolRanges(subnet.allocationPools));
  }
}

async function subnetsOf(db: Queryable, networkId: string): Promise<Subnet[]> {
  const query = db.selectFrom('subnets').selectAll().where('network_id', '=', networkId);
  return (await query.orderBy('created_at').orderBy('id').execute()).map(subnetOf);
}

/** The subnet that a request means. Throws `invalid` when the network has none such. */
function subnetFor(
  networkId: string,
  subnets: readonly Subnet[],
  subnetId: string | undefined,
  ipAddress: string | undefined,
): Subnet {
  if (subnetId === undefined) {
    const found = subnets.find((subnet) => isHostAddress(subnet, ipAddress!));
    if (found) return found;
    const message = `IP address ${ipAddress} is not a valid IP for any of the subnets on the specified network.`;
    throw new CloudError('invalid', message, { reason: 'invalid_ip_for_network' });
  }
  const subnet = subnets.find(({ id }) => id === subnetId);
  if (!subnet) {
    throw invalidInput(
      `Failed to create port on network ${networkId}, because fixed_ips included invalid subnet ${subnetId}`,
      'fixed_ips',
    );
  }
  if (ipAddress !== undefined && !isHostAddress(subnet, ipAddress)) {
    const message = `IP address ${ipAddress} is not a valid IP for the specified subnet.`;
    throw new CloudError('invalid', message, { reason: 'invalid_ip_for_subnet' });
  }
  return subnet;
}

function meets(fixedIp: FixedIp, { subnetId, ipAddress }: FixedIpRequest): boolean {
  if (ipAddress !== undefined && ipAddress !== fixedIp.ipAddress) return false;
  return subnetId === undefined ? ipAddress !== undefined : subnetId === fixedIp.subnetId;
}

function taker(port: { id: string; networkId: string }, subnet: Subnet) {
  return { portId: port.id, networkId: port.networkId, subnetId: subnet.id };
}

function tooMany(): CloudError {
  return invalidInput(`Exceeded maximum amount of fixed ips per port: ${maxFixedIps}.`, 'fixed_ips');
}
