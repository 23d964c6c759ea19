import { isIP } from 'node:net';
import { Type as T } from 'typebox';
import { CloudError } from '../../../cloud/errors.ts';
import { reservedIpRange } from '../inventories/reserved-ip-range.ts';
import { uuidIn } from '../protocol/field-schemas.ts';
import { jobOperation } from '../protocol/operation.ts';
import { invalidArgument } from '../protocol/zstack-error.ts';
import { queryOperations } from '../query/query-operations.ts';
import { l3Example } from './l3-examples.ts';
import { l3NetworkNamed } from './l3-words.ts';
import { creationExample, deletion } from './simple-operations.ts';

const shared = { group: 'L3 Network', package: 'header.network.l3', since: '5.1.0', allow: 'member' } as const;
const path = '/l3-networks/reserved-ip-ranges';
const address = (description: string) => T.String({ minLength: 1, maxLength: 64, description });
const example = {
  uuid: 'd2c1b0a9f8e74d6c9b5a493827161504',
  l3NetworkUuid: l3Example.uuid,
  startIp: '10.0.0.200',
  endIp: '10.0.0.220',
  ipVersion: 4,
  createDate: 'Nov 21, 2026 2:00:00 PM',
  lastOpDate: 'Nov 21, 2026 2:00:00 PM',
};

const addReservedIpRange = jobOperation({
  ...shared,
  id: 'AddReservedIpRange',
  creates: 'untagged',
  method: 'POST',
  path: '/l3-networks/{l3NetworkUuid}/reserved-ip-ranges',
  params: uuidIn('l3NetworkUuid', 'The network.'),
  body: T.Object({ startIp: address('The first address.'), endIp: address('The last address.') }),
  result: reservedIpRange,
  title: 'Reserve addresses of an L3 network',
  summary:
    'Addresses from the first to the last, IPv4 or IPv6, are given to nothing from then on, through whichever API. Refused while one of them is used or reserved.',
  examples: [
    creationExample('Twenty-one addresses', { startIp: example.startIp, endIp: example.endIp }, example, {
      l3NetworkUuid: l3Example.uuid,
    }),
  ],
  handle: async ({ cloud, subject, input: { l3NetworkUuid, resourceUuid, startIp, endIp } }) => {
    await l3NetworkNamed(cloud, subject, 'l3NetworkUuid', l3NetworkUuid);
    const [first, last] = [isIP(startIp), isIP(endIp)];
    if (first === 0) throw invalidArgument(`field[startIp] is not a valid IP address, but was [${startIp}]`);
    if (last === 0) throw invalidArgument(`field[endIp] is not a valid IP address, but was [${endIp}]`);
    const range = { id: resourceUuid, networkId: l3NetworkUuid, start: startIp, end: endIp };
    try {
      return { uuid: (await cloud.networks.reservedRanges.add(subject, range)).id };
    } catch (error) {
      // What is wrong with the range itself: there is an order to its addresses.
      if (!(error instanceof CloudError) || error.code !== 'invalid') throw error;
      throw invalidArgument(`start ip[${startIp}] is behind end ip[${endIp}], or of another version`);
    }
  },
});

export const reservedIpRangeOperations = [
  addReservedIpRange,
  deletion({
    ...shared,
    id: 'DeleteReservedIpRange',
    path: `${path}/{uuid}`,
    title: 'Reserve addresses no more',
    summary: 'The addresses are given out again.',
    example,
    remove: async ({ cloud, subject, input: { uuid } }) => {
      await cloud.networks.reservedRanges.remove(subject, uuid);
      return undefined;
    },
  }),
  ...queryOperations(reservedIpRange, {
    id: 'QueryReservedIpRange',
    group: shared.group,
    package: shared.package,
    path,
    since: shared.since,
    title: 'Query reserved addresses',
    example,
  }),
];
