import { Type } from 'typebox';
import type { Cloud } from '../../../cloud/cloud.ts';
import type { Subject } from '../../../cloud/identity/subject.ts';
import type { VolumeAttachment, VolumeShare } from '../../../cloud/volumes/attachments.ts';
import type { Volume } from '../../../cloud/volumes/model.ts';
import { withDashes } from '../../../env/env.ts';
import { LinkSchema, resourceLinks } from '../common/links.ts';
import { atLeast } from '../common/microversion.ts';
import { isoMicros } from '../common/time.ts';
import { poolName } from './services.ts';
import { inGib, Metadata, textOrNull } from './wire.ts';

const AttachmentSchema = Type.Object({
  id: Type.String(),
  attachment_id: Type.String(),
  volume_id: Type.String(),
  server_id: textOrNull(),
  host_name: textOrNull(),
  device: textOrNull(),
  attached_at: textOrNull(),
});

const summary = {
  id: Type.String(),
  name: textOrNull(),
  links: Type.Array(LinkSchema),
};

export const VolumeSummary = Type.Object(summary);

const nothing = Type.Optional(Type.Null());

/** A volume over all microversions. */
export const VolumeSchema = Type.Object({
  ...summary,
  description: textOrNull(),
  status: Type.String(),
  size: Type.Integer({ description: 'GiB.' }),
  availability_zone: Type.String(),
  created_at: Type.String(),
  updated_at: textOrNull(),
  volume_type: Type.String(),
  snapshot_id: textOrNull(),
  source_volid: textOrNull(),
  metadata: Metadata,
  attachments: Type.Array(AttachmentSchema),
  user_id: Type.String(),
  bootable: Type.String({ description: '`true` or `false`, as text.' }),
  encrypted: Type.Boolean(),
  replication_status: Type.Null(),
  consistencygroup_id: Type.Null(),
  multiattach: Type.Boolean(),
  migration_status: textOrNull(),
  volume_image_metadata: Type.Optional(Metadata),
  'os-vol-tenant-attr:tenant_id': Type.Optional(Type.String()),
  'os-vol-host-attr:host': Type.Optional(textOrNull()),
  'os-vol-mig-status-attr:migstat': Type.Optional(textOrNull()),
  'os-vol-mig-status-attr:name_id': nothing,
  group_id: Type.Optional(textOrNull()),
  provider_id: nothing,
  shared_targets: Type.Optional(Type.Boolean()),
  service_uuid: nothing,
  cluster_name: nothing,
  volume_type_id: Type.Optional(Type.String()),
  consumes_quota: Type.Optional(Type.Boolean()),
});

/** Who reads, by which microversion, and where the links lead. */
export interface Reader {
  subject: Subject;
  base: string;
  context: Record<string, unknown>;
}

export function summaryView(volume: Volume, { base }: Reader) {
  const id = withDashes(volume.id);
  return { id, name: volume.name, links: resourceLinks(base, `volumes/${id}`) };
}

/** The names that volumes' views print of other resources. */
export interface Places {
  zones: ReadonlyMap<string, string>;
  hosts: ReadonlyMap<string, string>;
  types: ReadonlyMap<string, string>;
  /** Attachments to something else than a server of this cloud, by volume. */
  attachments: ReadonlyMap<string, VolumeAttachment>;
  /** Further servers that have a volume, by volume. */
  shares: ReadonlyMap<string, readonly VolumeShare[]>;
  /** Groups, by volume. */
  groups: ReadonlyMap<string, string>;
}

export async function placesOf(cloud: Cloud): Promise<Places> {
  const hosts = new Map((await cloud.hosts.list()).map(({ id, name }) => [id, name]));
  return {
    zones: await cloud.zones.names(),
    hosts,
    types: await cloud.blockStorage.types.names(),
    attachments: await cloud.blockStorage.attachments.others(),
    shares: await cloud.blockStorage.attachments.shared(),
    groups: await cloud.blockStorage.groups.byVolume(),
  };
}

export function detailView(volume: Volume, places: Places, reader: Reader) {
  const { context, subject } = reader;
  const hostName = hostNameOf(volume, places);
  const isFromImage = Object.keys(volume.imageMetadata).length > 0;
  return {
    ...newVolumeView(volume, places, reader),
    'os-vol-tenant-attr:tenant_id': volume.projectId,
    ...(isFromImage ? { volume_image_metadata: volume.imageMetadata } : {}),
    ...(subject.isAdmin ? forAdmins(volume, hostName, context) : {}),
  };
}

function hostNameOf({ hostId }: Volume, places: Places): string | null {
  return hostId === null ? null : (places.hosts.get(hostId) ?? null);
}

/** What Cinder tells whoever makes or changes a volume: what its extensions add is not among it. */
function newVolumeView(volume: Volume, places: Places, reader: Reader) {
  const { context, subject } = reader;
  return {
    ...summaryView(volume, reader),
    description: volume.description,
    status: volume.status,
    size: inGib(volume.size),
    availability_zone: places.zones.get(volume.zoneId) ?? '',
    created_at: isoMicros(volume.createdAt),
    updated_at: isoMicros(volume.updatedAt),
    volume_type: places.types.get(volume.volumeType) ?? '',
    snapshot_id: dashed(volume.snapshotId),
    source_volid: dashed(volume.sourceVolumeId),
    metadata: volume.metadata,
    attachments: attachmentsOf(volume, places, subject.isAdmin ? hostNameOf(volume, places) : null),
    user_id: volume.userId,
    bootable: String(volume.bootable),
    encrypted: false,
    replication_status: null,
    consistencygroup_id: null,
    multiattach: volume.multiattach,
    migration_status: subject.isAdmin ? volume.migrationStatus : null,
    ...(atLeast(context, 3, 13) ? { group_id: dashed(places.groups.get(volume.id) ?? null) } : {}),
    ...(atLeast(context, 3, 48) ? { shared_targets: false, service_uuid: null } : {}),
    ...(atLeast(context, 3, 63) ? { volume_type_id: withDashes(volume.volumeType) } : {}),
    ...(atLeast(context, 3, 65) ? { consumes_quota: true } : {}),
  };
}

function forAdmins(volume: Volume, hostName: string | null, context: Record<string, unknown>) {
  return {
    'os-vol-host-attr:host': hostName === null ? null : poolName(hostName, volume.storageId),
    'os-vol-mig-status-attr:migstat': volume.migrationStatus,
    'os-vol-mig-status-attr:name_id': null,
    ...(atLeast(context, 3, 21) ? { provider_id: null } : {}),
    ...(atLeast(context, 3, 61) ? { cluster_name: null } : {}),
  };
}

/** A volume that is only on its way to a server is not attached yet. */
function attachmentsOf(volume: Volume, places: Places, hostName: string | null) {
  const id = withDashes(volume.id);
  const other = places.attachments.get(volume.id);
  if (other) {
    const { attachedAt, connector, device, serverId } = other;
    const host = connector?.['host'];
    return [
      {
        id,
        attachment_id: withDashes(other.id),
        volume_id: id,
        server_id: serverId === null ? null : withDashes(serverId),
        host_name: typeof host === 'string' ? host : null,
        device,
        attached_at: attachedAt === null ? null : isoMicros(attachedAt),
      },
    ];
  }
  if (volume.serverId === null || volume.status === 'creating') return [];
  const shares = places.shares.get(volume.id) ?? [];
  const isOneComing = shares.some(({ status }) => status === 'attaching');
  const { attachmentId, attachedAt, device, serverId } = volume;
  const first = { id: attachmentId ?? volume.id, serverId, device, attachedAt };
  return [
    ...(volume.status === 'attaching' && !isOneComing ? [] : [first]),
    ...shares.filter(({ status }) => status !== 'attaching'),
  ].map((one) => ({
    id,
    attachment_id: withDashes(one.id),
    volume_id: id,
    server_id: withDashes(one.serverId),
    host_name: hostName,
    device: one.device,
    attached_at: one.attachedAt === null ? null : isoMicros(one.attachedAt),
  }));
}

export function dashed(id: string | null): string | null {
  return id === null ? null : withDashes(id);
}

/** One volume as the answer to a request about it. */
export async function volumeDocument(cloud: Cloud, volume: Volume, reader: Reader) {
  return { volume: detailView(volume, await placesOf(cloud), reader) };
}

/** The same, for whoever has just made or changed it. */
export async function newVolumeDocument(cloud: Cloud, volume: Volume, reader: Reader) {
  return { volume: newVolumeView(volume, await placesOf(cloud), reader) };
}
