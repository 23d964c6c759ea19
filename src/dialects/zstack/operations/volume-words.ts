import type { Cloud } from '../../../cloud/cloud.ts';
import { CloudError } from '../../../cloud/errors.ts';
import type { Subject } from '../../../cloud/identity/subject.ts';
import type { Volume } from '../../../cloud/volumes/model.ts';
import { invalidArgument, operationFailed, resourceNotFound, ZStackError } from '../protocol/zstack-error.ts';

/** The volume of the subject, root or data; refused as the field that named it. */
export async function volumeNamed(cloud: Cloud, subject: Subject, field: string, uuid: string): Promise<Volume> {
  return await cloud.volumes.get(subject, uuid).catch((error: unknown) => {
    if (error instanceof CloudError && error.code === 'not_found') throw resourceNotFound(field, uuid, 'VolumeVO');
    throw error;
  });
}

/** As `volumeNamed`, for operations on data volumes; the root disks of servers are no volumes of their own. */
export async function dataVolume(cloud: Cloud, subject: Subject, field: string, uuid: string): Promise<Volume> {
  const volume = await volumeNamed(cloud, subject, field, uuid);
  if (volume.origin === 'volume') return volume;
  throw new ZStackError('SYS.1014', `root volume[uuid:${uuid}] can't be used like a data volume in this cloud`);
}

/** What the engine refuses about a volume, in the code that the dialect has for states at run time. */
export async function onVolume<Result>(uuid: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof CloudError)) throw error;
    const { reason } = error.details;
    if (reason === 'root_device') throw invalidArgument(`volume[uuid:${uuid}, type:Root] can't be detached`);
    if (reason === 'invalid_volume' || reason === 'invalid_snapshot') throw operationFailed(error.message);
    throw error;
  }
}
