import { ipRange, l3Network } from '../inventories/network.ts';
import { queryOperations } from '../query/query-operations.ts';

const dates = { createDate: 'Nov 21, 2026 2:00:00 PM', lastOpDate: 'Nov 21, 2026 2:00:00 PM' };
const ipRangeExample = {
  uuid: 'e4d3c2b1a0f94e8d8c7b6a5948372615',
  name: 'default',
  l3NetworkUuid: '9a8b7c6d5e4f40319283746556473829',
  startIp: '10.0.0.2',
  endIp: '10.0.0.254',
  netmask: '255.255.255.0',
  gateway: '10.0.0.1',
  networkCidr: '10.0.0.0/24',
  ipVersion: 4,
  prefixLen: 24,
  ipRangeType: 'Normal',
  ...dates,
};

export const networkOperations = [
  ...queryOperations(l3Network, {
    id: 'QueryL3Network',
    group: 'L3 Network',
    package: 'header.network.l3',
    path: '/l3-networks',
    since: '0.6',
    title: 'Query L3 networks',
    example: {
      uuid: '9a8b7c6d5e4f40319283746556473829',
      name: 'default',
      type: 'L3BasicNetwork',
      zoneUuid: '8d3f4a1c6b7e4c2d9a0f1e2d3c4b5a69',
      state: 'Enabled',
      system: false,
      category: 'Private',
      ipVersion: 4,
      enableIPAM: true,
      ipRanges: [ipRangeExample],
      ...dates,
    },
  }),
  ...queryOperations(ipRange, {
    id: 'QueryIpRange',
    group: 'L3 Network',
    package: 'header.network.l3',
    path: '/l3-networks/ip-ranges',
    since: '0.6',
    title: 'Query IP ranges',
    example: ipRangeExample,
  }),
];
