import type { Tx } from '../../database/database.ts';
import { statement } from '../../database/statement.ts';
import { CloudError } from '../errors.ts';
import type { AddressAllocation } from './address-allocation.ts';
import { invalidInput, ipAddressInUse, noAddressLeft } from './failures.ts';
import { canonicalIp, eui64, type IpRange, inRange, leaveOutRanges, parseCidr, parseIp } from './ip.ts';
import { type FixedIp, type Port, type Subnet, subnetOf } from './model.ts';
import { reservedRangesOf } from './reserved-ranges.ts';
import { isHostAddress, makesOwnAddresses, poolRanges } from './subnet-plan.ts';

/** An address that a port asks for: of a subnet, by number, or both. */
export type FixedIpRequest = Partial<FixedIp>;

/** The addresses that a port is to have: said, or made of what it has when nobody else can change it any more. */
export type PortAddresses = readonly FixedIpRequest[] | ((port: Port) => readonly FixedIpRequest[]);

/** Addresses of one port at most, as Neutron has it by default. */
const maxFixedIps = 5;

/** What of a port decides on its addresses. */
export interface AddressedPort {
  id: string;
  networkId: string;
  macAddress: string;
  deviceOwner: string;
}

/** Where a port may get addresses: a network's subnets, without what is reserved of them. */
interface Space {
  subnets: readonly Subnet[];
  reserved: readonly IpRange[];
}

/** Gives ports their addresses, by what was asked for. */
export class PortAddressing {
  readonly #addresses: AddressAllocation;

  constructor(addresses: AddressAllocation) {
    this.#addresses = addresses;
  }

  /**
   * Gives a new port its addresses; with nothing asked for, one of each family from the first subnet that has one left,
   * or none on a network without subnets. Beside them it gets those that its guest will make itself (SLAAC). A router's
   * port may have a subnet's gateway address.
   */
  async assign(tx: Tx, port: AddressedPort, asked: readonly FixedIpRequest[] | undefined): Promise<FixedIp[]> {
    const space = await spaceOf(tx, port.networkId);
    const assigned = asked ? await this.#assignAsked(tx, port, space, asked) : await this.#assignAny(tx, port, space);
    if (isOfRouter(port) || asked?.length === 0) return assigned;
    for (const subnet of ownAddressed(space)) {
      if (assigned.some(({ subnetId }) => subnetId === subnet.id)) continue;
      assigned.push(await this.#takeOwn(tx, port, subnet));
    }
    return assigned;
  }

  /** Gives a port that exists the address that its guest makes itself on a subnet that is new. */
  async assignOwn(tx: Tx, port: AddressedPort, subnet: Subnet): Promise<FixedIp> {
    return this.#takeOwn(tx, port, subnet);
  }

  /**
   * Changes a port's addresses to those asked for. A request that an address of the port meets already keeps it, and those
   * that its guest makes itself stay, as nobody could tell the guest not to.
   */
  async reassign(
    tx: Tx,
    port: AddressedPort & { fixedIps: readonly FixedIp[] },
    asked: readonly FixedIpRequest[],
  ): Promise<FixedIp[]> {
    const kept: FixedIp[] = [];
    const wanted: FixedIpRequest[] = [];
    for (const request of asked) {
      const match = port.fixedIps.find((fixedIp) => !kept.includes(fixedIp) && meets(fixedIp, request));
      if (match) kept.push(match);
      else wanted.push(request);
    }
    if (asked.length > maxFixedIps) throw tooMany();
    const space = await spaceOf(tx, port.networkId);
    const own = new Set(isOfRouter(port) ? [] : ownAddressed(space).map(({ id }) => id));
    const others = port.fixedIps.filter((fixedIp) => !kept.includes(fixedIp));
    const given = others.filter(({ subnetId }) => !own.has(subnetId)).map(({ ipAddress }) => ipAddress);
    await this.#addresses.release(tx, port.id, given);
    const made = others.filter(({ subnetId }) => own.has(subnetId));
    return [...kept, ...made, ...(await this.#assignAsked(tx, port, space, wanted))];
  }

  release(tx: Tx, portId: string): Promise<void> {
    return this.#addresses.release(tx, portId);
  }

  async #assignAny(tx: Tx, port: AddressedPort, space: Space): Promise<FixedIp[]> {
    const assigned: FixedIp[] = [];
    const usual = space.subnets.filter(
      ({ serviceTypes, ipv6AddressMode }) =>
        !makesOwnAddresses(ipv6AddressMode) && (serviceTypes.length === 0 || serviceTypes.includes(port.deviceOwner)),
    );
    for (const version of [4, 6]) {
      const ofFamily = usual.filter(({ ipVersion }) => ipVersion === version);
      let taken: FixedIp | undefined;
      for (const subnet of ofFamily) {
        const ipAddress = taken ? undefined : await this.#takeLowest(tx, port, subnet, space);
        if (ipAddress) taken = { subnetId: subnet.id, ipAddress };
      }
      if (ofFamily.length > 0 && !taken) throw noAddressLeft(port.networkId);
      if (taken) assigned.push(taken);
    }
    return assigned;
  }

  async #assignAsked(
    tx: Tx,
    port: AddressedPort,
    { subnets, reserved }: Space,
    asked: readonly FixedIpRequest[],
  ): Promise<FixedIp[]> {
    if (asked.length > maxFixedIps) throw tooMany();
    const assigned: FixedIp[] = [];
    // Those asked for by number first, so that none of them is taken by a request that any address would meet.
    for (const { subnetId, ipAddress: text } of asked) {
      if (text === undefined) continue;
      const ipAddress = canonicalIp(text) ?? text;
      const subnet = subnetFor(port.networkId, subnets, subnetId, ipAddress);
      if (ipAddress === subnet.gatewayIp && !isOfRouter(port)) throw ipAddressInUse(port.networkId, ipAddress);
      if (ipAddress !== subnet.gatewayIp) refuseReserved(port, reserved, ipAddress);
      if (!isOfRouter(port) && makesOwnAddresses(subnet.ipv6AddressMode)) refuseOther(port, subnet, ipAddress);
      await this.#addresses.take(tx, taker(port, subnet), ipAddress);
      assigned.push({ subnetId: subnet.id, ipAddress });
    }
    for (const { subnetId, ipAddress } of asked) {
      if (ipAddress !== undefined) continue;
      if (subnetId === undefined) throw invalidInput('IP allocation requires subnet_id or ip_address', 'fixed_ips');
      const subnet = subnetFor(port.networkId, subnets, subnetId, undefined);
      if (!isOfRouter(port) && makesOwnAddresses(subnet.ipv6AddressMode)) {
        assigned.push(await this.#takeOwn(tx, port, subnet));
        continue;
      }
      const taken = await this.#takeLowest(tx, port, subnet, { reserved });
      if (!taken) throw noAddressLeft(port.networkId);
      assigned.push({ subnetId: subnet.id, ipAddress: taken });
    }
    return assigned;
  }

  async #takeOwn(tx: Tx, port: AddressedPort, subnet: Subnet): Promise<FixedIp> {
    const ipAddress = eui64(parseCidr(subnet.cidr)!, port.macAddress);
    await this.#addresses.take(tx, taker(port, subnet), ipAddress);
    return { subnetId: subnet.id, ipAddress };
  }

  #takeLowest(
    tx: Tx,
    port: AddressedPort,
    subnet: Subnet,
    { reserved }: Pick<Space, 'reserved'>,
  ): Promise<string | undefined> {
    const pools = leaveOutRanges(poolRanges(subnet.allocationPools), reserved);
    return this.#addresses.takeLowest(tx, taker(port, subnet), pools);
  }
}

/** Where guests make up their addresses themselves. */
function ownAddressed({ subnets }: Space): Subnet[] {
  return subnets.filter(({ ipv6AddressMode }) => makesOwnAddresses(ipv6AddressMode));
}

function isOfRouter({ deviceOwner }: AddressedPort): boolean {
  return deviceOwner.startsWith('network:router_');
}

/** Where guests make up their addresses themselves, nobody can choose another one for them. */
function refuseOther(port: AddressedPort, subnet: Subnet, ipAddress: string): void {
  if (ipAddress === eui64(parseCidr(subnet.cidr)!, port.macAddress)) return;
  const message = `IPv6 address ${ipAddress} can not be directly assigned to a port on subnet ${subnet.id} as the subnet is configured for automatic addresses`;
  throw new CloudError('invalid', message, { reason: 'allocation_on_auto_address_subnet' });
}

/** Reserved addresses are given to nothing; a router may still have a subnet's gateway address. */
function refuseReserved(port: AddressedPort, reserved: readonly IpRange[], ipAddress: string): void {
  const ip = parseIp(ipAddress)!;
  if (reserved.some((range) => inRange(range, ip))) throw ipAddressInUse(port.networkId, ipAddress);
}

/**
 * The subnets are held until the transaction ends, and only then read what is reserved: whoever reserves addresses waits
 * for them before looking at which are used, so that neither misses the other.
 */
async function spaceOf(tx: Tx, networkId: string): Promise<Space> {
  const subnets = (await heldSubnets.all(tx, { networkId })).map(subnetOf);
  const rows = subnets.length === 0 ? [] : await reservedRangesOf(tx, networkId);
  return { subnets, reserved: rows };
}

const heldSubnets = statement((db, { networkId }: { networkId: string }) => {
  const query = db.selectFrom('subnets').selectAll().where('network_id', '=', networkId);
  return query.orderBy('created_at').orderBy('id').forKeyShare();
});

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
  if (ipAddress !== undefined && (canonicalIp(ipAddress) ?? ipAddress) !== fixedIp.ipAddress) return false;
  return subnetId === undefined ? ipAddress !== undefined : subnetId === fixedIp.subnetId;
}

function taker(port: AddressedPort, subnet: Subnet) {
  return { portId: port.id, networkId: port.networkId, subnetId: subnet.id };
}

function tooMany(): CloudError {
  return invalidInput(`Exceeded maximum amount of fixed ips per port: ${maxFixedIps}.`, 'fixed_ips');
}
