import { Type } from 'typebox';
import { type Call, operation } from '../../../api/operation.ts';
import type { Snapshot } from '../../../cloud/volumes/snapshot-model.ts';
import { withDashes } from '../../../env/env.ts';
import { LinkSchema } from '../common/links.ts';
import { atLeast } from '../common/microversion.ts';
import { nextLinks } from '../common/pagination.ts';
import { queryFlag } from '../common/query.ts';
import { isoMicros } from '../common/time.ts';
import { exampleSnapshot, exampleSnapshotId, exampleVolumeId } from './example.ts';
import { SnapshotQuery, snapshotFilter, storagePage } from './queries.ts';
import { dashed } from './view.ts';
import { booleanOf, flag, idOf, inGib, Metadata, optionalText, textOrNull } from './wire.ts';

const SnapshotSchema = Type.Object({
  id: Type.String(),
  name: textOrNull(),
  description: textOrNull(),
  volume_id: Type.String(),
  status: Type.String(),
  size: Type.Integer(),
  created_at: Type.String(),
  updated_at: Type.String(),
  metadata: Metadata,
  'os-extended-snapshot-attributes:progress': Type.Optional(Type.String()),
  'os-extended-snapshot-attributes:project_id': Type.Optional(Type.String()),
  group_snapshot_id: Type.Optional(textOrNull()),
  user_id: Type.Optional(Type.String()),
  consumes_quota: Type.Optional(Type.Boolean()),
});
const SnapshotDocument = Type.Object({ snapshot: SnapshotSchema });
const SnapshotList = Type.Object({
  snapshots: Type.Array(SnapshotSchema),
  snapshots_links: Type.Optional(Type.Array(LinkSchema)),
  count: Type.Optional(Type.Integer()),
});

/** `groups`: the group snapshots, by snapshot; nothing for a view without details. */
function view(snapshot: Snapshot, context: Call['context'], groups?: ReadonlyMap<string, string>) {
  return {
    id: withDashes(snapshot.id),
    name: snapshot.name,
    description: snapshot.description,
    volume_id: withDashes(snapshot.volumeId),
    status: snapshot.status,
    size: inGib(snapshot.size),
    created_at: isoMicros(snapshot.createdAt),
    updated_at: isoMicros(snapshot.updatedAt),
    metadata: snapshot.metadata,
    ...(groups
      ? {
          'os-extended-snapshot-attributes:progress':
            snapshot.progress ?? (snapshot.status === 'creating' ? '0%' : '100%'),
          'os-extended-snapshot-attributes:project_id': snapshot.projectId,
          ...(atLeast(context, 3, 14) ? { group_snapshot_id: dashed(groups.get(snapshot.id) ?? null) } : {}),
          ...(atLeast(context, 3, 41) ? { user_id: snapshot.userId } : {}),
          ...(atLeast(context, 3, 65) ? { consumes_quota: true } : {}),
        }
      : {}),
  };
}

async function list(call: Call<unknown, Record<string, string | undefined>>, isDetailed: boolean) {
  const { cloud, subject, query, context, origin, raw } = call;
  const page = storagePage('snapshots', query);
  const filter = snapshotFilter(subject, query);
  const snapshots = await cloud.blockStorage.listSnapshots(subject, filter, page);
  const ends = snapshots.map(({ id }) => ({ id: withDashes(id) }));
  const links = nextLinks('snapshots', ends, { limit: page.limit, marker: page.marker }, { origin, url: raw.url! });
  const counts = atLeast(context, 3, 45) && queryFlag(query['with_count']);
  const whole = { ...page, limit: 1_000_000, marker: undefined, offset: 0 };
  const count = counts ? { count: (await cloud.blockStorage.listSnapshots(subject, filter, whole)).length } : {};
  const groups = isDetailed ? await cloud.blockStorage.groups.snapshots.bySnapshot() : undefined;
  return { body: { snapshots: snapshots.map((one) => view(one, context, groups)), ...links, ...count } };
}

const common = { dialect: 'volume', group: 'snapshots', since: '3.0' } as const;
const params = Type.Object({ snapshot_id: Type.String() });
const example = { params: { snapshot_id: exampleSnapshotId } };

export const snapshotOperations = [
  operation({
    ...common,
    id: 'ListSnapshots',
    method: 'GET',
    path: '/snapshots',
    mode: 'sync',
    allow: 'reader',
    query: SnapshotQuery,
    responses: { 200: SnapshotList },
    errors: [400, 401],
    title: 'List snapshots',
    summary: 'The snapshots of the project, newest first.',
    examples: [{ title: 'Of one volume', query: { volume_id: exampleVolumeId }, status: 200 }],
    handle: (call) => list(call as never, false),
  }),
  operation({
    ...common,
    id: 'ListSnapshotsDetails',
    method: 'GET',
    path: '/snapshots/detail',
    mode: 'sync',
    allow: 'reader',
    query: SnapshotQuery,
    responses: { 200: SnapshotList },
    errors: [400, 401],
    title: 'List snapshots with details',
    summary: 'Everything about the snapshots of the project.',
    examples: [{ title: 'All', status: 200 }],
    handle: (call) => list(call as never, true),
  }),
  operation({
    ...common,
    id: 'CreateSnapshot',
    method: 'POST',
    path: '/snapshots',
    mode: 'async',
    allow: 'member',
    body: Type.Object({
      snapshot: Type.Object({
        volume_id: textOrNull(),
        name: optionalText('What people call it.'),
        display_name: optionalText('The older word for name.'),
        description: optionalText('For people.'),
        display_description: optionalText('The older word for description.'),
        force: Type.Optional(flag({ description: 'Also of a volume that a server has; from 3.66 on always so.' })),
        metadata: Type.Optional(Type.Unsafe<Record<string, string> | null>({ anyOf: [{ type: 'null' }, Metadata] })),
      }),
    }),
    responses: { 202: SnapshotDocument },
    errors: [400, 401, 404, 413],
    title: 'Create a snapshot',
    summary: 'Copies a volume as it is at one moment. The copy needs nothing of the volume any more.',
    examples: [
      {
        title: 'Before an upgrade',
        body: { snapshot: { volume_id: exampleVolumeId, name: 'before-upgrade' } },
        status: 202,
        response: { snapshot: exampleSnapshot },
      },
    ],
    handle: async ({ cloud, subject, body, context }) => {
      const wanted = body.snapshot;
      const asked = wanted.force !== undefined && booleanOf(wanted.force, 'force');
      const { snapshot } = await cloud.blockStorage.createSnapshot(subject, {
        volumeId: idOf('volume', String(wanted.volume_id)),
        name: wanted.name ?? wanted.display_name,
        description: wanted.description ?? wanted.display_description,
        metadata: wanted.metadata ?? undefined,
        force: asked || atLeast(context, 3, 66),
      });
      return { status: 202, body: { snapshot: view(snapshot, context) } };
    },
  }),
  operation({
    ...common,
    id: 'ShowSnapshot',
    method: 'GET',
    path: '/snapshots/{snapshot_id}',
    mode: 'sync',
    allow: 'reader',
    params,
    responses: { 200: SnapshotDocument },
    errors: [401, 404],
    title: 'Show a snapshot',
    summary: 'Everything about one snapshot.',
    examples: [{ title: 'By id', ...example, status: 200 }],
    handle: async ({ cloud, subject, params: { snapshot_id }, context }) => {
      const snapshot = await cloud.blockStorage.snapshot(subject, idOf('snapshot', snapshot_id));
      const groups = await cloud.blockStorage.groups.snapshots.bySnapshot();
      return { body: { snapshot: view(snapshot, context, groups) } };
    },
  }),
  operation({
    ...common,
    id: 'UpdateSnapshot',
    method: 'PUT',
    path: '/snapshots/{snapshot_id}',
    mode: 'sync',
    allow: 'member',
    params,
    body: Type.Object({
      snapshot: Type.Object({
        name: optionalText('What people call it.'),
        display_name: optionalText('The older word for name.'),
        description: optionalText('For people.'),
        display_description: optionalText('The older word for description.'),
      }),
    }),
    responses: { 200: SnapshotDocument },
    errors: [400, 401, 404],
    title: 'Update a snapshot',
    summary: 'Changes what is words about the snapshot.',
    examples: [{ title: 'Another name', ...example, body: { snapshot: { name: 'old' } }, status: 200 }],
    handle: async ({ cloud, subject, params: { snapshot_id }, body, context }) => {
      const { name, display_name, description, display_description } = body.snapshot;
      const words = { name: name ?? display_name, description: description ?? display_description };
      const id = idOf('snapshot', snapshot_id);
      const snapshot = await cloud.blockStorage.updateSnapshot(subject, id, () => words);
      return { body: { snapshot: view(snapshot, context) } };
    },
  }),
  operation({
    ...common,
    id: 'DeleteSnapshot',
    method: 'DELETE',
    path: '/snapshots/{snapshot_id}',
    mode: 'async',
    allow: 'member',
    params,
    responses: { 202: null },
    errors: [400, 401, 404],
    title: 'Delete a snapshot',
    summary: 'Volumes that were made of it stay as they are.',
    examples: [{ title: 'By id', ...example, status: 202 }],
    handle: async ({ cloud, subject, params: { snapshot_id } }) => {
      await cloud.blockStorage.deleteSnapshot(subject, idOf('snapshot', snapshot_id));
      return { status: 202 };
    },
  }),
];
