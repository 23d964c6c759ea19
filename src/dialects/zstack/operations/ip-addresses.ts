import { Type as T } from 'typebox';
import type { Cloud } from '../../../cloud/cloud.ts';
import { contains, countAddresses, formatIpv4, type Ipv4Range, parseIpv4 } from '../../../cloud/networks/addresses.ts';
import { inRange, leaveOutRanges, parseIp } from '../../../cloud/networks/ip.ts';
import type { Subnet } from '../../../cloud/networks/model.ts';
import { poolRanges } from '../../../cloud/networks/subnet-plan.ts';
import { usedIp } from '../inventories/used-ip.ts';
import { booleanField, textField, uuidField, uuidIn } from '../protocol/field-schemas.ts';
import { syncOperation } from '../protocol/operation.ts';
import { invalidArgument } from '../protocol/zstack-error.ts';
import { ofClass } from '../query/java-classes.ts';
import { queryOperations } from '../query/query-operations.ts';
import { ipRangeExample, l3Example } from './l3-examples.ts';
import { l3NetworkNamed } from './l3-words.ts';
import { nicExample } from './nic-examples.ts';

const group = 'L3 Network';
const shared = { group, package: 'header.network.l3', since: '0.6', allow: 'reader' } as const;
const usualLimit = 100;
const maxLimit = 1000;

/** The IPv4 addresses of subnets that can be given out: those of their pools that are not reserved, by subnet. */
async function poolsOf(cloud: Cloud, subnets: readonly Subnet[]): Promise<Map<string, Ipv4Range[]>> {
  const reserved = await cloud.networks.reservedRanges.of([...new Set(subnets.map(({ networkId }) => networkId))]);
  const pools = subnets
    .filter(({ ipVersion }) => ipVersion === 4)
    .map(({ id, networkId, allocationPools }) => {
      const others = poolRanges(reserved.filter((range) => range.networkId === networkId));
      const left = leaveOutRanges(poolRanges(allocationPools), others);
      return [id, left.map(({ first, last }) => ({ first: Number(first), last: Number(last) }))] as const;
    });
  return new Map(pools);
}

const freeIpFields = {
  start: textField('The address after which to begin.', 64),
  ipVersion: textField('4, the only one offered.'),
  limit: textField('The most addresses to give; 100 where it is left out.'),
};
const freeIps = {
  ...shared,
  method: 'GET',
  response: T.Object({
    inventories: T.Array(
      T.Object(
        { ipRangeUuid: T.String(), ip: T.String(), netmask: T.String(), gateway: T.Optional(T.String()) },
        ofClass('org.zstack.header.network.l3.FreeIpInventory'),
      ),
    ),
  }),
  title: 'Get free addresses',
  summary: 'Addresses of a network or range that nothing has, lowest first.',
} as const;
const freeIpAnswer = {
  inventories: [{ ipRangeUuid: ipRangeExample.uuid, ip: '10.0.0.2', netmask: '255.255.255.0', gateway: '10.0.0.1' }],
};

/** The lowest free addresses of the subnets. */
async function freeAddresses(cloud: Cloud, subnets: readonly Subnet[], wanted: { start?: string; limit?: string }) {
  const limit = Math.min(Number(wanted.limit ?? usualLimit) || usualLimit, maxLimit);
  const from = wanted.start === undefined ? 0 : (parseIpv4(wanted.start) ?? 0);
  const inventories = [];
  const pools = await poolsOf(cloud, subnets);
  for (const subnet of subnets) {
    const used = new Set(await cloud.l3Networks.usedAddresses([subnet.id]));
    const bits = Number(subnet.cidr.split('/')[1]);
    const netmask = formatIpv4((0xffffffff << (32 - bits)) >>> 0);
    for (const { first, last } of pools.get(subnet.id) ?? []) {
      for (let next = Math.max(first, from); next <= last && inventories.length < limit; next += 1) {
        const ip = formatIpv4(next);
        if (used.has(ip)) continue;
        const gateway = subnet.gatewayIp ?? undefined;
        inventories.push({ ipRangeUuid: subnet.id, ip, netmask, ...(gateway === undefined ? {} : { gateway }) });
      }
    }
  }
  return { inventories };
}

const getFreeIp = syncOperation({
  ...freeIps,
  id: 'GetFreeIp',
  path: '/l3-networks/ip/free',
  query: T.Object({
    l3NetworkUuid: uuidField('The network.'),
    ipRangeUuid: uuidField('The range.'),
    ...freeIpFields,
  }),
  examples: [
    { title: 'One', query: { l3NetworkUuid: l3Example.uuid, limit: '1' }, status: 200, response: freeIpAnswer },
  ],
  handle: async ({ cloud, subject, input }) => {
    const { l3NetworkUuid = '', ipRangeUuid } = input;
    const subnets = ipRangeUuid
      ? [await cloud.networks.subnets.get(subject, ipRangeUuid)]
      : (await l3NetworkNamed(cloud, subject, 'l3NetworkUuid', l3NetworkUuid)).subnets;
    return await freeAddresses(cloud, subnets, input);
  },
});

const getFreeIpOfL3Network = syncOperation({
  ...freeIps,
  id: 'GetFreeIpOfL3Network',
  path: '/l3-networks/{l3NetworkUuid}/ip/free',
  params: uuidIn('l3NetworkUuid', 'The network.'),
  query: T.Object(freeIpFields),
  examples: [
    {
      title: 'One',
      params: { l3NetworkUuid: l3Example.uuid },
      query: { limit: '1' },
      status: 200,
      response: freeIpAnswer,
    },
  ],
  handle: async ({ cloud, subject, input }) => {
    const { subnets } = await l3NetworkNamed(cloud, subject, 'l3NetworkUuid', input.l3NetworkUuid);
    return await freeAddresses(cloud, subnets, input);
  },
});

const getFreeIpOfIpRange = syncOperation({
  ...freeIps,
  id: 'GetFreeIpOfIpRange',
  path: '/l3-networks/ip-ranges/{ipRangeUuid}/ip/free',
  params: uuidIn('ipRangeUuid', 'The range.'),
  query: T.Object(freeIpFields),
  examples: [
    {
      title: 'One',
      params: { ipRangeUuid: ipRangeExample.uuid },
      query: { limit: '1' },
      status: 200,
      response: freeIpAnswer,
    },
  ],
  handle: async ({ cloud, subject, input }) => {
    return await freeAddresses(cloud, [await cloud.networks.subnets.get(subject, input.ipRangeUuid)], input);
  },
});

const checkIpAvailability = syncOperation({
  ...shared,
  id: 'CheckIpAvailability',
  method: 'GET',
  path: '/l3-networks/{l3NetworkUuid}/ip/{ip}/availability',
  params: T.Object({
    ...uuidIn('l3NetworkUuid', 'The network.').properties,
    ip: T.String({ maxLength: 64, description: 'The address.' }),
  }),
  query: T.Object({
    arpCheck: booleanField('Accepted.'),
    ipRangeCheck: booleanField('Whether it must be of a range.'),
  }),
  response: T.Object({ available: T.Boolean(), reason: T.Optional(T.String()) }),
  title: 'Check whether an address is free',
  summary: 'Whether a server could be given it.',
  examples: [
    {
      title: 'A free one',
      params: { l3NetworkUuid: l3Example.uuid, ip: '10.0.0.77' },
      status: 200,
      response: { available: true },
    },
  ],
  handle: async ({ cloud, subject, input: { l3NetworkUuid, ip } }) => {
    const { subnets } = await l3NetworkNamed(cloud, subject, 'l3NetworkUuid', l3NetworkUuid);
    const number = parseIpv4(ip);
    if (number === undefined) throw invalidArgument(`the IP[${ip}] is not a valid IPv4 address`);
    const pools = [...(await poolsOf(cloud, subnets)).values()].flat();
    if (!pools.some((range) => contains(range, number))) {
      const isReserved = poolRanges(subnets.flatMap(({ allocationPools }) => allocationPools)).some((range) =>
        inRange(range, parseIp(ip)!),
      );
      return { available: false, reason: isReserved ? 'IP address is reserved' : 'IP address out of range' };
    }
    const used = await cloud.l3Networks.usedAddresses(subnets.map(({ id }) => id));
    return used.includes(ip) ? { available: false, reason: 'IP address is already in use' } : { available: true };
  },
});

const uuids = (description: string) =>
  T.Optional(T.Array(T.String({ maxLength: 64 }), { maxItems: 1000, description }));

const getIpAddressCapacity = syncOperation({
  ...shared,
  id: 'GetIpAddressCapacity',
  method: 'GET',
  path: '/ip-capacity',
  query: T.Object({
    zoneUuids: uuids('Accepted: networks are in every zone.'),
    l3NetworkUuids: uuids('Of these networks.'),
    ipRangeUuids: uuids('Of these ranges.'),
    all: booleanField('Of all.'),
  }),
  response: T.Object({
    totalCapacity: T.Integer(),
    availableCapacity: T.Integer(),
    usedIpAddressNumber: T.Integer(),
    ipv4TotalCapacity: T.Integer(),
    ipv4AvailableCapacity: T.Integer(),
    resourceType: T.Optional(T.String()),
  }),
  title: 'Get the capacity of addresses',
  summary: 'How many addresses there are in networks or ranges, and how many of them are free.',
  examples: [
    {
      title: 'Of a network',
      query: { l3NetworkUuids: l3Example.uuid },
      status: 200,
      response: {
        totalCapacity: 253,
        availableCapacity: 252,
        usedIpAddressNumber: 1,
        ipv4TotalCapacity: 253,
        ipv4AvailableCapacity: 252,
      },
    },
  ],
  handle: async ({ cloud, subject, input: { l3NetworkUuids, ipRangeUuids } }) => {
    const visible = await cloud.networks.subnets.list(subject);
    const subnets = visible.filter(
      ({ id, networkId }) => (l3NetworkUuids?.includes(networkId) ?? true) && (ipRangeUuids?.includes(id) ?? true),
    );
    const pools = [...(await poolsOf(cloud, subnets)).values()].flat();
    const used = (await cloud.l3Networks.usedAddresses(subnets.map(({ id }) => id))).filter((ip) => {
      const number = parseIpv4(ip);
      return number !== undefined && pools.some((range) => contains(range, number));
    }).length;
    const total = countAddresses(pools);
    return {
      totalCapacity: total,
      availableCapacity: total - used,
      usedIpAddressNumber: used,
      ipv4TotalCapacity: total,
      ipv4AvailableCapacity: total - used,
    };
  },
});

export const ipAddressOperations = [
  getFreeIp,
  getFreeIpOfL3Network,
  getFreeIpOfIpRange,
  checkIpAvailability,
  getIpAddressCapacity,
  ...queryOperations(usedIp, {
    id: 'QueryIpAddress',
    group,
    package: 'header.network.l3',
    path: '/l3-networks/ip-address',
    title: 'Query addresses in use',
    example: {
      uuid: 'a7b6c5d4e3f24a1b8c09f8e7d6c5b4a3',
      vmNicUuid: nicExample.uuid,
      ipRangeUuid: ipRangeExample.uuid,
      l3NetworkUuid: l3Example.uuid,
      ipVersion: 4,
      ip: nicExample.ip,
      netmask: '255.255.255.0',
      gateway: '10.0.0.1',
      ipInLong: 167772165,
      createDate: 'Nov 21, 2026 2:00:00 PM',
      lastOpDate: 'Nov 21, 2026 2:00:00 PM',
    },
  }),
];
