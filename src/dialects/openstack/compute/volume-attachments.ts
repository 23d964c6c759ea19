import { Type } from 'typebox';
import { type Call, operation } from '../../../api/operation.ts';
import { CloudError, notFound } from '../../../cloud/errors.ts';
import { requireAdmin } from '../../../cloud/identity/subject.ts';
import type { Volume } from '../../../cloud/volumes/model.ts';
import { parseId, withDashes } from '../../../env/env.ts';
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

const swapPolicy = 'os_compute_api:os-volumes-attachments:swap';

/** Nova's refusals of what an attachment keeps. */
function refuseMoved(
  wanted: { id?: string; serverId?: string; device?: string | null; tag?: string | null },
  attachment: Volume,
  serverId: string,
): void {
  const moved = {
    id: wanted.id !== undefined && parseId(wanted.id) !== attachment.id,
    serverId: wanted.serverId !== undefined && parseId(wanted.serverId) !== serverId,
    device: wanted.device !== undefined && wanted.device !== attachment.device,
    tag: wanted.tag !== undefined && wanted.tag !== attachment.deviceTag,
  };
  const [name] = Object.entries(moved).find(([, isMoved]) => isMoved) ?? [];
  if (name) throw new CloudError('invalid', `The ${name} property is not mutable`, { field: name });
}

/**
 * Volumes are swapped by the volume service, in the course of a migration (Nova's bug 2112187): whoever else did it would
 * leave both volumes' rows untrue. Here the service is a part of this program, and does it without being asked this way.
 */
async function refuseSwap(call: Pick<Call, 'cloud' | 'subject'>, serverId: string, volumeId: string): Promise<never> {
  const { cloud, subject } = call;
  await cloud.servers.get(subject, serverId);
  const { migrationStatus } = await cloud.blockStorage.get(subject, volumeId);
  const isMigrating = migrationStatus === 'migrating';
  const words = isMigrating
    ? 'is being migrated already; it is swapped when its copy is complete'
    : 'is not migrating; this API should only be called by Cinder';
  throw new CloudError('conflict', `volume ${withDashes(volumeId)} ${words}`, { reason: 'not_migrating' });
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
    errors: [400, 401, 403, 404, 409],
    title: 'Update a volume attachment',
    summary:
      'Says, from 2.85 on, whether the volume is deleted with the server. To swap it for another volume is what the volume ' +
      'service does to migrate it, and nobody else may: a volume that is not being migrated is refused. Migrate it instead.',
    examples: [
      {
        title: 'Goes with the server',
        params: { server_id: exampleServer, volume_id: exampleVolume },
        body: { volumeAttachment: { volumeId: exampleVolume, delete_on_termination: true } },
        status: 202,
      },
    ],
    handle: async ({ cloud, subject, params, body, context }) => {
      const { volumeAttachment: wanted } = body;
      const since = { delete_on_termination: 85, device: 85, serverId: 85, tag: 85, id: 85 };
      refuseTooNew(context, wanted, since);
      const [serverId, volumeId] = [serverIdOf(params), volumeIdOf(params.volume_id)];
      const onlySwaps = context['microversion'] !== undefined && !atLeast(context, 2, 85);
      const swaps = onlySwaps || parseId(wanted.volumeId) !== volumeId;
      if (swaps && !subject.roles.includes('service')) requireAdmin(subject, swapPolicy);
      if (!onlySwaps) {
        const attachment = await cloud.blockStorage.attachment(subject, serverId, volumeId);
        refuseMoved(wanted, attachment, serverId);
        const dies = wanted.delete_on_termination;
        if (dies !== undefined) await cloud.blockStorage.setDeleteOnTermination(subject, serverId, volumeId, dies);
      }
      if (swaps) await refuseSwap({ cloud, subject }, serverId, volumeId);
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
