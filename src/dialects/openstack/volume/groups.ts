import { Type } from 'typebox';
import { type Call, operation } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';
import { type GroupStatus, groupNotFound, type VolumeGroup } from '../../../cloud/volumes/groups/model.ts';
import { parseId, withDashes } from '../../../env/env.ts';
import { LinkSchema } from '../common/links.ts';
import { atLeast } from '../common/microversion.ts';
import { queryFlag } from '../common/query.ts';
import { isoMicros } from '../common/time.ts';
import { exampleGroupTypeId } from './group-types.ts';
import { ListQuery, listed } from './plain-list.ts';
import { dashed } from './view.ts';
import { booleanOf, flag, idOf, namedId, optionalText, textOrNull } from './wire.ts';

export const exampleGroupId = '6f519a48-3183-46cf-a32f-41815f813986';

const Summary = Type.Object({ id: Type.String(), name: textOrNull() });
const GroupSchema = Type.Object({
  id: Type.String(),
  name: textOrNull(),
  description: textOrNull(),
  status: Type.String(),
  availability_zone: Type.String(),
  created_at: Type.String(),
  group_type: Type.String(),
  volume_types: Type.Array(Type.String()),
  group_snapshot_id: Type.Optional(textOrNull()),
  source_group_id: Type.Optional(textOrNull()),
  volumes: Type.Optional(Type.Array(Type.String())),
  replication_status: Type.Optional(Type.String()),
});
const NewDocument = Type.Object({ group: Summary });
const more = { groups_links: Type.Optional(Type.Array(LinkSchema)) };

const summary = (group: VolumeGroup) => ({ id: withDashes(group.id), name: group.name });

type Query = Record<string, string | undefined>;

function view(group: VolumeGroup, zones: ReadonlyMap<string, string>, call: Pick<Call, 'context'> & { query: Query }) {
  const { context, query } = call;
  const tellsVolumes = atLeast(context, 3, 25) && queryFlag(query['list_volume']);
  return {
    ...summary(group),
    description: group.description,
    status: group.status,
    availability_zone: zones.get(group.zoneId) ?? '',
    created_at: isoMicros(group.createdAt),
    group_type: withDashes(group.groupTypeId),
    volume_types: group.volumeTypeIds.map(withDashes),
    ...(atLeast(context, 3, 14)
      ? { group_snapshot_id: dashed(group.groupSnapshotId), source_group_id: dashed(group.sourceGroupId) }
      : {}),
    ...(tellsVolumes ? { volumes: group.volumeIds.map(withDashes) } : {}),
    ...(atLeast(context, 3, 38) ? { replication_status: 'disabled' } : {}),
  };
}

/** Filters by what is exact: the name, the status, the type. */
async function page(call: Call<unknown, Query>) {
  const { cloud, subject, query } = call;
  const all = await cloud.blockStorage.groups.list(subject, { allProjects: queryFlag(query['all_tenants']) });
  const matching = all.filter(
    (group) =>
      (query['name'] ?? group.name) === group.name &&
      (query['status'] ?? group.status) === group.status &&
      (query['group_type'] === undefined || parseId(query['group_type']) === group.groupTypeId),
  );
  return listed('groups', matching, call);
}

function groupIdOf({ group_id }: { group_id: string }): string {
  const id = parseId(group_id);
  if (id) return id;
  throw groupNotFound(group_id);
}

const common = { dialect: 'volume', group: 'groups', since: '3.13' } as const;
const params = Type.Object({ group_id: Type.String() });
const example = { params: { group_id: exampleGroupId } };
const ofGroup = { ...common, method: 'POST', path: '/groups/{group_id}/action', params } as const;

export const groupOperations = [
  operation({
    ...common,
    id: 'ListGroups',
    method: 'GET',
    path: '/groups',
    mode: 'sync',
    allow: 'reader',
    query: ListQuery,
    responses: { 200: Type.Object({ groups: Type.Array(Summary), ...more }) },
    errors: [400, 401],
    title: 'List groups',
    summary: 'Ids and names of the volume groups of the project, newest first.',
    examples: [{ title: 'All', status: 200 }],
    handle: async (call) => {
      const { items, links } = await page(call as never);
      return { body: { groups: items.map(summary), ...links } };
    },
  }),
  operation({
    ...common,
    id: 'ListGroupsDetails',
    method: 'GET',
    path: '/groups/detail',
    mode: 'sync',
    allow: 'reader',
    query: ListQuery,
    responses: { 200: Type.Object({ groups: Type.Array(GroupSchema), ...more }) },
    errors: [400, 401],
    title: 'List groups with details',
    summary: 'Everything about them; from 3.25 on with their volumes, where `list_volume` is true.',
    examples: [{ title: 'All', status: 200 }],
    handle: async (call) => {
      const { items, links } = await page(call as never);
      const zones = await call.cloud.zones.names();
      return { body: { groups: items.map((group) => view(group, zones, call as never)), ...links } };
    },
  }),
  operation({
    ...common,
    id: 'CreateGroup',
    method: 'POST',
    path: '/groups',
    mode: 'sync',
    allow: 'member',
    body: Type.Object({
      group: Type.Object({
        name: optionalText('What people call it; need not be unique.'),
        description: optionalText('For people.'),
        group_type: Type.String({ minLength: 1, description: 'Name or id.' }),
        volume_types: Type.Array(Type.String({ minLength: 1, maxLength: 255 }), {
          minItems: 1,
          uniqueItems: true,
          description: 'Names or ids of the types that its volumes may have.',
        }),
        availability_zone: optionalText('For people: each volume has its own.'),
      }),
    }),
    responses: { 202: NewDocument },
    errors: [400, 401, 404],
    title: 'Create a group',
    summary: 'Makes a group without volumes. Volumes are put into it when they are made, or later.',
    examples: [
      {
        title: 'Of one type',
        body: { group: { name: 'shop', group_type: exampleGroupTypeId, volume_types: ['local'] } },
        status: 202,
      },
    ],
    handle: async ({ cloud, subject, body }) => {
      const { name, description, group_type, volume_types, availability_zone } = body.group;
      const group = await cloud.blockStorage.groups.create(subject, {
        name,
        description,
        groupType: group_type,
        volumeTypes: volume_types,
        zone: availability_zone ?? undefined,
      });
      return { status: 202, body: { group: summary(group) } };
    },
  }),
  operation({
    ...common,
    id: 'CreateGroupFromSource',
    method: 'POST',
    path: '/groups/action',
    bodyKey: 'create-from-src',
    since: '3.14',
    mode: 'async',
    allow: 'member',
    body: Type.Object({
      name: optionalText('What people call it.'),
      description: optionalText('For people.'),
      group_snapshot_id: optionalText('The group snapshot to copy.'),
      source_group_id: optionalText('The group to copy.'),
    }),
    responses: { 202: NewDocument },
    errors: [400, 401, 404, 413],
    title: 'Create a group from another one',
    summary: 'Makes a group with a copy of each volume of a group, or of each snapshot of a group snapshot.',
    examples: [
      {
        title: 'Of a group',
        body: { 'create-from-src': { name: 'shop-copy', source_group_id: exampleGroupId } },
        status: 202,
      },
    ],
    handle: async ({ cloud, subject, body }) => {
      const groupId = namedId('group', body.source_group_id);
      const groupSnapshotId = namedId('group_snapshot', body.group_snapshot_id);
      if ((groupId === undefined) === (groupSnapshotId === undefined)) {
        const words = 'Either group_snapshot_id or source_group_id must be provided, and not both.';
        throw new CloudError('invalid', `Invalid input received: ${words}`);
      }
      const { name, description } = body;
      const source = groupId === undefined ? { groupSnapshotId: groupSnapshotId! } : { groupId };
      const group = await cloud.blockStorage.groups.createFrom(subject, { name, description, source });
      return { status: 202, body: { group: summary(group) } };
    },
  }),
  operation({
    ...common,
    id: 'ShowGroup',
    method: 'GET',
    path: '/groups/{group_id}',
    mode: 'sync',
    allow: 'reader',
    params,
    query: Type.Object({ list_volume: Type.Optional(Type.String({ description: 'true: with its volumes.' })) }),
    responses: { 200: Type.Object({ group: GroupSchema }) },
    errors: [401, 404],
    title: 'Show a group',
    summary: 'Everything about one volume group.',
    examples: [{ title: 'By id', ...example, status: 200 }],
    handle: async (call) => {
      const group = await call.cloud.blockStorage.groups.get(call.subject, groupIdOf(call.params));
      return { body: { group: view(group, await call.cloud.zones.names(), call as never) } };
    },
  }),
  operation({
    ...common,
    id: 'UpdateGroup',
    method: 'PUT',
    path: '/groups/{group_id}',
    mode: 'sync',
    allow: 'member',
    params,
    body: Type.Object({
      group: Type.Object({
        name: optionalText('What people call it.'),
        description: optionalText('For people.'),
        add_volumes: optionalText('Ids of volumes, with commas between them.'),
        remove_volumes: optionalText('Ids of volumes, with commas between them.'),
      }),
    }),
    responses: { 202: null },
    errors: [400, 401, 404],
    title: 'Update a group',
    summary: 'Changes what is words about it, and which volumes are in it.',
    examples: [{ title: 'Another name', ...example, body: { group: { name: 'old-shop' } }, status: 202 }],
    handle: async ({ cloud, subject, params, body }) => {
      const { name, description, add_volumes, remove_volumes } = body.group;
      const changes = {
        name: name ?? undefined,
        description: description ?? undefined,
        add: volumesIn(add_volumes),
        remove: volumesIn(remove_volumes),
      };
      const isNothing = changes.name === undefined && changes.description === undefined;
      if (isNothing && changes.add.length === 0 && changes.remove.length === 0) {
        const words = 'Name, description, add_volumes, and remove_volumes can not be all empty in the request body.';
        throw new CloudError('invalid', `Invalid input received: ${words}`);
      }
      await cloud.blockStorage.groups.update(subject, groupIdOf(params), changes);
      return { status: 202 };
    },
  }),
  operation({
    ...ofGroup,
    id: 'DeleteGroup',
    bodyKey: 'delete',
    mode: 'async',
    allow: 'member',
    body: Type.Object({ 'delete-volumes': Type.Optional(flag({ description: 'With its volumes.' })) }),
    responses: { 202: null },
    errors: [400, 401, 404],
    title: 'Delete a group',
    summary: 'Deletes a group that has no volumes, or with them. It must have no group snapshots.',
    examples: [{ title: 'With its volumes', ...example, body: { delete: { 'delete-volumes': true } }, status: 202 }],
    handle: async ({ cloud, subject, params, body }) => {
      const withVolumes = booleanOf(body['delete-volumes'] ?? false, 'delete-volumes');
      await cloud.blockStorage.groups.delete(subject, groupIdOf(params), { withVolumes });
      return { status: 202 };
    },
  }),
  operation({
    ...ofGroup,
    id: 'ResetGroupStatus',
    bodyKey: 'reset_status',
    since: '3.20',
    mode: 'sync',
    allow: 'admin',
    body: Type.Object({ status: Type.Union(['creating', 'available', 'error'].map((one) => Type.Literal(one))) }),
    responses: { 202: null },
    errors: [400, 401, 403, 404],
    title: 'Reset the status of a group',
    summary: 'Says in what state a group is, where the cloud has it wrong. Nothing else changes.',
    examples: [{ title: 'In error', ...example, body: { reset_status: { status: 'error' } }, status: 202 }],
    handle: async ({ cloud, subject, params, body }) => {
      await cloud.blockStorage.groups.resetStatus(subject, groupIdOf(params), body.status as GroupStatus);
      return { status: 202 };
    },
  }),
];

function volumesIn(words: string | null | undefined): string[] {
  const ids = (words ?? '').split(',').map((one) => one.trim());
  return ids.filter((one) => one !== '').map((one) => idOf('volume', one));
}
