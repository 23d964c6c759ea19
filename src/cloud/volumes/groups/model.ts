import type { VolumeGroupSnapshotsTable, VolumeGroupsTable, VolumeGroupTypesTable } from '../../../database/schema.ts';
import { withDashes } from '../../../env/env.ts';
import { CloudError, notFound } from '../../errors.ts';

/** A kind of groups that administrators offer. */
export interface GroupType {
  id: string;
  name: string;
  description: string | null;
  /** Others are seen by administrators only. */
  isPublic: boolean;
  /** What the storage must be able to do with a group: name → text. */
  specs: Record<string, string>;
  createdAt: number;
}

export type GroupStatus = 'creating' | 'available' | 'error';

/** Volumes of one project that are copied and deleted together. */
export interface VolumeGroup {
  id: string;
  projectId: string;
  name: string | null;
  description: string | null;
  status: GroupStatus;
  groupTypeId: string;
  zoneId: string;
  /** Ids of the types that its volumes may have. */
  volumeTypeIds: readonly string[];
  volumeIds: readonly string[];
  /** What it was made of. */
  groupSnapshotId: string | null;
  sourceGroupId: string | null;
  createdAt: number;
}

/** Snapshots of all volumes of a group, asked for at once. */
export interface GroupSnapshot {
  id: string;
  projectId: string;
  groupId: string;
  groupTypeId: string;
  name: string | null;
  description: string | null;
  status: GroupStatus;
  createdAt: number;
}

export function groupTypeFromRow(row: VolumeGroupTypesTable): GroupType {
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    isPublic: row.is_public === 1,
    specs: JSON.parse(row.group_specs) as Record<string, string>,
    createdAt: row.created_at,
  };
}

/** A member of a group or of a group snapshot: its id, and how it is. */
export interface Part {
  id: string;
  status: string;
}

/** What was made of something else is not there before its parts are; everything else has nothing to wait for. */
export function groupFromRow(row: VolumeGroupsTable, parts: readonly Part[]): VolumeGroup {
  const isCopy = row.group_snapshot_id !== null || row.source_group_id !== null;
  return {
    id: row.id,
    projectId: row.project_id,
    name: row.name,
    description: row.description,
    status: row.status ?? (isCopy ? statusOf(parts) : 'available'),
    groupTypeId: row.group_type_id,
    zoneId: row.zone_id,
    volumeTypeIds: JSON.parse(row.volume_types) as string[],
    volumeIds: parts.map(({ id }) => id),
    groupSnapshotId: row.group_snapshot_id,
    sourceGroupId: row.source_group_id,
    createdAt: row.created_at,
  };
}

export function groupSnapshotFromRow(row: VolumeGroupSnapshotsTable, parts: readonly Part[]): GroupSnapshot {
  return {
    id: row.id,
    projectId: row.project_id,
    groupId: row.group_id,
    groupTypeId: row.group_type_id,
    name: row.name,
    description: row.description,
    status: row.status ?? statusOf(parts),
    createdAt: row.created_at,
  };
}

function statusOf(parts: readonly Part[]): GroupStatus {
  if (parts.some(({ status }) => status === 'error')) return 'error';
  return parts.some(({ status }) => status === 'creating') ? 'creating' : 'available';
}

/** Cinder's refusal of what is valid, but not for this group. */
export function invalidGroup(why: string): CloudError {
  return new CloudError('invalid', `Invalid Group: ${why}`, { reason: 'invalid_group' });
}

export function invalidGroupSnapshot(why: string): CloudError {
  return new CloudError('invalid', `Invalid GroupSnapshot: ${why}`, { reason: 'invalid_group_snapshot' });
}

export function groupNotFound(id: string): CloudError {
  return notFound('group', id, `Group ${withDashes(id)} could not be found.`);
}

export function groupSnapshotNotFound(id: string): CloudError {
  return notFound('group_snapshot', id, `GroupSnapshot ${withDashes(id)} could not be found.`);
}

export function groupTypeNotFound(nameOrId: string): CloudError {
  return notFound('group_type', nameOrId, `Group type ${withDashes(nameOrId)} could not be found.`);
}
