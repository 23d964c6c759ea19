import { Type as T } from 'typebox';
import type { Cloud } from '../../../cloud/cloud.ts';
import { CloudError } from '../../../cloud/errors.ts';
import type { Subject } from '../../../cloud/identity/subject.ts';
import { affinityGroup, affinityPolicies } from '../inventories/affinity-group.ts';
import { descriptionField, nameField, oneOfField, textField, uuidField, uuidIn } from '../protocol/field-schemas.ts';
import { jobOperation } from '../protocol/operation.ts';
import { operationFailed, resourceNotFound } from '../protocol/zstack-error.ts';
import { queryOperations } from '../query/query-operations.ts';
import { change, creationExample, deletion, stateChange } from './simple-operations.ts';
import { vmExample } from './vm-examples.ts';
import { stateOf } from './vm-words.ts';

const shared = { group: 'Affinity Group', package: 'header.affinitygroup', since: '2.3', allow: 'member' } as const;
const createDate = 'Nov 21, 2026 2:00:00 PM';
export const affinityGroupExample = {
  uuid: '8d5b4c3a2f1e40978695a4b3c2d1e0f9',
  name: 'web',
  policy: 'antiSoft',
  version: '1.0',
  type: 'HOST',
  appliance: 'CUSTOMER',
  state: 'Enabled',
  usages: [],
  createDate,
  lastOpDate: createDate,
};
const example = affinityGroupExample;
const usage = {
  uuid: vmExample.uuid,
  affinityGroupUuid: example.uuid,
  resourceUuid: vmExample.uuid,
  resourceType: 'VmInstanceVO',
  createDate,
  lastOpDate: createDate,
};

/** What the engine refuses about a group, in the dialect's words. */
export async function onAffinityGroup<Result>(field: string, uuid: string, work: () => Promise<Result>) {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof CloudError)) throw error;
    const { reason, resource } = error.details;
    if (reason === 'server_group_not_found' || (error.code === 'not_found' && resource === 'server_group')) {
      throw resourceNotFound(field, uuid, 'AffinityGroupVO');
    }
    if (reason === 'server_group_disabled') throw operationFailed(`affinityGroup[uuid:${uuid}] is Disabled`);
    if (reason === 'other_group' || reason === 'group_policy') throw operationFailed(error.message);
    throw error;
  }
}

const createAffinityGroup = jobOperation({
  ...shared,
  id: 'CreateAffinityGroup',
  method: 'POST',
  path: '/affinity-groups',
  creates: 'untagged',
  body: T.Object({
    name: nameField,
    description: descriptionField,
    policy: T.Unsafe<keyof typeof affinityPolicies>({
      type: 'string',
      enum: Object.keys(affinityPolicies),
      description:
        'antiSoft and antiHard keep its servers on different hosts, proSoft and proHard on one; the soft ones as far as there is room.',
    }),
    type: oneOfField(['host', 'HOST'], 'What servers are kept apart by: hosts.'),
    zoneUuid: uuidField('The zone whose servers may be in it.'),
    subType: textField('Accepted.'),
  }),
  result: affinityGroup,
  title: 'Create an affinity group',
  summary: 'Makes a group of servers that are kept on different hosts, or on one. It is a server group to Nova.',
  examples: [creationExample('On different hosts', { name: example.name, policy: example.policy }, example)],
  handle: async ({ cloud, subject, input }) => {
    const { resourceUuid, name, description, policy, zoneUuid } = input;
    if (zoneUuid !== undefined && !(await cloud.zones.names()).has(zoneUuid)) {
      throw resourceNotFound('zoneUuid', zoneUuid, 'ZoneVO');
    }
    const wanted = { id: resourceUuid, name, description, policy: affinityPolicies[policy], zoneId: zoneUuid };
    return { uuid: (await cloud.servers.groups.create(subject, wanted)).id };
  },
});

const inGroup = { affinityGroupUuid: example.uuid };
const groupParam = T.String({ maxLength: 64, description: 'The group.' });
const serverParam = T.String({ maxLength: 64, description: 'The server.' });

const addVmToAffinityGroup = jobOperation({
  ...shared,
  id: 'AddVmToAffinityGroup',
  method: 'POST',
  path: '/affinity-groups/{affinityGroupUuid}/vm-instances/{uuid}',
  params: T.Object({ affinityGroupUuid: groupParam, uuid: serverParam }),
  result: affinityGroup,
  title: 'Put a server into an affinity group',
  summary:
    'The server stays where it is; one that the policies antiHard and proHard would not have there is refused. A server is in one group at the most.',
  examples: [creationExample('Add', {}, { ...example, usages: [usage] }, { ...inGroup, uuid: vmExample.uuid })],
  handle: async ({ cloud, subject, input: { affinityGroupUuid, uuid } }) => {
    await stateOf(cloud, subject, uuid);
    await onAffinityGroup('affinityGroupUuid', affinityGroupUuid, () =>
      cloud.servers.groups.add(subject, affinityGroupUuid, uuid),
    );
    return { uuid: affinityGroupUuid };
  },
});

const removeVmFromAffinityGroup = jobOperation({
  ...shared,
  id: 'RemoveVmFromAffinityGroup',
  method: 'DELETE',
  path: '/affinity-groups/{affinityGroupUuid}/vm-instances',
  params: uuidIn('affinityGroupUuid', 'The group.'),
  query: T.Object({ uuid: serverParam }),
  result: affinityGroup,
  title: 'Take a server out of an affinity group',
  summary: 'The server stays where it is.',
  examples: [
    {
      title: 'Remove',
      params: inGroup,
      query: { uuid: vmExample.uuid },
      status: 200,
      response: { inventory: example, success: true },
    },
  ],
  handle: async ({ cloud, subject, input: { affinityGroupUuid, uuid } }) => {
    await stateOf(cloud, subject, uuid);
    const wasThere = await onAffinityGroup('affinityGroupUuid', affinityGroupUuid, () =>
      cloud.servers.groups.remove(subject, affinityGroupUuid, uuid),
    );
    if (!wasThere) throw operationFailed(`vm[uuid:${uuid}] is not in affinityGroup[uuid:${affinityGroupUuid}]`);
    return { uuid: affinityGroupUuid };
  },
});

const changing = { ...shared, path: '/affinity-groups/{uuid}/actions', result: affinityGroup, example };

async function update(
  { cloud, subject }: { cloud: Cloud; subject: Subject },
  uuid: string,
  changes: { name?: string; description?: string; enabled?: boolean },
): Promise<void> {
  await onAffinityGroup('uuid', uuid, () => cloud.servers.groups.update(subject, uuid, changes));
}

/** Groups of servers that are kept on different hosts, or on one. */
export const affinityGroupOperations = [
  createAffinityGroup,
  addVmToAffinityGroup,
  removeVmFromAffinityGroup,
  change({
    ...changing,
    id: 'UpdateAffinityGroup',
    title: 'Change an affinity group',
    summary: 'Changes the name or description of an affinity group.',
    apply: async (call) => {
      const { uuid, name, description } = call.input;
      await update(call, uuid, { name, description });
      return undefined;
    },
  }),
  stateChange({
    ...changing,
    id: 'ChangeAffinityGroupState',
    title: 'Enable or disable an affinity group',
    summary: 'Hosts are chosen without a disabled one, and no server comes into it; those that are in it stay.',
    apply: (call, enabled) => update(call, call.input.uuid, { enabled }),
  }),
  deletion({
    ...shared,
    id: 'DeleteAffinityGroup',
    path: '/affinity-groups/{uuid}',
    title: 'Delete an affinity group',
    summary: 'Servers that are in it stay where they are.',
    example,
    remove: async ({ cloud, subject, input: { uuid } }) => {
      await cloud.servers.groups.delete(subject, uuid);
      return undefined;
    },
  }),
  ...queryOperations(affinityGroup, {
    id: 'QueryAffinityGroup',
    group: shared.group,
    package: shared.package,
    path: '/affinity-groups',
    since: shared.since,
    title: 'Query affinity groups',
    example,
  }),
];
