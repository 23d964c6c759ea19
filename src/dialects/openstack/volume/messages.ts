import { Type } from 'typebox';
import { type Call, operation } from '../../../api/operation.ts';
import { notFound } from '../../../cloud/errors.ts';
import type { VolumeMessage } from '../../../cloud/volumes/messages.ts';
import { parseId, withDashes } from '../../../env/env.ts';
import { LinkSchema, resourceLinks } from '../common/links.ts';
import { isoMicros } from '../common/time.ts';
import { ListQuery, listed } from './plain-list.ts';

const MessageSchema = Type.Object({
  id: Type.String(),
  request_id: Type.String(),
  event_id: Type.String(),
  message_level: Type.String(),
  user_message: Type.String(),
  resource_type: Type.String(),
  resource_uuid: Type.Optional(Type.String()),
  created_at: Type.String(),
  guaranteed_until: Type.String(),
  links: Type.Array(LinkSchema),
});

const common = { dialect: 'volume', group: 'messages', since: '3.3', mode: 'sync' } as const;
const params = Type.Object({ message_id: Type.String() });
const example = { params: { message_id: '4838aa4c-7b7a-4a5a-9d3b-4dcb5c1e4a7f' } };

function view(message: VolumeMessage, { base }: Pick<Call, 'base'>) {
  const id = withDashes(message.id);
  return {
    id,
    request_id: message.requestId,
    event_id: message.eventId,
    message_level: message.level,
    user_message: message.text,
    resource_type: message.resourceType,
    ...(message.resourceId === null ? {} : { resource_uuid: withDashes(message.resourceId) }),
    created_at: isoMicros(message.createdAt),
    guaranteed_until: isoMicros(message.expiresAt),
    links: resourceLinks(base, `messages/${id}`),
  };
}

function idIn({ message_id }: { message_id: string }): string {
  const id = parseId(message_id);
  if (id) return id;
  throw notFound('message', message_id, `Message ${message_id} could not be found.`);
}

export const messageOperations = [
  operation({
    ...common,
    id: 'ListVolumeMessages',
    method: 'GET',
    path: '/messages',
    allow: 'reader',
    query: ListQuery,
    responses: {
      200: Type.Object({
        messages: Type.Array(MessageSchema),
        messages_links: Type.Optional(Type.Array(LinkSchema)),
      }),
    },
    errors: [400, 401],
    title: 'List messages',
    summary: 'Why what was asked for in the background could not be done, newest first, for 30 days.',
    examples: [{ title: 'All', status: 200 }],
    handle: async (call) => {
      const query = call.query as Record<string, string | undefined>;
      const uuid = query['resource_uuid'];
      const all = await call.cloud.blockStorage.messages.list(call.subject, {
        eventId: query['event_id'],
        resourceType: query['resource_type'],
        resourceId: uuid === undefined ? undefined : (parseId(uuid) ?? uuid),
        requestId: query['request_id'],
        level: query['message_level'],
      });
      const { items, links } = listed('messages', all, { ...call, query });
      return { body: { messages: items.map((message) => view(message, call)), ...links } };
    },
  }),
  operation({
    ...common,
    id: 'ShowVolumeMessage',
    method: 'GET',
    path: '/messages/{message_id}',
    allow: 'reader',
    params,
    responses: { 200: Type.Object({ message: MessageSchema }) },
    errors: [401, 404],
    title: 'Show a message',
    summary: 'What could not be done.',
    examples: [{ title: 'By id', ...example, status: 200 }],
    handle: async (call) => {
      const message = await call.cloud.blockStorage.messages.get(call.subject, idIn(call.params));
      return { body: { message: view(message, call) } };
    },
  }),
  operation({
    ...common,
    id: 'DeleteVolumeMessage',
    method: 'DELETE',
    path: '/messages/{message_id}',
    allow: 'member',
    params,
    responses: { 204: null },
    errors: [401, 404],
    title: 'Delete a message',
    summary: 'It was read.',
    examples: [{ title: 'By id', ...example, status: 204 }],
    handle: async ({ cloud, subject, params }) => {
      await cloud.blockStorage.messages.delete(subject, idIn(params));
      return { status: 204 };
    },
  }),
];
