import { Type } from 'typebox';
import { type Call, operation } from '../../../api/operation.ts';
import { CloudError, notFound } from '../../../cloud/errors.ts';
import type { VolumeAttachment } from '../../../cloud/volumes/attachments.ts';
import type { VolumeConnection } from '../../../cloud/volumes/connections.ts';
import { parseId, withDashes } from '../../../env/env.ts';
import { LinkSchema } from '../common/links.ts';
import { queryFlag } from '../common/query.ts';
import { isoMicros } from '../common/time.ts';
import { connectionOf } from './connection.ts';
import { exampleVolumeId } from './example.ts';
import { ListQuery, listed } from './plain-list.ts';
import { idOf, textOrNull } from './wire.ts';

const common = { dialect: 'volume', group: 'attachments', since: '3.27' } as const;
const params = Type.Object({ attachment_id: Type.String() });
const exampleId = '3b4db356-253d-4fab-bfa0-e3626c0b8405';
const example = { params: { attachment_id: exampleId } };

const AnyObject = Type.Unsafe<Record<string, unknown>>({ type: 'object', additionalProperties: true });
const summary = {
  id: Type.String(),
  volume_id: Type.String(),
  instance: textOrNull(),
  status: Type.String(),
};
const AttachmentSchema = Type.Object({
  ...summary,
  attached_at: textOrNull(),
  detached_at: textOrNull(),
  attach_mode: textOrNull(),
  connection_info: AnyObject,
});
const AttachmentDocument = Type.Object({ attachment: AttachmentSchema });
const more = { attachments_links: Type.Optional(Type.Array(LinkSchema)) };

function summaryOf(attachment: VolumeAttachment) {
  return {
    id: withDashes(attachment.id),
    volume_id: withDashes(attachment.volumeId),
    instance: attachment.serverId === null ? null : withDashes(attachment.serverId),
    status: attachment.status,
  };
}

function detailOf(attachment: VolumeAttachment, connection?: VolumeConnection) {
  const { attachedAt, detachedAt, mode } = attachment;
  return {
    ...summaryOf(attachment),
    attached_at: attachedAt === null ? null : isoMicros(attachedAt),
    detached_at: detachedAt === null ? null : isoMicros(detachedAt),
    attach_mode: attachment.status === 'reserved' ? null : mode,
    connection_info: connection ? connectionInfo(attachment, connection) : {},
  };
}

function connectionInfo({ id, mode }: VolumeAttachment, connection: VolumeConnection) {
  return { ...connectionOf(connection, mode), attachment_id: withDashes(id) };
}

async function shown({ cloud, subject }: Pick<Call, 'cloud' | 'subject'>, attachment: VolumeAttachment) {
  return { attachment: detailOf(attachment, await cloud.blockStorage.attachments.connection(subject, attachment)) };
}

function idIn({ attachment_id }: { attachment_id: string }): string {
  const id = parseId(attachment_id);
  if (id) return id;
  const words = `Volume attachment could not be found with filter: attachment_id = ${attachment_id}.`;
  throw notFound('attachment', attachment_id, words);
}

async function page(call: Call<unknown, Record<string, string | undefined>>) {
  const { cloud, subject, query } = call;
  const idOfQuery = (name: string) => (query[name] === undefined ? undefined : (parseId(query[name]) ?? ''));
  const all = await cloud.blockStorage.attachments.list(subject, {
    allProjects: queryFlag(query['all_tenants']),
    volumeId: idOfQuery('volume_id'),
    serverId: idOfQuery('instance_id') ?? idOfQuery('instance_uuid'),
    status: query['status'] ?? query['attach_status'],
  });
  return listed('attachments', all, call);
}

const Connector = Type.Unsafe<Record<string, unknown> | null>({
  type: ['object', 'null'],
  additionalProperties: true,
  description: 'What the volume is to be connected to; its `host` must be that of the volume.',
});

export const attachmentOperations = [
  operation({
    ...common,
    id: 'ListAttachments',
    method: 'GET',
    path: '/attachments',
    mode: 'sync',
    allow: 'reader',
    query: ListQuery,
    responses: { 200: Type.Object({ attachments: Type.Array(Type.Object(summary)), ...more }) },
    errors: [400, 401],
    title: 'List attachments',
    summary: 'What the volumes of the project are attached to, also by the compute API.',
    examples: [{ title: 'Of one volume', query: { volume_id: exampleVolumeId }, status: 200 }],
    handle: async (call) => {
      const { items, links } = await page(call as never);
      return { body: { attachments: items.map(summaryOf), ...links } };
    },
  }),
  operation({
    ...common,
    id: 'ListAttachmentsDetails',
    method: 'GET',
    path: '/attachments/detail',
    mode: 'sync',
    allow: 'reader',
    query: ListQuery,
    responses: { 200: Type.Object({ attachments: Type.Array(AttachmentSchema), ...more }) },
    errors: [400, 401],
    title: 'List attachments with details',
    summary: 'Everything about them but how they are connected.',
    examples: [{ title: 'All', status: 200 }],
    handle: async (call) => {
      const { items, links } = await page(call as never);
      return { body: { attachments: items.map((one) => detailOf(one)), ...links } };
    },
  }),
  operation({
    ...common,
    id: 'CreateAttachment',
    method: 'POST',
    path: '/attachments',
    mode: 'sync',
    allow: 'member',
    body: Type.Object({
      attachment: Type.Object({
        volume_uuid: Type.String(),
        instance_uuid: Type.Optional(textOrNull()),
        connector: Type.Optional(Connector),
        mode: Type.Optional(Type.Union([Type.Literal('rw'), Type.Literal('ro')], { description: 'From 3.54 on.' })),
      }),
    }),
    responses: { 200: AttachmentDocument },
    errors: [400, 401, 404],
    title: 'Create an attachment',
    summary:
      'Keeps a free volume for something else than a server of this cloud: those get their disks by the compute API. ' +
      'With a connector the answer says where the data is.',
    examples: [{ title: 'Only kept', body: { attachment: { volume_uuid: exampleVolumeId } }, status: 200 }],
    handle: async (call) => {
      const { volume_uuid, instance_uuid, connector, mode } = call.body.attachment;
      const serverId = instance_uuid ? parseId(instance_uuid) : undefined;
      if (instance_uuid && !serverId) throw new CloudError('invalid', `Invalid input: instance_uuid ${instance_uuid}.`);
      const wanted = { volumeId: idOf('volume', volume_uuid), serverId, connector, mode };
      return { body: await shown(call, await call.cloud.blockStorage.attachments.create(call.subject, wanted)) };
    },
  }),
  operation({
    ...common,
    id: 'ShowAttachment',
    method: 'GET',
    path: '/attachments/{attachment_id}',
    mode: 'sync',
    allow: 'reader',
    params,
    responses: { 200: AttachmentDocument },
    errors: [401, 404],
    title: 'Show an attachment',
    summary: 'Everything about one attachment.',
    examples: [{ title: 'By id', ...example, status: 200 }],
    handle: async (call) => ({
      body: await shown(call, await call.cloud.blockStorage.attachments.get(call.subject, idIn(call.params))),
    }),
  }),
  operation({
    ...common,
    id: 'UpdateAttachment',
    method: 'PUT',
    path: '/attachments/{attachment_id}',
    mode: 'sync',
    allow: 'member',
    params,
    body: Type.Object({ attachment: Type.Object({ connector: AnyObject }) }),
    responses: { 200: AttachmentDocument },
    errors: [400, 401, 404, 409],
    title: 'Connect an attachment',
    summary: 'Says what the volume is to be connected to; the answer says where the data is.',
    examples: [
      { title: 'To a host', ...example, body: { attachment: { connector: { host: 'simulated' } } }, status: 200 },
    ],
    handle: async (call) => {
      const { connector } = call.body.attachment;
      const { attachments } = call.cloud.blockStorage;
      return { body: await shown(call, await attachments.update(call.subject, idIn(call.params), connector)) };
    },
  }),
  operation({
    ...common,
    id: 'CompleteAttachment',
    method: 'POST',
    path: '/attachments/{attachment_id}/action',
    bodyKey: 'os-complete',
    since: '3.44',
    mode: 'sync',
    allow: 'member',
    params,
    body: Type.Unsafe<unknown>({}),
    responses: { 204: null },
    errors: [400, 401, 404, 409],
    title: 'Complete an attachment',
    summary: 'The volume is where it was to go: it is in use from then on.',
    examples: [{ title: 'By id', ...example, body: { 'os-complete': {} }, status: 204 }],
    handle: async ({ cloud, subject, params }) => {
      await cloud.blockStorage.attachments.complete(subject, idIn(params));
      return { status: 204 };
    },
  }),
  operation({
    ...common,
    id: 'DeleteAttachment',
    method: 'DELETE',
    path: '/attachments/{attachment_id}',
    mode: 'sync',
    allow: 'member',
    params,
    responses: { 200: Type.Object({ attachments: Type.Array(Type.Object({ id: Type.String() })) }) },
    errors: [401, 404, 409],
    title: 'Delete an attachment',
    summary: 'Frees the volume. The disk of a server is refused: the compute API takes it from the server.',
    examples: [{ title: 'By id', ...example, status: 200 }],
    handle: async ({ cloud, subject, params }) => {
      const { attachments } = cloud.blockStorage;
      const { id, volumeId } = await attachments.get(subject, idIn(params));
      await attachments.delete(subject, id);
      const left = await attachments.list(subject, { allProjects: true, volumeId });
      return { body: { attachments: left.map((one) => ({ id: withDashes(one.id) })) } };
    },
  }),
];
