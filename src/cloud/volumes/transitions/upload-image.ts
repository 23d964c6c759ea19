import { Type } from 'typebox';
import { withDashes } from '../../../env/env.ts';
import { action, span, step } from '../../actions.ts';
import type { Cloud } from '../../cloud.ts';
import { CloudError } from '../../errors.ts';
import type { Subject } from '../../identity/subject.ts';
import type { Image } from '../../images/model.ts';
import type { NewTemplate } from '../../images/templates.ts';
import { adoptTemplate, publishTemplate, type TemplateState } from '../../servers/steps/template.ts';
import { imageMetadataOfRow } from '../creation.ts';
import { type Volume, volumeFromRow } from '../model.ts';
import { invalidVolume, lockSnapshot, lockVolume, settleVolume, steadyStatus } from '../rules.ts';
import { refuseShared } from '../shares.ts';

interface Input {
  templateId: string;
  diskId: string;
  hostId: string;
  serverId?: string;
  format: 'qcow2' | 'raw';
}

/** The host writes a self-contained copy of the disk, as of one moment, into the image store. */
const exportDisk = step<Input, TemplateState>('exportDisk', {
  retry: { attempts: 2, backoffMs: 1000 },
  async do({ services, input }) {
    const staged = await services.images.templates.stage(input.templateId);
    const { diskId, serverId, format } = input;
    const target = { kind: 'file', path: staged.path } as const;
    await services.hosts.agent(input.hostId).exportDisk({ diskId, serverId, format, target });
    return { state: { staged } };
  },
  undo: ({ services, input, state }) => services.images.templates.discard(input.templateId, state.staged),
});

export const uploadImage = action(
  'volume.upload-image',
  Type.Object({
    volumeId: Type.String(),
    templateId: Type.String(),
    diskId: Type.String(),
    hostId: Type.String(),
    serverId: Type.Optional(Type.String()),
    format: Type.Union([Type.Literal('qcow2'), Type.Literal('raw')]),
  }),
  [span('copy_volume_to_image', [exportDisk, adoptTemplate, publishTemplate])],
  {
    async succeeded(tx, { services, input }) {
      const status = await steadyStatus(tx, input.volumeId);
      await settleVolume(services, tx, input.volumeId, 'uploading', { status, last_error: null });
    },
    async failed(tx, { services, input }, failure) {
      await services.images.templates.fail(tx, input.templateId, failure.message);
      const status = await steadyStatus(tx, input.volumeId);
      await settleVolume(services, tx, input.volumeId, 'uploading', { status, last_error: failure.message });
    },
  },
);

/**
 * Makes an image of a volume: K5's way to one. `force` takes also a volume that a server has and writes to: the image
 * is the volume as of one moment.
 */
export async function requestUploadImage(
  cloud: Cloud,
  subject: Subject,
  volumeId: string,
  template: NewTemplate,
  options: { force?: boolean } = {},
): Promise<{ volume: Volume; image: Image; actionId: string }> {
  return await cloud.db.write(async (tx) => {
    const row = await lockVolume(tx, subject, volumeId);
    const isFree = row.status === 'available' || (options.force && row.status === 'in-use');
    if (!isFree) throw invalidVolume(`Volume ${withDashes(volumeId)} status must be available, but is ${row.status}.`);
    await refuseShared(tx, row, 'make an image of it');
    const image = await cloud.images.templates.begin(tx, subject, {
      minDiskGb: Math.ceil(row.size / 2 ** 30),
      zoneId: row.zone_id,
      sourceUrl: `volume://${row.id}`,
      ...template,
      properties: { ...hardwareOf(await imageMetadataOfRow(tx, row)), ...template.properties },
    });
    await cloud.volumes.update(tx, volumeId, { status: 'uploading' });
    const actionId = await cloud.runner.submit(tx, uploadImage, {
      input: {
        volumeId,
        templateId: image.id,
        diskId: row.disk_id!,
        hostId: row.host_id!,
        serverId: row.server_id ?? undefined,
        format: template.diskFormat,
      },
      name: 'upload_image',
      resourceType: 'volume',
      resourceId: volumeId,
      projectId: row.project_id,
      userId: subject.userId,
      requestId: subject.requestId,
    });
    return { volume: volumeFromRow({ ...row, status: 'uploading' }), image, actionId };
  });
}

export const uploadSnapshot = action(
  'snapshot.upload-image',
  Type.Object({
    snapshotId: Type.String(),
    templateId: Type.String(),
    diskId: Type.String(),
    hostId: Type.String(),
    format: Type.Union([Type.Literal('qcow2'), Type.Literal('raw')]),
  }),
  [span('copy_snapshot_to_image', [exportDisk, adoptTemplate, publishTemplate])],
  {
    async succeeded() {},
    failed: (tx, { services, input }, failure) => services.images.templates.fail(tx, input.templateId, failure.message),
  },
);

/**
 * Makes an image of a snapshot: ZStack's templates of snapshots. The snapshot stays as it is; what is asked of it
 * meanwhile, its deletion too, waits for the image.
 */
export async function requestUploadSnapshot(
  cloud: Cloud,
  subject: Subject,
  snapshotId: string,
  template: NewTemplate,
): Promise<{ image: Image; actionId: string }> {
  return await cloud.db.write(async (tx) => {
    const snapshot = await lockSnapshot(tx, subject, snapshotId);
    if (snapshot.status !== 'available') {
      throw new CloudError(
        'invalid',
        `Invalid snapshot: Snapshot status must be available, but is ${snapshot.status}.`,
        {
          reason: 'invalid_snapshot',
        },
      );
    }
    const volume = await tx
      .selectFrom('volumes')
      .select(['zone_id', 'origin', 'last_server_id', 'image_metadata'])
      .where('id', '=', snapshot.volumeId)
      .executeTakeFirstOrThrow();
    const image = await cloud.images.templates.begin(tx, subject, {
      minDiskGb: Math.ceil(snapshot.size / 2 ** 30),
      zoneId: volume.zone_id,
      sourceUrl: `volumesnapshot://${snapshot.id}`,
      ...template,
      properties: { ...hardwareOf(await imageMetadataOfRow(tx, volume)), ...template.properties },
    });
    const actionId = await cloud.runner.submit(tx, uploadSnapshot, {
      input: {
        snapshotId,
        templateId: image.id,
        diskId: snapshot.diskId!,
        hostId: snapshot.hostId!,
        format: template.diskFormat,
      },
      name: 'upload_image',
      resourceType: 'snapshot',
      resourceId: snapshotId,
      projectId: snapshot.projectId,
      userId: subject.userId,
      requestId: subject.requestId,
    });
    return { image, actionId };
  });
}

/** What the volume's own image said of itself, but not what it was. */
const ofTheOldImage = new Set(
  'image_id image_name checksum container_format disk_format min_disk min_ram size'.split(' '),
);

function hardwareOf(imageMetadata: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(imageMetadata).filter(([name]) => !ofTheOldImage.has(name)));
}
