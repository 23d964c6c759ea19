import { Type } from 'typebox';
import { withDashes } from '../../../env/env.ts';
import { action, span, step } from '../../actions.ts';
import type { Cloud } from '../../cloud.ts';
import { CloudError } from '../../errors.ts';
import { operator, type Subject } from '../../identity/subject.ts';
import type { Image } from '../../images/model.ts';
import { bootsFromVolume, type Server } from '../model.ts';
import { transitions } from '../states.ts';
import { setTask } from '../steps/guest.ts';
import { adoptTemplate, exportRootDisk, publishTemplate } from '../steps/template.ts';
import { beginTransition, settleServer } from '../transition.ts';
import { snapshotProperties } from './create-image.ts';

interface Rotation {
  serverId: string;
  projectId: string;
  backupType: string;
  rotation: number;
}

/**
 * Deletes the server's oldest backups of the type, so that as many are left as are wanted. The new one is there by then:
 * where an old one can't be deleted, the next backup does it.
 */
const rotateBackups = step<Rotation>('rotateBackups', {
  async do({ services, input, requestId }) {
    const subject = operator(requestId);
    for (const { id } of await backupsToDelete(services, subject, input)) {
      try {
        await services.images.delete(subject, id);
      } catch (err) {
        services.log.warn({ err, imageId: id }, 'an old backup could not be deleted');
      }
    }
  },
  // Nothing to undo: it is the last step, and can't fail.
});

/** The newest come first. */
async function backupsToDelete(cloud: Cloud, subject: Subject, input: Rotation): Promise<Image[]> {
  const { serverId, projectId, backupType, rotation } = input;
  const properties = { image_type: 'backup', backup_type: backupType, instance_uuid: withDashes(serverId) };
  const backups = await cloud.images.list(subject, { projectId, statuses: ['active'], properties });
  return backups.slice(rotation);
}

export const createBackup = action(
  'server.create-backup',
  Type.Object({
    serverId: Type.String(),
    hostId: Type.String(),
    projectId: Type.String(),
    templateId: Type.String(),
    diskId: Type.String(),
    backupType: Type.String(),
    rotation: Type.Number(),
  }),
  [
    span('compute_backup_instance', [
      exportRootDisk,
      setTask('image_uploading'),
      adoptTemplate,
      publishTemplate,
      rotateBackups,
    ]),
  ],
  {
    async succeeded(tx, { services, input }) {
      await settleServer(services, tx, input.serverId, { task_state: null });
    },
    async failed(tx, { services, input }, failure) {
      await services.images.templates.fail(tx, input.templateId, failure.message);
      await settleServer(services, tx, input.serverId, { task_state: null });
    },
  },
);

export interface BackupRequest {
  name: string;
  /** Any word, as `daily`: backups of the same type take turns. */
  backupType: string;
  /** How many of the type are kept, the new one included. */
  rotation: number;
  properties?: Record<string, string>;
}

/** Makes an image of the server's root disk, as `requestCreateImage`, and deletes the oldest of its kind. */
export async function requestCreateBackup(
  cloud: Cloud,
  subject: Subject,
  serverId: string,
  request: BackupRequest,
): Promise<{ server: Server; actionId: string; image: Image }> {
  let image: Image | undefined;
  const begun = await beginTransition(cloud, subject, serverId, transitions.createBackup, async (tx, server) => {
    if (bootsFromVolume(server)) {
      throw new CloudError('invalid', 'Backup is not supported for volume-backed instances.', {
        reason: 'volume_backed',
      });
    }
    const root = await tx
      .selectFrom('volumes')
      .selectAll()
      .where('id', '=', server.rootVolumeId)
      .executeTakeFirstOrThrow();
    const own = { image_type: 'backup', backup_type: request.backupType };
    image = await cloud.images.templates.begin(tx, subject, {
      name: request.name,
      minDiskGb: Math.ceil(root.size / 2 ** 30),
      zoneId: server.zoneId,
      sourceUrl: `volume://${root.id}`,
      properties: { ...request.properties, ...snapshotProperties(subject, server), ...own },
      diskFormat: 'qcow2',
    });
    const { projectId } = image;
    const { backupType, rotation } = request;
    const input = { serverId, hostId: root.host_id!, projectId, templateId: image.id, diskId: root.disk_id! };
    return { action: createBackup, input: { ...input, backupType, rotation } };
  });
  return { ...begun, image: image! };
}
