import { nicExample } from './nic-examples.ts';

/** Load balancers as the examples show them. */

const times = { createDate: 'Nov 21, 2026 2:00:00 PM', lastOpDate: 'Nov 21, 2026 2:00:00 PM' };
const balancerUuid = '5a6b7c8d9e0f4a1bac2d3e4f50617283';
const listenerUuid = '6b7c8d9e0f1a4b2cbd3e4f5061728394';
const serverGroupUuid = '7c8d9e0f1a2b4c3d8e4f506172839405';

export const serverGroupExample = {
  uuid: serverGroupUuid,
  name: 'web-servers',
  loadBalancerUuid: balancerUuid,
  ipVersion: 4,
  listenerServerGroupRefs: [{ listenerUuid, serverGroupUuid, ...times }],
  serverIps: [],
  vmNicRefs: [{ serverGroupUuid, vmNicUuid: nicExample.uuid, weight: 100, ipVersion: 4, status: 'Active', ...times }],
  ...times,
};

export const listenerExample = {
  uuid: listenerUuid,
  name: 'web',
  loadBalancerUuid: balancerUuid,
  instancePort: 8080,
  loadBalancerPort: 80,
  protocol: 'http',
  vmNicRefs: [{ listenerUuid, vmNicUuid: nicExample.uuid, status: 'Active', ...times }],
  certificateRefs: [],
  serverGroupRefs: [{ listenerUuid, serverGroupUuid, ...times }],
  ...times,
};

export const balancerExample = {
  uuid: balancerUuid,
  name: 'shop',
  state: 'Enabled',
  type: 'Shared',
  vipUuid: 'f60718293a4b4560a7d8e9f001122334',
  listeners: [listenerExample],
  ...times,
};

export const certificateExample = {
  uuid: '8d9e0f1a2b3c4d4e9f50617283940516',
  name: 'shop.example',
  certificate: '-----BEGIN CERTIFICATE-----\nMIIB…\n-----END CERTIFICATE-----\n',
  listeners: [],
  ...times,
};
