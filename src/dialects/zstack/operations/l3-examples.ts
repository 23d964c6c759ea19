const dates = { createDate: 'Nov 21, 2026 2:00:00 PM', lastOpDate: 'Nov 21, 2026 2:00:00 PM' };

export const ipRangeExample = {
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

export const l3Example = {
  uuid: ipRangeExample.l3NetworkUuid,
  name: 'default',
  type: 'L3BasicNetwork',
  zoneUuid: '8d3f4a1c6b7e4c2d9a0f1e2d3c4b5a69',
  state: 'Enabled',
  system: false,
  category: 'Private',
  ipVersion: 4,
  enableIPAM: true,
  ipRanges: [ipRangeExample],
  reservedIpRanges: [],
  dns: ['10.0.0.1'],
  networkServices: [],
  hostRoute: [],
  ...dates,
};
