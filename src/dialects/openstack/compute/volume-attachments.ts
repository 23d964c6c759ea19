import { Type } from 'typebox';
import { type Call, operation } from '../../../api/operation.ts';
import { CloudError, notFound } from '../../../cloud/errors.ts';
import { parseId } from '../../../env/env.ts';
import { atLeast } from '../common/microversion.ts';
import { DeviceTag } from './server-tag-names.ts';
import { AttachmentSchema, attachmentView, newAttachmentView } from './volume-attachments-view.ts';

const exampleServer = '4b2c8f1e-9d3a-4c57-8e60-1f2a3b4c5d6e';
const exampleVolume = 'a07f71dc-8151-4e7d-a0cc-cd24a3f11113';

const common = { dialect: 'compute', group: 'volume attachments', since: '2.1' } as const;
const ServerParams = Type.Object({ server_id: Type.String() });
const AttachmentParams = Type.Object({ server_id: Type.String(), volume_id: Type.String() });
const AttachmentDocument = Type.Object({ volumeAttachment: AttachmentSchema });

const devicePattern = '^/dev/x{0,1}[a-z]{0,1}d{0,1}[a-z]+[0-9]*$';

/** Nova's hypervisors choose the name by themselves; here a virtio disk's name is heeded, and any other is not. */
function wantedDevice(device: string | null | undefined): string | undefined {
  return device && /^\/dev\/vd[a-z]+$/.test(device) ? device : undefined;
}

function serverIdOf({ server_id }: { server_id: string }): string {
  const id = parseId(server_id);
  if (!id) throw notFound('server', server_id, `Instance ${server_id} could not be found.`);
  return id;
}

function volumeIdOf(text: string): string {
  const id = parseId(text);
  if (!id) throw notFound('volume', text, `Volume ${text} could not be found.`);
  return id;
}

/** Members that came with a microversion are refused before it, as Nova's schemas do. `/v2` drops them instead. */
function refuseTooNew(context: Call['context'], body: Record<string, unknown>, since: Record<string, number>): void {
  for (const [member, minor] of Object.entries(since)) {
    if (body[member] === undefined || context['microversion'] === undefined || atLeast(context, 2, minor)) continue;
    throw new CloudError(
      'invalid',
      `Invalid input for field/attribute volumeAttachment. Value: ${JSON.stringify(body)}. ` +
        `Additional properties are not allowed ('${member}' was unexpected)`,
    );
  }
}

export const volumeAttachmentOperations = [
  operation({
    ...common,
    id: 'ListVolumeAttachments',
    method: 'GET',
    path: '/servers/{server_id}/os-volume_attachments',
    mode: 'sync',
    allow: 'reader',
    params: ServerParams,
    query: Type.Object({
      limit: Type.Optional(Type.Integer({ minimum: 0 })),
      offset: Type.Optional(Type.Integer({ minimum: 0 })),
    }),
    responses: { 200: Type.Object({ volumeAttachments: Type.Array(AttachmentSchema) }) },
    errors: [400, 401, 403, 404],
    title: 'List volume attachments',
    summary: 'The volumes that a server has, the one that it boots from among them.',
    examples: [{ title: 'All of a server', params: { server_id: exampleServer }, status: 200 }],
    handle: async ({ cloud, subject, params, query, context }) => {
      const all = await cloud.blockStorage.attachedTo(subject, serverIdOf(params));
      const start = query.offset ?? 0;
      const page = all.slice(start, query.limit ? start + query.limit : undefined);
      return { body: { volumeAttachments: page.map((volume) => attachmentView(volume, context)) } };
    },
  }),
  operation({
    ...common,
    id: 'AttachVolume',
    method: 'POST',
    path: '/servers/{server_id}/os-volume_attachments',
    mode: 'async',
    allow: 'member',
    params: ServerParams,
    body: Type.Object(
      {
        volumeAttachment: Type.Object(
          {
            volumeId: Type.String({ minLength: 1 }),
            device: Type.Optional(
              Type.Unsafe<string | null>({
                anyOf: [{ type: 'null' }, { type: 'string', minLength: 1, maxLength: 255, pattern: devicePattern }],
                description: 'As `/dev/vdb`; the first free one if it is null or not said.',
              }),
            ),
            tag: Type.Optional({ ...DeviceTag, description: 'By what the guest is told to know it; from 2.49 on.' }),
            delete_on_termination: Type.Optional(
              Type.Boolean({ description: 'Whether the volume is deleted with the server; from 2.79 on.' }),
            ),
          },
          { additionalProperties: false },
        ),
      },
      { additionalProperties: false },
    ),
    responses: { 200: AttachmentDocument },
    errors: [400, 401, 403, 404, 409],
    title: 'Attach a volume',
    summary:
      'Gives a server one more disk. A guest that runs sees it appear; else it has it when it is started. The volume ' +
      'comes to the host of the server, unless it has snapshots. The answer comes at once: the volume becomes `in-use` when it is done.',
    examples: [
      {
        title: 'As the next disk',
        params: { server_id: exampleServer },
        body: { volumeAttachment: { volumeId: exampleVolume } },
        status: 200,
        response: {
          volumeAttachment: { id: exampleVolume, serverId: exampleServer, volumeId: exampleVolume, device: '/dev/vdb' },
        },
      },
    ],
    handle: async ({ cloud, subject, params, body, context }) => {
      const { volumeAttachment: wanted } = body;
      refuseTooNew(context, wanted, { tag: 49, delete_on_termination: 79 });
      const { volume } = await cloud.blockStorage.attach(subject, serverIdOf(params), {
        volumeId: volumeIdOf(wanted.volumeId),
        device: wantedDevice(wanted.device),
        tag: wanted.tag,
        deleteOnTermination: wanted.delete_on_termination,
        refuseMultiattach: !atLeast(context, 2, 60),
      });
      return { body: { volumeAttachment: newAttachmentView(volume, context) } };
    },
  }),
  operation({
    ...common,
    id: 'ShowVolumeAttachment',
    method: 'GET',
    path: '/servers/{server_id}/os-volume_attachments/{volume_id}',
    mode: 'sync',
    allow: 'reader',
    params: AttachmentParams,
    responses: { 200: AttachmentDocument },
    errors: [401, 403, 404],
    title: 'Show a volume attachment',
    summary: 'One volume that a server has.',
    examples: [{ title: 'By volume', params: { server_id: exampleServer, volume_id: exampleVolume }, status: 200 }],
    handle: async ({ cloud, subject, params, context }) => {
      const volumeId = volumeIdOf(params.volume_id);
      const volume = await cloud.blockStorage.attachment(subject, serverIdOf(params), volumeId);
      return { body: { volumeAttachment: attachmentView(volume, context) } };
    },
  }),
  operation({
    ...common,
    id: 'UpdateVolumeAttachment',
    method: 'PUT',
    path: '/servers/{server_id}/os-volume_attachments/{volume_id}',
    since: '2.85',
    mode: 'sync',
    allow: 'member',
    params: AttachmentParams,
    body: Type.Object(
      {
        volumeAttachment: Type.Object(
          {
            volumeId: Type.String(),
            delete_on_termination: Type.Optional(Type.Boolean()),
            device: Type.Optional(Type.Unsafe<string | null>({ type: ['string', 'null'] })),
            serverId: Type.Optional(Type.String()),
            tag: Type.Optional(Type.Unsafe<string | null>({ type: ['string', 'null'] })),
            id: Type.Optional(Type.String()),
          },
          { additionalProperties: false },
        ),
      },
      { additionalProperties: false },
    ),
    responses: { 202: null },
    errors: [400, 401, 403, 404],
    title: 'Update a volume attachment',
    summary: 'Says whether the volume is deleted with the server. Volumes are not swapped for others here.',
    examples: [
      {
        title: 'Goes with the server',
        params: { server_id: exampleServer, volume_id: exampleVolume },
        body: { volumeAttachment: { volumeId: exampleVolume, delete_on_termination: true } },
        status: 202,
      },
    ],
    handle: async ({ cloud, subject, params, body }) => {
      const volumeId = volumeIdOf(params.volume_id);
      const { volumeAttachment: wanted } = body;
      if (parseId(wanted.volumeId) !== volumeId) {
        throw new CloudError('invalid', 'A volume can not be swapped for another one.', { reason: 'not_implemented' });
      }
      const dies = wanted.delete_on_termination;
      const serverId = serverIdOf(params);
      if (dies === undefined) await cloud.blockStorage.attachment(subject, serverId, volumeId);
      else await cloud.blockStorage.setDeleteOnTermination(subject, serverId, volumeId, dies);
      return { status: 202 };
    },
  }),
  operation({
    ...common,
    id: 'DetachVolume',
    method: 'DELETE',
    path: '/servers/{server_id}/os-volume_attachments/{volume_id}',
    mode: 'async',
    allow: 'member',
    params: AttachmentParams,
    responses: { 202: null },
    errors: [400, 401, 403, 404, 409],
    title: 'Detach a volume',
    summary:
      'Takes a volume from a server. The system of a guest that runs is asked to let go of it; where it does not ' +
      'within a minute the volume stays attached.',
    examples: [{ title: 'By volume', params: { server_id: exampleServer, volume_id: exampleVolume }, status: 202 }],
    handle: async ({ cloud, subject, params }) => {
      await cloud.blockStorage.detach(subject, serverIdOf(params), volumeIdOf(params.volume_id));
      return { status: 202 };
    },
  }),
];
