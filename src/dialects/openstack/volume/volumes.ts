import { Type } from 'typebox';
import { type Call, operation } from '../../../api/operation.ts';
import type { Volume } from '../../../cloud/volumes/model.ts';
import { withDashes } from '../../../env/env.ts';
import { LinkSchema } from '../common/links.ts';
import { atLeast } from '../common/microversion.ts';
import { nextLinks } from '../common/pagination.ts';
import { queryFlag } from '../common/query.ts';
import { exampleVolume, exampleVolumeId } from './example.ts';
import { storagePage, VolumeQuery, volumeFilter } from './queries.ts';
import {
  detailView,
  newVolumeDocument,
  placesOf,
  summaryView,
  VolumeSchema,
  VolumeSummary,
  volumeDocument,
} from './view.ts';
import { bytesOf, idOf, inGib, Metadata, namedId, optionalText } from './wire.ts';

const common = { dialect: 'volume', group: 'volumes', since: '3.0' } as const;
const ofVolume = Type.Object({ volume_id: Type.String() });
const VolumeDocument = Type.Object({ volume: VolumeSchema });

type ListCall = Call<unknown, Record<string, string | undefined>>;

/** One page of volumes, and what the answer says beside them. */
async function listed(call: ListCall): Promise<{ volumes: Volume[]; more: object }> {
  const { cloud, subject, query, context, origin, raw } = call;
  const filter = await volumeFilter(cloud, subject, query);
  const page = storagePage('volumes', query);
  const volumes = await cloud.blockStorage.list(subject, filter, page);
  const ends = volumes.map(({ id }) => ({ id: withDashes(id) }));
  const links = nextLinks('volumes', ends, { limit: page.limit, marker: page.marker }, { origin, url: raw.url! });
  const counts = atLeast(context, 3, 45) && queryFlag(query['with_count']);
  if (!counts) return { volumes, more: links };
  const all = await cloud.blockStorage.list(subject, filter, {
    ...page,
    limit: 1_000_000,
    marker: undefined,
    offset: 0,
  });
  return { volumes, more: { ...links, count: all.length } };
}

const ListMore = { volumes_links: Type.Optional(Type.Array(LinkSchema)), count: Type.Optional(Type.Integer()) };

const NewVolumeBody = Type.Object({
  size: Type.Optional(
    Type.Unsafe<number | string | null>({
      type: ['integer', 'string', 'null'],
      description: 'GiB. Needed for blank volumes and those made of an image.',
    }),
  ),
  name: optionalText('What people call it; need not be unique.'),
  display_name: optionalText('The older word for name.'),
  description: optionalText('For people.'),
  display_description: optionalText('The older word for description.'),
  imageRef: optionalText('The image it is made of: then a server can boot from it.'),
  source_volid: optionalText('The volume it is to be a copy of.'),
  snapshot_id: optionalText('The snapshot it is made of.'),
  volume_type: optionalText('Name or id.'),
  availability_zone: optionalText('Must be that of the servers that are to use it.'),
  metadata: Type.Optional(Type.Unsafe<Record<string, string> | null>({ anyOf: [{ type: 'null' }, Metadata] })),
  backup_id: optionalText('The backup it is made of; from 3.47 on.'),
  multiattach: Type.Optional(Type.Unsafe<boolean | null>({ type: ['boolean', 'null'] })),
  group_id: optionalText('The group that it is to be in; from 3.13 on.'),
});

export const volumeOperations = [
  operation({
    ...common,
    id: 'ListVolumes',
    method: 'GET',
    path: '/volumes',
    mode: 'sync',
    allow: 'reader',
    query: VolumeQuery,
    responses: { 200: Type.Object({ volumes: Type.Array(VolumeSummary), ...ListMore }) },
    errors: [400, 401],
    title: 'List volumes',
    summary:
      'Ids, names and links of the volumes of the project, newest first. Disks that are part of a server are none.',
    examples: [{ title: 'Volumes that are free', query: { status: 'available' }, status: 200 }],
    handle: async (call) => {
      const { volumes, more } = await listed(call as ListCall);
      return { body: { volumes: volumes.map((volume) => summaryView(volume, call)), ...more } };
    },
  }),
  operation({
    ...common,
    id: 'ListVolumesDetails',
    method: 'GET',
    path: '/volumes/detail',
    mode: 'sync',
    allow: 'reader',
    query: VolumeQuery,
    responses: { 200: Type.Object({ volumes: Type.Array(VolumeSchema), ...ListMore }) },
    errors: [400, 401],
    title: 'List volumes with details',
    summary: 'Everything about the volumes of the project.',
    examples: [{ title: 'Largest first', query: { sort: 'size:desc' }, status: 200 }],
    handle: async (call) => {
      const { volumes, more } = await listed(call as ListCall);
      const places = await placesOf(call.cloud);
      return { body: { volumes: volumes.map((volume) => detailView(volume, places, call)), ...more } };
    },
  }),
  operation({
    ...common,
    id: 'CreateVolume',
    method: 'POST',
    path: '/volumes',
    mode: 'async',
    allow: 'member',
    body: Type.Object({ volume: NewVolumeBody }),
    responses: { 202: VolumeDocument },
    errors: [400, 401, 404, 413],
    title: 'Create a volume',
    summary: 'Makes a volume: blank, or of an image, another volume or a snapshot. It is `available` when it is there.',
    examples: [
      {
        title: 'Blank',
        body: { volume: { name: 'data', size: 10, description: 'Where the database is', metadata: { tier: 'gold' } } },
        status: 202,
        response: { volume: exampleVolume },
      },
    ],
    handle: async (call) => {
      const { volume } = await call.cloud.blockStorage.create(call.subject, {
        ...wantedVolume(call.body.volume),
        groupId: atLeast(call.context, 3, 13) ? namedId('group', call.body.volume.group_id) : undefined,
      });
      return { status: 202, body: await newVolumeDocument(call.cloud, volume, call) };
    },
  }),
  operation({
    ...common,
    id: 'SummariseVolumes',
    method: 'GET',
    path: '/volumes/summary',
    since: '3.12',
    mode: 'sync',
    allow: 'reader',
    query: VolumeQuery,
    responses: {
      200: Type.Object({
        'volume-summary': Type.Object({
          total_size: Type.Integer(),
          total_count: Type.Integer(),
          metadata: Type.Optional(
            Type.Unsafe<Record<string, string[]>>({ type: 'object', additionalProperties: true }),
          ),
        }),
      }),
    },
    errors: [401],
    title: 'Summarise volumes',
    summary: 'How many volumes the project has, and how large they are together, in GiB.',
    examples: [{ title: 'All', status: 200, response: { 'volume-summary': { total_size: 10, total_count: 1 } } }],
    handle: async ({ cloud, subject, query, context }) => {
      const filter = await volumeFilter(cloud, subject, query as Record<string, string>);
      const page = { limit: 1_000_000, sort: [{ key: 'created_at', direction: 'desc' }] } as const;
      const volumes = await cloud.blockStorage.list(subject, filter, page);
      const total_size = volumes.reduce((sum, { size }) => sum + inGib(size), 0);
      const metadata = atLeast(context, 3, 36) ? { metadata: valuesByKey(volumes) } : {};
      return { body: { 'volume-summary': { total_size, total_count: volumes.length, ...metadata } } };
    },
  }),
  operation({
    ...common,
    id: 'ShowVolume',
    method: 'GET',
    path: '/volumes/{volume_id}',
    mode: 'sync',
    allow: 'reader',
    params: ofVolume,
    responses: { 200: VolumeDocument },
    errors: [401, 404],
    title: 'Show a volume',
    summary: 'Everything about one volume.',
    examples: [{ title: 'By id', params: { volume_id: exampleVolumeId }, status: 200 }],
    handle: async (call) => {
      const volume = await call.cloud.blockStorage.get(call.subject, idOf('volume', call.params.volume_id));
      return { body: await volumeDocument(call.cloud, volume, call) };
    },
  }),
  operation({
    ...common,
    id: 'UpdateVolume',
    method: 'PUT',
    path: '/volumes/{volume_id}',
    mode: 'sync',
    allow: 'member',
    params: ofVolume,
    body: Type.Object({
      volume: Type.Object({
        name: optionalText('What people call it.'),
        display_name: optionalText('The older word for name.'),
        description: optionalText('For people.'),
        display_description: optionalText('The older word for description.'),
        metadata: Type.Optional(Metadata),
      }),
    }),
    responses: { 200: VolumeDocument },
    errors: [400, 401, 404],
    title: 'Update a volume',
    summary: 'Changes what is words about the volume.',
    examples: [
      {
        title: 'Another name',
        params: { volume_id: exampleVolumeId },
        body: { volume: { name: 'old-data' } },
        status: 200,
      },
    ],
    handle: async (call) => {
      const { blockStorage } = call.cloud;
      const id = idOf('volume', call.params.volume_id);
      const { name, display_name, description, display_description, metadata } = call.body.volume;
      const changes = { name: name ?? display_name, description: description ?? display_description };
      if (metadata) await blockStorage.setMetadata(call.subject, id, () => metadata);
      const volume = await blockStorage.update(call.subject, id, changes);
      return { body: await newVolumeDocument(call.cloud, volume, call) };
    },
  }),
  operation({
    ...common,
    id: 'DeleteVolume',
    method: 'DELETE',
    path: '/volumes/{volume_id}',
    mode: 'async',
    allow: 'member',
    params: ofVolume,
    query: Type.Object({
      cascade: Type.Optional(Type.String({ description: 'true: with its snapshots.' })),
      force: Type.Optional(Type.String({ description: 'true: in whatever state, for administrators; from 3.23 on.' })),
    }),
    responses: { 202: null },
    errors: [400, 401, 403, 404],
    title: 'Delete a volume',
    summary: 'Deletes a volume that no server has. It is gone when showing it answers 404.',
    examples: [{ title: 'By id', params: { volume_id: exampleVolumeId }, status: 202 }],
    handle: async ({ cloud, subject, params, query, context }) => {
      const force = atLeast(context, 3, 23) && queryFlag(query.force);
      await cloud.blockStorage.delete(subject, idOf('volume', params.volume_id), {
        cascade: queryFlag(query.cascade),
        force,
      });
      return { status: 202 };
    },
  }),
];

interface WantedVolume {
  size?: number | string | null;
  name?: string | null;
  display_name?: string | null;
  description?: string | null;
  display_description?: string | null;
  imageRef?: string | null;
  source_volid?: string | null;
  snapshot_id?: string | null;
  volume_type?: string | null;
  availability_zone?: string | null;
  metadata?: Record<string, string> | null;
  backup_id?: string | null;
  multiattach?: boolean | null;
}

/** What is asked for in Cinder's words, in the engine's. */
export function wantedVolume(wanted: WantedVolume) {
  return {
    size: bytesOf(wanted.size, 'size'),
    name: wanted.name ?? wanted.display_name ?? null,
    description: wanted.description ?? wanted.display_description ?? null,
    imageId: namedId('image', wanted.imageRef),
    sourceVolumeId: namedId('volume', wanted.source_volid),
    snapshotId: namedId('snapshot', wanted.snapshot_id),
    backupId: namedId('backup', wanted.backup_id),
    volumeType: wanted.volume_type || undefined,
    zone: wanted.availability_zone || undefined,
    metadata: wanted.metadata ?? undefined,
    multiattach: wanted.multiattach ?? false,
  };
}

function valuesByKey(volumes: readonly Volume[]): Record<string, string[]> {
  const found: Record<string, string[]> = {};
  for (const { metadata } of volumes) {
    for (const [key, value] of Object.entries(metadata)) {
      const values = found[key] ?? [];
      if (!values.includes(value)) found[key] = [...values, value];
    }
  }
  return found;
}
