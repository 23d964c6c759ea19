import { Type as T } from 'typebox';
import { l2Network, l2VlanNetwork } from '../inventories/l2-network.ts';
import { booleanField, descriptionField, nameField, oneOfField, textField } from '../protocol/field-schemas.ts';
import { jobOperation } from '../protocol/operation.ts';
import { invalidArgument, ZStackError } from '../protocol/zstack-error.ts';
import { queryOperations } from '../query/query-operations.ts';
import { change, creationExample, deletion } from './simple-operations.ts';

const group = 'L2 Network';
const shared = { group, package: 'header.network.l2', since: '0.6', allow: 'admin' } as const;
const clusterUuid = '5c0e8f4d9b3a4e1f8c7d6b5a49382716';
const example = {
  uuid: 'b1c2d3e4f5a641b28c3d4e5f60718293',
  name: 'rack-1',
  zoneUuid: '8d3f4a1c6b7e4c2d9a0f1e2d3c4b5a69',
  physicalInterface: 'eth0',
  type: 'L2NoVlanNetwork',
  vSwitchType: 'LinuxBridge',
  virtualNetworkId: 0,
  isolated: false,
  attachedClusterUuids: [clusterUuid],
  createDate: 'Nov 21, 2026 2:00:00 PM',
  lastOpDate: 'Nov 21, 2026 2:00:00 PM',
};
const vlanExample = { ...example, name: 'rack-1-100', type: 'L2VlanNetwork', virtualNetworkId: 100, vlan: 100 };

const fields = {
  name: nameField,
  description: descriptionField,
  zoneUuid: T.String({ maxLength: 64, description: 'The zone.' }),
  physicalInterface: T.String({ minLength: 1, maxLength: 1024, description: 'The interface of the hosts, as eth0.' }),
  type: textField('Accepted: the path says it.'),
  vSwitchType: oneOfField(['LinuxBridge', 'OvsDpdk', 'MacVlan'], 'LinuxBridge, the only one offered.'),
  isolated: booleanField('Must be false.'),
  pvlan: textField('Not offered.'),
};

/** What is asked of all of them, without what this cloud does not have. */
function wanted(input: { vSwitchType?: string; isolated?: boolean; pvlan?: string }): void {
  if ((input.vSwitchType ?? 'LinuxBridge') !== 'LinuxBridge') {
    throw invalidArgument(`valid value for field[vSwitchType] are [LinuxBridge], but ${input.vSwitchType} found`);
  }
  if (input.isolated || input.pvlan) {
    throw new ZStackError('SYS.1014', 'isolated networks and private VLANs are not offered by this cloud');
  }
}

const createL2NoVlanNetwork = jobOperation({
  ...shared,
  id: 'CreateL2NoVlanNetwork',
  creates: 'l2_network',
  method: 'POST',
  path: '/l2-networks/no-vlan',
  body: T.Object(fields),
  result: l2Network,
  title: 'Create an L2 network without VLAN',
  summary: 'Notes an interface of the hosts, for L3 networks to be made on.',
  examples: [
    creationExample(
      'On eth0',
      { name: 'rack-1', zoneUuid: example.zoneUuid, physicalInterface: 'eth0' },
      { ...example, attachedClusterUuids: [] },
    ),
  ],
  handle: async ({ cloud, input }) => {
    wanted(input);
    return { uuid: (await cloud.l2Networks.create({ ...input, id: input.resourceUuid, zoneId: input.zoneUuid })).id };
  },
});

const createL2VlanNetwork = jobOperation({
  ...shared,
  id: 'CreateL2VlanNetwork',
  creates: 'l2_network',
  method: 'POST',
  path: '/l2-networks/vlan',
  body: T.Object({ ...fields, vlan: T.Integer({ minimum: 1, maximum: 4094, description: 'The VLAN.' }) }),
  result: l2VlanNetwork,
  title: 'Create an L2 network with VLAN',
  summary: 'Notes a VLAN on an interface of the hosts, for L3 networks to be made on.',
  examples: [
    creationExample(
      'VLAN 100 on eth0',
      { name: 'rack-1-100', zoneUuid: example.zoneUuid, physicalInterface: 'eth0', vlan: 100 },
      { ...vlanExample, attachedClusterUuids: [] },
    ),
  ],
  handle: async ({ cloud, input }) => {
    wanted(input);
    return { uuid: (await cloud.l2Networks.create({ ...input, id: input.resourceUuid, zoneId: input.zoneUuid })).id };
  },
});

const pair = T.Object({
  l2NetworkUuid: T.String({ maxLength: 64, description: 'The L2 network.' }),
  clusterUuid: T.String({ maxLength: 64, description: 'The cluster.' }),
});
const here = { l2NetworkUuid: example.uuid, clusterUuid };

const attachL2NetworkToCluster = jobOperation({
  ...shared,
  id: 'AttachL2NetworkToCluster',
  method: 'POST',
  path: '/l2-networks/{l2NetworkUuid}/clusters/{clusterUuid}',
  params: pair,
  body: T.Object({ l2ProviderType: textField('LinuxBridge.') }),
  result: l2Network,
  title: 'Attach an L2 network to a cluster',
  summary: 'Notes that the hosts of the cluster have it.',
  examples: [creationExample('Attach', {}, example, here)],
  handle: async ({ cloud, input }) => {
    await cloud.l2Networks.attach(input.l2NetworkUuid, input.clusterUuid);
    return { uuid: input.l2NetworkUuid };
  },
});

const detachL2NetworkFromCluster = jobOperation({
  ...shared,
  id: 'DetachL2NetworkFromCluster',
  method: 'DELETE',
  path: '/l2-networks/{l2NetworkUuid}/clusters/{clusterUuid}',
  params: pair,
  result: l2Network,
  title: 'Detach an L2 network from a cluster',
  summary: 'Notes that the hosts of the cluster have it no more.',
  examples: [
    {
      title: 'Detach',
      params: here,
      status: 200,
      response: { inventory: { ...example, attachedClusterUuids: [] }, success: true },
    },
  ],
  handle: async ({ cloud, input: { l2NetworkUuid, clusterUuid: cluster } }) => {
    await cloud.l2Networks.detach(l2NetworkUuid, cluster);
    return { uuid: l2NetworkUuid };
  },
});

export const l2NetworkOperations = [
  createL2NoVlanNetwork,
  createL2VlanNetwork,
  attachL2NetworkToCluster,
  detachL2NetworkFromCluster,
  change({
    ...shared,
    id: 'UpdateL2Network',
    path: '/l2-networks/{uuid}/actions',
    result: l2Network,
    title: 'Change an L2 network',
    summary: 'Changes its name or description.',
    example,
    apply: async ({ cloud, input: { uuid, name, description } }) => {
      await cloud.l2Networks.update(uuid, { name, description });
      return undefined;
    },
  }),
  deletion({
    ...shared,
    id: 'DeleteL2Network',
    path: '/l2-networks/{uuid}',
    title: 'Delete an L2 network',
    summary: 'Refused while L3 networks are on it.',
    example,
    remove: async ({ cloud, input: { uuid } }) => {
      await cloud.l2Networks.delete(uuid);
      return undefined;
    },
  }),
  ...queryOperations(l2Network, {
    id: 'QueryL2Network',
    group,
    package: 'header.network.l2',
    path: '/l2-networks',
    since: '0.6',
    allow: 'admin',
    title: 'Query L2 networks',
    example,
  }),
  ...queryOperations(l2VlanNetwork, {
    id: 'QueryL2VlanNetwork',
    group,
    package: 'header.network.l2',
    path: '/l2-networks/vlan',
    since: '0.6',
    allow: 'admin',
    title: 'Query L2 networks with VLAN',
    example: vlanExample,
  }),
];
