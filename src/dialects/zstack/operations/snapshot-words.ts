import type { Cloud } from '../../../cloud/cloud.ts';
import { CloudError } from '../../../cloud/errors.ts';
import type { Subject } from '../../../cloud/identity/subject.ts';
import type { Snapshot } from '../../../cloud/volumes/snapshot-model.ts';
import { operationFailed, resourceNotFound } from '../protocol/zstack-error.ts';

/** The snapshot of the subject; refused as the field that named it. */
export async function snapshotNamed(cloud: Cloud, subject: Subject, field: string, uuid: string): Promise<Snapshot> {
  return await cloud.blockStorage.snapshot(subject, uuid).catch((error: unknown) => {
    if (!(error instanceof CloudError) || error.code !== 'not_found') throw error;
    throw resourceNotFound(field, uuid, 'VolumeSnapshotVO');
  });
}

/** As `snapshotNamed`, for what needs its bytes. */
export async function readySnapshot(cloud: Cloud, subject: Subject, field: string, uuid: string): Promise<Snapshot> {
  const snapshot = await snapshotNamed(cloud, subject, field, uuid);
  if (snapshot.status === 'available') return snapshot;
  const status = snapshot.status === 'creating' ? 'Creating' : snapshot.status === 'error' ? 'Error' : 'Deleting';
  throw operationFailed(`volume snapshot[uuid:${uuid}] is not Ready, it's ${status}`);
}
