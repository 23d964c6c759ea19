import { Type as T } from 'typebox';
import type { Cloud } from '../../../cloud/cloud.ts';
import { CloudError } from '../../../cloud/errors.ts';
import type { Subject } from '../../../cloud/identity/subject.ts';
import type { SecurityGroup } from '../../../cloud/networks/model.ts';
import { vmNic } from '../inventories/network.ts';
import { securityGroup, vmNicInSecurityGroup } from '../inventories/security-group.ts';
import { descriptionField, nameField, uuidIn } from '../protocol/field-schemas.ts';
import { jobOperation, syncOperation } from '../protocol/operation.ts';
import { resourceNotFound } from '../protocol/zstack-error.ts';
import { inventorySchema } from '../query/inventory-schema.ts';
import { inventoriesWith } from '../query/query.ts';
import { queryOperations } from '../query/query-operations.ts';
import { l3Example } from './l3-examples.ts';
import { l3NetworkNamed } from './l3-words.ts';
import { nicExample } from './nic-examples.ts';
import { groupExample } from './security-group-examples.ts';
import { change, creationExample, deletion, stateChange } from './simple-operations.ts';

const group = 'Security Group';
const shared = { group, package: 'network.securitygroup', since: '0.6', allow: 'member' } as const;
const byGroup = uuidIn('securityGroupUuid', 'The security group.');
const here = { securityGroupUuid: groupExample.uuid };
const empty = { ...groupExample, rules: [] };

/** The group, or the dialect's own words for its absence: the open one stands for having none. */
export async function groupNamed(cloud: Cloud, subject: Subject, field: string, uuid: string): Promise<SecurityGroup> {
  try {
    const group = await cloud.networks.securityGroups.get(subject, uuid);
    if (!group.isOpen) return group;
  } catch (error) {
    if (!(error instanceof CloudError) || error.code !== 'not_found') throw error;
  }
  throw resourceNotFound(field, uuid, 'SecurityGroupVO');
}

const createSecurityGroup = jobOperation({
  ...shared,
  id: 'CreateSecurityGroup',
  creates: 'security_group',
  method: 'POST',
  path: '/security-groups',
  body: T.Object({
    name: nameField,
    description: descriptionField,
    ipVersion: T.Optional(T.Integer({ minimum: 4, maximum: 6, description: 'Accepted: rules say it.' })),
    vSwitchType: T.Optional(T.String({ maxLength: 64, description: 'Accepted.' })),
  }),
  result: securityGroup,
  title: 'Create a security group',
  summary: 'A new one lets everything out and nothing in.',
  examples: [creationExample('For web servers', { name: 'web' }, empty)],
  handle: async ({ cloud, subject, input }) => {
    const { name, description = '', resourceUuid: id } = input;
    const [made] = await cloud.networks.securityGroups.create(subject, [{ id, name, description }]);
    return { uuid: made!.id };
  },
});

const pair = T.Object({
  ...byGroup.properties,
  l3NetworkUuid: T.String({ maxLength: 64, description: 'The network.' }),
});
const both = { ...here, l3NetworkUuid: l3Example.uuid };

const attachSecurityGroupToL3Network = jobOperation({
  ...shared,
  id: 'AttachSecurityGroupToL3Network',
  method: 'POST',
  path: '/security-groups/{securityGroupUuid}/l3-networks/{l3NetworkUuid}',
  params: pair,
  result: securityGroup,
  title: 'Attach a security group to an L3 network',
  summary: 'Notes that it is for the network. Interfaces of any network can have any group here.',
  examples: [creationExample('Attach', {}, { ...groupExample, attachedL3NetworkUuids: [l3Example.uuid] }, both)],
  handle: async ({ cloud, subject, input: { securityGroupUuid, l3NetworkUuid } }) => {
    await groupNamed(cloud, subject, 'securityGroupUuid', securityGroupUuid);
    await l3NetworkNamed(cloud, subject, 'l3NetworkUuid', l3NetworkUuid);
    await cloud.l3Networks.attachSecurityGroup(securityGroupUuid, l3NetworkUuid);
    return { uuid: securityGroupUuid };
  },
});

const detachSecurityGroupFromL3Network = jobOperation({
  ...shared,
  id: 'DetachSecurityGroupFromL3Network',
  method: 'DELETE',
  path: '/security-groups/{securityGroupUuid}/l3-networks/{l3NetworkUuid}',
  params: pair,
  result: securityGroup,
  title: 'Detach a security group from an L3 network',
  summary: 'Takes the group from the interfaces in the network too.',
  examples: [{ title: 'Detach', params: both, status: 200, response: { inventory: groupExample, success: true } }],
  handle: async ({ cloud, subject, input: { securityGroupUuid, l3NetworkUuid } }) => {
    await groupNamed(cloud, subject, 'securityGroupUuid', securityGroupUuid);
    await cloud.networks.openGroups.leave(subject, securityGroupUuid, { networkId: l3NetworkUuid });
    await cloud.l3Networks.detachSecurityGroup(securityGroupUuid, l3NetworkUuid);
    return { uuid: securityGroupUuid };
  },
});

const nicUuids = T.Array(T.String({ maxLength: 64 }), { minItems: 1, maxItems: 100, description: 'The interfaces.' });

const addVmNicToSecurityGroup = jobOperation({
  ...shared,
  id: 'AddVmNicToSecurityGroup',
  method: 'POST',
  path: '/security-groups/{securityGroupUuid}/vm-instances/nics',
  params: byGroup,
  body: T.Object({ vmNicUuids: nicUuids }),
  title: 'Put interfaces into a security group',
  summary: 'Its rules hold for them at once. Whatever they do not let through is dropped from then on.',
  examples: [
    { title: 'One', params: here, body: { params: { vmNicUuids: [nicExample.uuid] } }, status: 200, response: {} },
  ],
  handle: async ({ cloud, subject, input: { securityGroupUuid, vmNicUuids } }) => {
    await groupNamed(cloud, subject, 'securityGroupUuid', securityGroupUuid);
    for (const uuid of vmNicUuids) {
      const port = await cloud.networks.ports.get(subject, uuid).catch(() => undefined);
      if (!port) throw resourceNotFound('vmNicUuids', uuid, 'VmNicVO');
    }
    await cloud.networks.openGroups.join(subject, securityGroupUuid, vmNicUuids);
    return {};
  },
});

const deleteVmNicFromSecurityGroup = jobOperation({
  ...shared,
  id: 'DeleteVmNicFromSecurityGroup',
  method: 'DELETE',
  path: '/security-groups/{securityGroupUuid}/vm-instances/nics',
  params: byGroup,
  query: T.Object({ vmNicUuids: nicUuids }),
  title: 'Take interfaces out of a security group',
  summary:
    'Its rules hold for them no more. One that is in no group lets everything through. Interfaces that are not in it stay as they are.',
  examples: [{ title: 'One', params: here, query: { vmNicUuids: nicExample.uuid }, status: 200, response: {} }],
  handle: async ({ cloud, subject, input: { securityGroupUuid, vmNicUuids } }) => {
    await cloud.networks.openGroups.leave(subject, securityGroupUuid, { portIds: vmNicUuids });
    return {};
  },
});

const getCandidateVmNicForSecurityGroup = syncOperation({
  ...shared,
  allow: 'reader',
  id: 'GetCandidateVmNicForSecurityGroup',
  method: 'GET',
  path: '/security-groups/{securityGroupUuid}/vm-instances/candidate-nics',
  params: byGroup,
  response: T.Object({ inventories: T.Array(inventorySchema(vmNic)) }),
  title: 'Get the interfaces that can be put into a security group',
  summary: 'Those of the account that are not in it.',
  examples: [{ title: 'All', params: here, status: 200, response: { inventories: [nicExample] } }],
  handle: async ({ cloud, subject, input: { securityGroupUuid } }) => {
    const { projectId } = await groupNamed(cloud, subject, 'securityGroupUuid', securityGroupUuid);
    const taken = await cloud.networks.ports.list(subject, { securityGroupIds: [securityGroupUuid] });
    const known = new Set(taken.map(({ id }) => id));
    const owner = { ...subject, isAdmin: false, projectId };
    const inventories = await inventoriesWith(cloud, vmNic, owner);
    return { inventories: inventories.filter(({ uuid }) => !known.has(String(uuid))) };
  },
});

export const securityGroupOperations = [
  createSecurityGroup,
  attachSecurityGroupToL3Network,
  detachSecurityGroupFromL3Network,
  addVmNicToSecurityGroup,
  deleteVmNicFromSecurityGroup,
  getCandidateVmNicForSecurityGroup,
  change({
    ...shared,
    id: 'UpdateSecurityGroup',
    path: '/security-groups/{uuid}/actions',
    result: securityGroup,
    title: 'Change a security group',
    summary: 'Changes its name or description.',
    example: groupExample,
    apply: async ({ cloud, subject, input: { uuid, name, description } }) => {
      await groupNamed(cloud, subject, 'uuid', uuid);
      await cloud.networks.securityGroups.update(subject, uuid, { name, description });
      return undefined;
    },
  }),
  stateChange({
    ...shared,
    id: 'ChangeSecurityGroupState',
    path: '/security-groups/{uuid}/actions',
    result: securityGroup,
    title: 'Enable or disable a security group',
    summary:
      'The rules of a disabled one let nothing through; what other groups of an interface let through still comes.',
    example: groupExample,
    apply: async ({ cloud, subject, input: { uuid } }, enabled) => {
      await groupNamed(cloud, subject, 'uuid', uuid);
      await cloud.networks.securityGroups.update(subject, uuid, { enabled });
    },
  }),
  deletion({
    ...shared,
    id: 'DeleteSecurityGroup',
    path: '/security-groups/{uuid}',
    title: 'Delete a security group',
    summary: 'Takes it from all interfaces first.',
    example: groupExample,
    remove: async ({ cloud, subject, input: { uuid } }) => {
      await groupNamed(cloud, subject, 'uuid', uuid);
      await cloud.networks.openGroups.deleteGroup(subject, uuid);
      return undefined;
    },
  }),
  ...queryOperations(vmNicInSecurityGroup, {
    id: 'QueryVmNicInSecurityGroup',
    group,
    package: 'network.securitygroup',
    path: '/security-groups/vm-instances/nics',
    since: '0.6',
    title: 'Query the interfaces in security groups',
    byUuid: false,
    example: {
      uuid: nicExample.uuid + groupExample.uuid,
      vmNicUuid: nicExample.uuid,
      securityGroupUuid: groupExample.uuid,
      vmInstanceUuid: nicExample.vmInstanceUuid,
      priority: 1,
    },
  }),
  ...queryOperations(securityGroup, {
    id: 'QuerySecurityGroup',
    group,
    package: 'network.securitygroup',
    path: '/security-groups',
    since: '0.6',
    title: 'Query security groups',
    example: groupExample,
  }),
];
