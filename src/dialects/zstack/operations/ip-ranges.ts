import { Type as T } from 'typebox';
import type { Cloud } from '../../../cloud/cloud.ts';
import type { Subject } from '../../../cloud/identity/subject.ts';
import { formatIpv4, parseIpv4, parseIpv4Cidr } from '../../../cloud/networks/addresses.ts';
import type { AllocationPool } from '../../../cloud/networks/model.ts';
import { ipRange } from '../inventories/network.ts';
import { descriptionField, nameField, oneOfField, textField, uuidIn } from '../protocol/field-schemas.ts';
import { jobOperation } from '../protocol/operation.ts';
import { invalidArgument } from '../protocol/zstack-error.ts';
import { queryOperations } from '../query/query-operations.ts';
import { ipRangeExample, l3Example } from './l3-examples.ts';
import { l3NetworkNamed } from './l3-words.ts';
import { change, creationExample, deletion } from './simple-operations.ts';

const group = 'L3 Network';
const shared = { group, package: 'header.network.l3', since: '0.6', allow: 'member' } as const;
const byL3 = uuidIn('l3NetworkUuid', 'The network.');
const here = { l3NetworkUuid: l3Example.uuid };
const address = (description: string) => T.String({ minLength: 1, maxLength: 64, description });
const common = {
  name: nameField,
  description: descriptionField,
  gateway: textField('The gateway; the first address where it is left out.', 64),
  ipRangeType: oneOfField(['Normal', 'AddressPool'], 'Normal, the only one offered.'),
};

function numberOf(field: string, text: string): number {
  const number = parseIpv4(text);
  if (number === undefined) throw invalidArgument(`field[${field}] is not a valid IPv4 address, but was [${text}]`);
  return number;
}

/** `10.0.0.5` and `255.255.255.0` → `10.0.0.0/24`. */
function cidrOf(startIp: string, netmask: string): string {
  const mask = numberOf('netmask', netmask);
  const bits = mask.toString(2).padStart(32, '0');
  if (!/^1+0*$/.test(bits)) throw invalidArgument(`netmask[${netmask}] is not a netmask, and not of IP ranges`);
  const length = bits.replaceAll('0', '').length;
  return `${formatIpv4((numberOf('startIp', startIp) & mask) >>> 0)}/${length}`;
}

interface NewRange {
  l3NetworkUuid: string;
  resourceUuid?: string;
  name: string;
  description?: string;
  gateway?: string;
}

/** Makes the subnet that the range is here. */
async function addSubnet(
  cloud: Cloud,
  subject: Subject,
  range: NewRange,
  addresses: { cidr: string; allocationPools?: AllocationPool[] },
): Promise<{ uuid: string }> {
  const { l3NetworkUuid: networkId, resourceUuid: id, name, description = '', gateway: gatewayIp } = range;
  const subnet = { id, networkId, name, description, gatewayIp, ipVersion: 4 as const, ...addresses };
  const [made] = await cloud.networks.subnets.create(subject, [subnet]);
  return { uuid: made!.id };
}

const addIpRange = jobOperation({
  ...shared,
  id: 'AddIpRange',
  creates: 'subnet',
  method: 'POST',
  path: '/l3-networks/{l3NetworkUuid}/ip-ranges',
  params: byL3,
  body: T.Object({
    ...common,
    startIp: address('The first address.'),
    endIp: address('The last address.'),
    netmask: address('The netmask.'),
  }),
  result: ipRange,
  title: 'Add an IP range',
  summary: 'Makes a subnet of the network; addresses are given out from the first to the last.',
  examples: [
    creationExample(
      'Of 10.0.0.0/24',
      { name: 'default', startIp: '10.0.0.2', endIp: '10.0.0.254', netmask: '255.255.255.0', gateway: '10.0.0.1' },
      ipRangeExample,
      here,
    ),
  ],
  handle: async ({ cloud, subject, input }) => {
    await l3NetworkNamed(cloud, subject, 'l3NetworkUuid', input.l3NetworkUuid);
    const { startIp, endIp } = input;
    if (numberOf('startIp', startIp) > numberOf('endIp', endIp)) {
      throw invalidArgument(`start ip[${startIp}] is behind end ip[${endIp}]`);
    }
    const allocationPools = [{ start: startIp, end: endIp }];
    return await addSubnet(cloud, subject, input, { cidr: cidrOf(startIp, input.netmask), allocationPools });
  },
});

const addIpRangeByNetworkCidr = jobOperation({
  ...shared,
  id: 'AddIpRangeByNetworkCidr',
  creates: 'subnet',
  method: 'POST',
  path: '/l3-networks/{l3NetworkUuid}/ip-ranges/by-cidr',
  params: byL3,
  body: T.Object({ ...common, networkCidr: address('The network in CIDR notation.') }),
  result: ipRange,
  title: 'Add an IP range by its network',
  summary: 'Makes a subnet of the network; all of its addresses but the gateway’s are given out.',
  examples: [creationExample('10.0.0.0/24', { name: 'default', networkCidr: '10.0.0.0/24' }, ipRangeExample, here)],
  handle: async ({ cloud, subject, input }) => {
    await l3NetworkNamed(cloud, subject, 'l3NetworkUuid', input.l3NetworkUuid);
    const { networkCidr } = input;
    if (!parseIpv4Cidr(networkCidr)) throw invalidArgument(`[${networkCidr}] is not a valid network cidr`);
    return await addSubnet(cloud, subject, input, { cidr: networkCidr });
  },
});

export const ipRangeOperations = [
  addIpRange,
  addIpRangeByNetworkCidr,
  change({
    ...shared,
    id: 'UpdateIpRange',
    path: '/l3-networks/ip-ranges/{uuid}/actions',
    result: ipRange,
    title: 'Change an IP range',
    summary: 'Changes its name or description.',
    example: ipRangeExample,
    apply: async ({ cloud, subject, input: { uuid, name, description } }) => {
      await cloud.networks.subnets.update(subject, uuid, { name, description });
      return undefined;
    },
  }),
  deletion({
    ...shared,
    id: 'DeleteIpRange',
    path: '/l3-networks/ip-ranges/{uuid}',
    title: 'Delete an IP range',
    summary: 'Refused while one of its addresses is taken.',
    example: ipRangeExample,
    remove: async ({ cloud, subject, input: { uuid } }) => {
      await cloud.networks.subnets.delete(subject, uuid);
      return undefined;
    },
  }),
  ...queryOperations(ipRange, {
    id: 'QueryIpRange',
    group,
    package: 'header.network.l3',
    path: '/l3-networks/ip-ranges',
    since: '0.6',
    title: 'Query IP ranges',
    example: ipRangeExample,
  }),
];
