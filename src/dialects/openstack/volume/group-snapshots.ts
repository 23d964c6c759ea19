import { Type } from 'typebox';
import { type Call, operation } from '../../../api/operation.ts';
import { type GroupSnapshot, type GroupStatus, groupSnapshotNotFound } from '../../../cloud/volumes/groups/model.ts';
import { parseId, withDashes } from '../../../env/env.ts';
import { LinkSchema } from '../common/links.ts';
import { queryFlag } from '../common/query.ts';
import { isoMicros } from '../common/time.ts';
import { exampleGroupId } from './groups.ts';
import { ListQuery, listed } from './plain-list.ts';
import { namedId, optionalText, textOrNull } from './wire.ts';

const exampleId = 'a0f31b4d-2c1b-4a7e-8a54-0f3f0a0f7d10';

const Summary = Type.Object({ id: Type.String(), name: textOrNull() });
const NewSchema = Type.Object({ id: Type.String(), name: textOrNull(), group_type_id: Type.String() });
const GroupSnapshotSchema = Type.Object({
  id: Type.String(),
  name: textOrNull(),
  description: textOrNull(),
  status: Type.String(),
  group_id: Type.String(),
  group_type_id: Type.String(),
  created_at: Type.String(),
});
const more = { group_snapshot_links: Type.Optional(Type.Array(LinkSchema)) };

const summary = (one: GroupSnapshot) => ({ id: withDashes(one.id), name: one.name });

function view(one: GroupSnapshot) {
  return {
    ...summary(one),
    description: one.description,
    status: one.status,
    group_id: withDashes(one.groupId),
    group_type_id: withDashes(one.groupTypeId),
    created_at: isoMicros(one.createdAt),
  };
}

async function page(call: Call<unknown, Record<string, string | undefined>>) {
  const { cloud, subject, query } = call;
  const allProjects = queryFlag(query['all_tenants']);
  const all = await cloud.blockStorage.groups.snapshots.list(subject, { allProjects });
  const matching = all.filter(
    (one) =>
      (query['name'] ?? one.name) === one.name &&
      (query['status'] ?? one.status) === one.status &&
      (query['group_id'] === undefined || parseId(query['group_id']) === one.groupId),
  );
  return listed('group_snapshot', matching, call);
}

function idIn({ group_snapshot_id }: { group_snapshot_id: string }): string {
  const id = parseId(group_snapshot_id);
  if (id) return id;
  throw groupSnapshotNotFound(group_snapshot_id);
}

const common = { dialect: 'volume', group: 'groups', since: '3.14' } as const;
const params = Type.Object({ group_snapshot_id: Type.String() });
const example = { params: { group_snapshot_id: exampleId } };

export const groupSnapshotOperations = [
  operation({
    ...common,
    id: 'ListGroupSnapshots',
    method: 'GET',
    path: '/group_snapshots',
    mode: 'sync',
    allow: 'reader',
    query: ListQuery,
    responses: { 200: Type.Object({ group_snapshots: Type.Array(Summary), ...more }) },
    errors: [400, 401],
    title: 'List group snapshots',
    summary: 'Ids and names of those of the project, newest first.',
    examples: [{ title: 'All', status: 200 }],
    handle: async (call) => {
      const { items, links } = await page(call as never);
      return { body: { group_snapshots: items.map(summary), ...links } };
    },
  }),
  operation({
    ...common,
    id: 'ListGroupSnapshotsDetails',
    method: 'GET',
    path: '/group_snapshots/detail',
    mode: 'sync',
    allow: 'reader',
    query: ListQuery,
    responses: { 200: Type.Object({ group_snapshots: Type.Array(GroupSnapshotSchema), ...more }) },
    errors: [400, 401],
    title: 'List group snapshots with details',
    summary: 'Everything about them.',
    examples: [{ title: 'All', status: 200 }],
    handle: async (call) => {
      const { items, links } = await page(call as never);
      return { body: { group_snapshots: items.map(view), ...links } };
    },
  }),
  operation({
    ...common,
    id: 'CreateGroupSnapshot',
    method: 'POST',
    path: '/group_snapshots',
    mode: 'async',
    allow: 'member',
    body: Type.Object({
      group_snapshot: Type.Object({
        group_id: Type.String(),
        name: optionalText('What people call it, and its snapshots.'),
        description: optionalText('For people.'),
      }),
    }),
    responses: { 202: Type.Object({ group_snapshot: NewSchema }) },
    errors: [400, 401, 404, 413],
    title: 'Create a group snapshot',
    summary: 'Makes a snapshot of each volume of a group, one after the other: they are not of one moment.',
    examples: [
      { title: 'Of a group', body: { group_snapshot: { group_id: exampleGroupId, name: 'nightly' } }, status: 202 },
    ],
    handle: async ({ cloud, subject, body }) => {
      const { group_id, name, description } = body.group_snapshot;
      const wanted = { groupId: namedId('group', group_id) ?? '', name, description };
      const one = await cloud.blockStorage.groups.snapshots.create(subject, wanted);
      return {
        status: 202,
        body: { group_snapshot: { ...summary(one), group_type_id: withDashes(one.groupTypeId) } },
      };
    },
  }),
  operation({
    ...common,
    id: 'ShowGroupSnapshot',
    method: 'GET',
    path: '/group_snapshots/{group_snapshot_id}',
    mode: 'sync',
    allow: 'reader',
    params,
    responses: { 200: Type.Object({ group_snapshot: GroupSnapshotSchema }) },
    errors: [401, 404],
    title: 'Show a group snapshot',
    summary: 'Everything about one. It is as its snapshots are.',
    examples: [{ title: 'By id', ...example, status: 200 }],
    handle: async ({ cloud, subject, params }) => {
      const one = await cloud.blockStorage.groups.snapshots.get(subject, idIn(params));
      return { body: { group_snapshot: view(one) } };
    },
  }),
  operation({
    ...common,
    id: 'DeleteGroupSnapshot',
    method: 'DELETE',
    path: '/group_snapshots/{group_snapshot_id}',
    mode: 'async',
    allow: 'member',
    params,
    responses: { 202: null },
    errors: [400, 401, 404],
    title: 'Delete a group snapshot',
    summary: 'With its snapshots. What was made of them stays as it is.',
    examples: [{ title: 'By id', ...example, status: 202 }],
    handle: async ({ cloud, subject, params }) => {
      await cloud.blockStorage.groups.snapshots.delete(subject, idIn(params));
      return { status: 202 };
    },
  }),
  operation({
    ...common,
    id: 'ResetGroupSnapshotStatus',
    method: 'POST',
    path: '/group_snapshots/{group_snapshot_id}/action',
    bodyKey: 'reset_status',
    since: '3.19',
    mode: 'sync',
    allow: 'admin',
    params,
    body: Type.Object({ status: Type.Union(['creating', 'available', 'error'].map((one) => Type.Literal(one))) }),
    responses: { 202: null },
    errors: [400, 401, 403, 404],
    title: 'Reset the status of a group snapshot',
    summary: 'Says in what state it is, where the cloud has it wrong. Nothing else changes.',
    examples: [{ title: 'In error', ...example, body: { reset_status: { status: 'error' } }, status: 202 }],
    handle: async ({ cloud, subject, params, body }) => {
      await cloud.blockStorage.groups.snapshots.resetStatus(subject, idIn(params), body.status as GroupStatus);
      return { status: 202 };
    },
  }),
];
