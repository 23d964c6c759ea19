import { Type } from 'typebox';
import { type AnyOperation, operation } from '../../api/operation.ts';
import { CloudError } from '../../cloud/errors.ts';
import type { Volume } from '../../cloud/volumes/model.ts';
import { withDashes } from '../../env/env.ts';
import { isoMicros } from '../openstack/common/time.ts';
import { volumeAttachmentOperations } from '../openstack/compute/volume-attachments.ts';
import { actionOperations } from '../openstack/volume/actions.ts';
import { metadataOperations } from '../openstack/volume/metadata.ts';
import { snapshotOperations } from '../openstack/volume/snapshots.ts';
import { typeSpecOperations } from '../openstack/volume/type-specs.ts';
import { typeOperations } from '../openstack/volume/types.ts';
import { type Places, placesOf } from '../openstack/volume/view.ts';
import { volumeOperations, wantedVolume } from '../openstack/volume/volumes.ts';
import { idOf, inGib, Metadata, optionalText, textOrNull } from '../openstack/volume/wire.ts';

/** What K5's block storage has of Cinder's, which came with later versions than its second. */
const later = new Set(['RevertVolume', 'SummariseVolumes']);
/** Types are made by the cloud's operator, through Cinder's own API. */
const typeReads = new Set(['ListVolumeTypes', 'ShowVolumeType', 'ShowDefaultVolumeType', 'ListVolumeTypeExtraSpecs']);

const words: Record<string, Pick<AnyOperation, 'title' | 'summary'>> = {
  CreateVolume: {
    title: 'Create volume (1)',
    summary:
      'Makes a volume: blank, or of an image, a snapshot or another volume. It must be in the availability zone of the ' +
      'server that is to use it.',
  },
  UploadVolumeImage: {
    title: 'Create image',
    summary:
      'Makes an image of a volume. Without `force` the volume must not be attached to a server; with it the image is ' +
      'the volume as of one moment.',
  },
  ShowVolume: { title: 'Show volume information (1)', summary: 'Everything about one volume.' },
};

/** Volumes, snapshots and volume types as K5 has them, below `/v2/{tenant_id}`: Cinder's second version. */
export const k5VolumeOperations: readonly AnyOperation[] = [
  ...volumeOperations,
  ...metadataOperations,
  ...actionOperations,
  ...snapshotOperations,
  ...[...typeOperations, ...typeSpecOperations].filter(({ id }) => typeReads.has(id)),
]
  .filter(({ id }) => !later.has(id))
  .map((cinder) => ({ ...cinder, ...words[cinder.id], dialect: 'k5', since: '2.0' }));

const OldVolume = Type.Object({
  id: Type.String(),
  displayName: textOrNull(),
  displayDescription: textOrNull(),
  status: Type.String(),
  size: Type.Integer({ description: 'GiB.' }),
  volumeType: Type.String(),
  snapshotId: textOrNull(),
  availabilityZone: Type.String(),
  createdAt: Type.String(),
  metadata: Metadata,
  attachments: Type.Array(
    Type.Object({
      id: Type.Optional(Type.String()),
      volumeId: Type.Optional(Type.String()),
      serverId: Type.Optional(Type.String()),
      device: Type.Optional(textOrNull()),
    }),
  ),
});

/** A volume in the words of the compute API's own volume calls. One that no server has shows one empty attachment. */
function oldView(volume: Volume, { zones, types }: Pick<Places, 'zones' | 'types'>) {
  const id = withDashes(volume.id);
  const isAttached = volume.serverId !== null && volume.status !== 'attaching';
  const attachment = { id, volumeId: id, serverId: withDashes(volume.serverId ?? ''), device: volume.device };
  return {
    id,
    displayName: volume.name,
    displayDescription: volume.description,
    status: volume.status,
    size: inGib(volume.size),
    volumeType: types.get(volume.volumeType) ?? '',
    snapshotId: volume.snapshotId === null ? null : withDashes(volume.snapshotId),
    availabilityZone: zones.get(volume.zoneId) ?? '',
    createdAt: isoMicros(volume.createdAt),
    metadata: volume.metadata,
    attachments: isAttached ? [attachment] : [{}],
  };
}

const common = { dialect: 'k5', group: 'volumes', since: '1.1' } as const;
const params = Type.Object({ volume_id: Type.String() });
const exampleId = '3ef39e1a-cc97-4a0e-8ba5-dfbbc4f2c24e';
const example = { params: { volume_id: exampleId } };
const everything = { limit: 1000, sort: [{ key: 'created_at', direction: 'desc' }] } as const;

function list(id: string, path: string): AnyOperation {
  return operation({
    ...common,
    id,
    method: 'GET',
    path,
    mode: 'sync',
    allow: 'reader',
    responses: { 200: Type.Object({ volumes: Type.Array(OldVolume) }) },
    errors: [401],
    title: 'List volumes (2)',
    summary: 'The volumes of the project, newest first.',
    examples: [{ title: 'All', status: 200 }],
    handle: async ({ cloud, subject }) => {
      const places = await placesOf(cloud);
      const volumes = await cloud.blockStorage.list(subject, {}, everything);
      return { body: { volumes: volumes.map((volume) => oldView(volume, places)) } };
    },
  });
}

/** Volumes through the compute API, below `/v1.1/{tenant_id}`: other words, and 200 for a volume that is being made. */
export const k5OldVolumeOperations: readonly AnyOperation[] = [
  operation({
    ...common,
    id: 'CreateVolumeByCompute',
    method: 'POST',
    path: '/os-volumes',
    mode: 'async',
    allow: 'member',
    body: Type.Object({
      volume: Type.Object({
        size: Type.Optional(Type.Unsafe<number | string | null>({ type: ['integer', 'string', 'null'] })),
        display_name: optionalText('What people call it.'),
        display_description: optionalText('For people.'),
        volume_type: optionalText('Name or id.'),
        snapshot_id: optionalText('The snapshot it is made of.'),
        availability_zone: optionalText('Must be that of the server that is to use it.'),
        metadata: Type.Optional(Type.Unsafe<Record<string, string> | null>({ anyOf: [{ type: 'null' }, Metadata] })),
      }),
    }),
    responses: { 200: Type.Object({ volume: OldVolume }) },
    errors: [400, 401, 404, 413],
    title: 'Create volume (2)',
    summary: 'Makes a volume, blank or of a snapshot. It is `available` when it is there.',
    examples: [
      {
        title: 'Blank',
        body: { volume: { display_name: 'data', display_description: 'Where the database is', size: 10 } },
        status: 200,
        response: {
          volume: {
            id: exampleId,
            displayName: 'data',
            displayDescription: 'Where the database is',
            status: 'creating',
            size: 10,
            volumeType: 'local',
            snapshotId: null,
            availabilityZone: 'nova',
            createdAt: '2018-04-27T08:06:53.000000',
            metadata: {},
            attachments: [{}],
          },
        },
      },
    ],
    handle: async ({ cloud, subject, body }) => {
      const { volume } = await cloud.blockStorage.create(subject, wantedVolume(body.volume));
      return { body: { volume: oldView(volume, await placesOf(cloud)) } };
    },
  }),
  list('ListVolumesByCompute', '/os-volumes'),
  list('ListVolumesDetailsByCompute', '/os-volumes/detail'),
  operation({
    ...common,
    id: 'ShowVolumeByCompute',
    method: 'GET',
    path: '/os-volumes/{volume_id}',
    mode: 'sync',
    allow: 'reader',
    params,
    responses: { 200: Type.Object({ volume: OldVolume }) },
    errors: [401, 404],
    title: 'Show volume information (2)',
    summary: 'Everything about one volume.',
    examples: [{ title: 'By id', ...example, status: 200 }],
    handle: async ({ cloud, subject, params: { volume_id } }) => {
      const volume = await cloud.blockStorage.get(subject, idOf('volume', volume_id));
      return { body: { volume: oldView(volume, await placesOf(cloud)) } };
    },
  }),
  operation({
    ...common,
    id: 'DeleteVolumeByCompute',
    method: 'DELETE',
    path: '/os-volumes/{volume_id}',
    mode: 'async',
    allow: 'member',
    params,
    responses: { 202: null },
    errors: [400, 401, 404],
    title: 'Delete volume (2)',
    summary: 'Deletes a volume that no server has.',
    examples: [{ title: 'By id', ...example, status: 202 }],
    handle: async ({ cloud, subject, params: { volume_id } }) => {
      await cloud.blockStorage.delete(subject, idOf('volume', volume_id));
      return { status: 202 };
    },
  }),
];

/** A server's volumes, below `/v2/{tenant_id}`: Nova's, but for the names of devices that are taken. */
export const k5VolumeAttachmentOperations: readonly AnyOperation[] = volumeAttachmentOperations
  .filter(({ id }) => id !== 'UpdateVolumeAttachment')
  .map((nova) => ({
    ...nova,
    dialect: 'k5',
    since: '2.0',
    handle: (call) => {
      if (nova.id === 'AttachVolume') requireVirtioName(call.body);
      return nova.handle(call);
    },
  }));

/** K5 takes null, or `/dev/vd` and lower-case letters behind those of the system volume. */
function requireVirtioName(body: unknown): void {
  const { device } = (body as { volumeAttachment: { device?: string | null } }).volumeAttachment;
  if (device === null || device === undefined || /^\/dev\/vd[a-z]+$/.test(device)) return;
  throw new CloudError('invalid', `The supplied device path (${device}) is invalid.`, { reason: 'device_malformed' });
}
