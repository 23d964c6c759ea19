import { Type } from 'typebox';
import { operation } from '../../../api/operation.ts';
import { notFound } from '../../../cloud/errors.ts';
import type { Snapshot } from '../../../cloud/volumes/snapshot-model.ts';
import { parseId, withDashes } from '../../../env/env.ts';
import { isoMicros } from '../common/time.ts';
import { until } from './microversions.ts';
import { ProxyPage, pageOfProxy } from './proxy-pages.ts';
import { BooleanOrWord, booleanOf, closed, TextOrNull } from './wire.ts';

const common = { dialect: 'compute', group: 'volume proxies', since: '2.1', mode: 'sync' } as const;
const Params = Type.Object({ snapshot_id: Type.String() });
const exampleSnapshot = { snapshot_id: 'b1323cda-8e4b-41c1-afc5-2fc791809c8c' };

const SnapshotSchema = Type.Object({
  id: Type.String(),
  volumeId: Type.String(),
  status: Type.String(),
  size: Type.Integer({ description: 'GiB.' }),
  createdAt: Type.String(),
  displayName: TextOrNull,
  displayDescription: TextOrNull,
});
const SnapshotDocument = Type.Object({ snapshot: SnapshotSchema });

const NewSnapshot = closed({
  volume_id: Type.String(),
  display_name: Type.Optional(TextOrNull),
  display_description: Type.Optional(TextOrNull),
  force: Type.Optional(BooleanOrWord),
});

function view(snapshot: Snapshot) {
  return {
    id: withDashes(snapshot.id),
    volumeId: withDashes(snapshot.volumeId),
    status: snapshot.status,
    size: Math.ceil(snapshot.size / 2 ** 30),
    createdAt: isoMicros(snapshot.createdAt),
    displayName: snapshot.name,
    displayDescription: snapshot.description,
  };
}

function idOf(kind: string, text: string): string {
  const id = parseId(text);
  if (id) return id;
  throw notFound(kind.toLowerCase(), text, `${kind} ${text} could not be found.`);
}

function list(id: string, path: string, title: string) {
  return operation({
    ...common,
    id,
    method: 'GET',
    path,
    allow: 'reader',
    query: ProxyPage,
    responses: { 200: Type.Object({ snapshots: Type.Array(SnapshotSchema) }) },
    errors: [400, 401, 403],
    title,
    summary: "Snapshots of the project's volumes. Up to 2.35; the volume API tells more.",
    examples: [{ title: 'All', status: 200 }],
    async handle({ cloud, subject, query }) {
      const snapshots = await cloud.blockStorage.listSnapshots(subject, {}, pageOfProxy(query));
      return { body: { snapshots: snapshots.map(view) } };
    },
  });
}

/** Snapshots of volumes, which Nova passed on to the volume service up to 2.35. */
export const snapshotProxies = [
  list('ListSnapshots', '/os-snapshots', 'List snapshots'),
  list('ListSnapshotsDetails', '/os-snapshots/detail', 'List snapshots with details'),
  operation({
    ...common,
    id: 'CreateSnapshot',
    method: 'POST',
    path: '/os-snapshots',
    allow: 'member',
    body: closed({ snapshot: NewSnapshot }),
    responses: { 200: SnapshotDocument },
    errors: [400, 401, 403, 404],
    title: 'Create a snapshot',
    summary: 'With `force` also of a volume that a server has. Up to 2.35.',
    examples: [
      {
        title: 'Of a volume',
        body: { snapshot: { volume_id: '6edbc2f4-1507-44f8-ac0d-eed1d2608d38', display_name: 'before' } },
        status: 200,
      },
    ],
    async handle({ cloud, subject, body: { snapshot: body } }) {
      const { snapshot } = await cloud.blockStorage.createSnapshot(subject, {
        volumeId: idOf('Volume', body.volume_id),
        name: body.display_name ?? null,
        description: body.display_description ?? null,
        force: booleanOf('force', body.force ?? false),
      });
      return { body: { snapshot: view(snapshot) } };
    },
  }),
  operation({
    ...common,
    id: 'ShowSnapshot',
    method: 'GET',
    path: '/os-snapshots/{snapshot_id}',
    allow: 'reader',
    params: Params,
    responses: { 200: SnapshotDocument },
    errors: [401, 403, 404],
    title: 'Show a snapshot',
    summary: 'Up to 2.35.',
    examples: [{ title: 'By id', params: exampleSnapshot, status: 200 }],
    async handle({ cloud, subject, params }) {
      const snapshot = await cloud.blockStorage.snapshot(subject, idOf('Snapshot', params.snapshot_id));
      return { body: { snapshot: view(snapshot) } };
    },
  }),
  operation({
    ...common,
    id: 'DeleteSnapshot',
    method: 'DELETE',
    path: '/os-snapshots/{snapshot_id}',
    allow: 'member',
    params: Params,
    responses: { 202: null },
    errors: [400, 401, 403, 404],
    title: 'Delete a snapshot',
    summary: 'Up to 2.35.',
    examples: [{ title: 'By id', params: exampleSnapshot, status: 202 }],
    async handle({ cloud, subject, params }) {
      await cloud.blockStorage.deleteSnapshot(subject, idOf('Snapshot', params.snapshot_id));
      return {};
    },
  }),
].map((proxy) => until(35, proxy));
