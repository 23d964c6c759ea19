import { type Static, Type } from 'typebox';
import type { Volume } from '../../../cloud/volumes/model.ts';
import { withDashes } from '../../../env/env.ts';
import { atLeast } from '../common/microversion.ts';

/** Schema of an attachment over all microversions. */
export const AttachmentSchema = Type.Object({
  id: Type.Optional(
    Type.String({ description: "The volume's id; up to 2.88, and in the answer to an attaching request." }),
  ),
  serverId: Type.String(),
  volumeId: Type.String(),
  device: Type.Unsafe<string | null>({ type: ['string', 'null'] }),
  tag: Type.Optional(
    Type.Unsafe<string | null>({
      type: ['string', 'null'],
      description: 'By what the guest is told to know it; from 2.70 on.',
    }),
  ),
  delete_on_termination: Type.Optional(Type.Boolean({ description: 'From 2.79 on.' })),
  attachment_id: Type.Optional(Type.String({ description: 'From 2.89 on.' })),
  bdm_uuid: Type.Optional(Type.String({ description: 'From 2.89 on.' })),
});

/** An attachment that has just been asked for: the answer keeps its `id` where lists and the attachment itself lose it. */
export function newAttachmentView(volume: Volume, context: Record<string, unknown>) {
  const { attachment_id: _, bdm_uuid: __, ...kept } = attachmentView(volume, context);
  return { ...kept, id: withDashes(volume.id) };
}

/** A volume that a server has, as Nova shows it. */
export function attachmentView(volume: Volume, context: Record<string, unknown>): Static<typeof AttachmentSchema> {
  const volumeId = withDashes(volume.id);
  const attachmentId = withDashes(volume.attachmentId ?? volume.id);
  return {
    ...(atLeast(context, 2, 89) ? { attachment_id: attachmentId, bdm_uuid: attachmentId } : { id: volumeId }),
    serverId: withDashes(volume.serverId!),
    volumeId,
    device: volume.device,
    ...(atLeast(context, 2, 70) ? { tag: volume.deviceTag } : {}),
    ...(atLeast(context, 2, 79) ? { delete_on_termination: volume.deleteOnTermination } : {}),
  };
}
