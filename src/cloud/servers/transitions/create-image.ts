import { Type } from 'typebox';
import type { Tx } from '../../../database/database.ts';
import { withDashes } from '../../../env/env.ts';
import { action, span } from '../../actions.ts';
import type { Cloud } from '../../cloud.ts';
import type { Subject } from '../../identity/subject.ts';
import type { Image } from '../../images/model.ts';
import type { NewTemplate } from '../../images/templates.ts';
import { refuseShared } from '../../volumes/shares.ts';
import type { Server } from '../model.ts';
import { transitions } from '../states.ts';
import { setTask } from '../steps/guest.ts';
import { adoptTemplate, exportRootDisk, publishTemplate } from '../steps/template.ts';
import { beginTransition, settleServer } from '../transition.ts';

export const createImage = action(
  'server.create-image',
  Type.Object({
    serverId: Type.String(),
    hostId: Type.String(),
    templateId: Type.String(),
    diskId: Type.String(),
  }),
  [span('compute_snapshot_instance', [exportRootDisk, setTask('image_uploading'), adoptTemplate, publishTemplate])],
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

/**
 * Makes an image of the server's root disk as it is at one moment, without stopping the guest: Nova's createImage and
 * ZStack's template from a root volume.
 */
export async function requestCreateImage(
  cloud: Cloud,
  subject: Subject,
  serverId: string,
  template: Omit<NewTemplate, 'diskFormat'>,
): Promise<{ server: Server; actionId: string; image: Image }> {
  let image: Image | undefined;
  const begun = await beginTransition(cloud, subject, serverId, transitions.createImage, async (tx, server) => {
    const begunTemplate = await beginTemplate(cloud, tx, subject, server, template);
    image = begunTemplate.image;
    return { action: createImage, input: { serverId, templateId: image.id, ...begunTemplate.disk } };
  });
  return { ...begun, image: image! };
}

/** Registers the image that the server's root disk is about to be exported to. */
export async function beginTemplate(
  cloud: Cloud,
  tx: Tx,
  subject: Subject,
  server: Server,
  template: Omit<NewTemplate, 'diskFormat'>,
): Promise<{ image: Image; disk: { hostId: string; diskId: string } }> {
  const root = await tx
    .selectFrom('volumes')
    .selectAll()
    .where('id', '=', server.rootVolumeId)
    .executeTakeFirstOrThrow();
  await refuseShared(tx, root, 'make an image of it');
  const base = await tx
    .selectFrom('images')
    .select('min_memory_mb')
    .where('id', '=', server.imageId)
    .executeTakeFirst();
  const image = await cloud.images.templates.begin(tx, subject, {
    minMemoryMb: base?.min_memory_mb ?? 0,
    minDiskGb: Math.ceil(root.size / 2 ** 30),
    zoneId: server.zoneId,
    sourceUrl: `volume://${root.id}`,
    ...template,
    properties: { ...snapshotProperties(subject, server), ...template.properties },
    diskFormat: 'qcow2',
  });
  return { image, disk: { hostId: root.host_id!, diskId: root.disk_id! } };
}

/** What Nova writes on an image that it made of a server, over what that server's own image said. */
export function snapshotProperties(subject: Subject, server: Server): Record<string, string> {
  return {
    ...server.hardware,
    image_type: 'snapshot',
    image_location: 'snapshot',
    image_state: 'available',
    instance_uuid: withDashes(server.id),
    user_id: subject.userId,
    owner_id: server.projectId,
    ...(server.imageId === null ? {} : { base_image_ref: withDashes(server.imageId) }),
  };
}
