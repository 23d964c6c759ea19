import { Type } from 'typebox';
import { operation } from '../../../api/operation.ts';
import type { Consumer } from '../../../cloud/identity/oauth1/consumers.ts';
import { list, v3 } from './answers.ts';
import { closed, Description, Id, listDocument, nullable, optional, SelfLink } from './schemas.ts';

const common = { dialect: 'identity', group: 'oauth1', mode: 'sync' } as const;
const reading = { ...common, allow: 'systemReader' } as const;
const writing = { ...common, allow: 'admin' } as const;
const Params = Type.Object({ consumer_id: Id });
const example = { params: { consumer_id: '7fea2d6b8d5f4a1f8a3e0b2c4d5e6f72' } };

const members = { id: Type.String(), description: nullable(Type.String()), links: SelfLink };
const ConsumerView = Type.Object(members);
const NewConsumerView = Type.Object({ ...members, secret: Type.String({ description: 'Told once.' }) });
const Wanted = Type.Object({
  consumer: Type.Object({ description: optional(Description) }, { additionalProperties: true }),
});
const Changes = Type.Object({ consumer: Type.Object({ description: optional(Description) }, closed) });

function view(base: string, { id, description }: Consumer) {
  return { id, description, links: { self: `${base}/OS-OAUTH1/consumers/${id}` } };
}

/** Programs that users may let act for them by OAuth 1.0. */
export const consumerOperations = [
  operation({
    ...reading,
    id: 'ListConsumers',
    method: 'GET',
    path: '/v3/OS-OAUTH1/consumers',
    responses: { 200: listDocument('consumers', ConsumerView) },
    errors: [401, 403],
    title: 'List consumers',
    summary: 'The programs that users may let act for them by OAuth 1.0.',
    examples: [{ title: 'All', status: 200 }],
    handle: async (call) => list(call, 'consumers', await call.cloud.identity.consumers.list(call.subject), view),
  }),
  operation({
    ...writing,
    id: 'CreateConsumer',
    method: 'POST',
    path: '/v3/OS-OAUTH1/consumers',
    body: Wanted,
    responses: { 201: Type.Object({ consumer: NewConsumerView }) },
    errors: [400, 401, 403],
    title: 'Create a consumer',
    summary:
      'Registers a program that users may let act for them, and tells the secret by which it signs its requests.',
    examples: [{ title: 'With a description', body: { consumer: { description: 'Backups' } }, status: 201 }],
    handle: async (call) => {
      const { description = null } = call.body.consumer;
      const { secret, ...consumer } = await call.cloud.identity.consumers.create(call.subject, description);
      return { body: { consumer: { ...view(v3(call), consumer), secret } } };
    },
  }),
  operation({
    ...reading,
    id: 'ShowConsumer',
    method: 'GET',
    path: '/v3/OS-OAUTH1/consumers/{consumer_id}',
    params: Params,
    responses: { 200: Type.Object({ consumer: ConsumerView }) },
    errors: [401, 403, 404],
    title: 'Show a consumer',
    summary: 'Without its secret.',
    examples: [{ title: 'By id', ...example, status: 200 }],
    handle: async (call) => {
      const consumer = await call.cloud.identity.consumers.get(call.subject, call.params.consumer_id);
      return { body: { consumer: view(v3(call), consumer) } };
    },
  }),
  operation({
    ...writing,
    id: 'UpdateConsumer',
    method: 'PATCH',
    path: '/v3/OS-OAUTH1/consumers/{consumer_id}',
    params: Params,
    body: Changes,
    responses: { 200: Type.Object({ consumer: ConsumerView }) },
    errors: [400, 401, 403, 404],
    title: 'Update a consumer',
    summary: 'Changes its description; the secret stays what it is.',
    examples: [{ title: 'The description', ...example, body: { consumer: { description: 'Reports' } }, status: 200 }],
    handle: async (call) => {
      const { description } = call.body.consumer;
      const consumer = await call.cloud.identity.consumers.update(call.subject, call.params.consumer_id, description);
      return { body: { consumer: view(v3(call), consumer) } };
    },
  }),
  operation({
    ...writing,
    id: 'DeleteConsumer',
    method: 'DELETE',
    path: '/v3/OS-OAUTH1/consumers/{consumer_id}',
    params: Params,
    responses: { 204: null },
    errors: [401, 403, 404],
    title: 'Delete a consumer',
    summary: 'With what users have let it do: its tokens end.',
    examples: [{ title: 'By id', ...example, status: 204 }],
    handle: async ({ cloud, subject, params }) => {
      await cloud.identity.consumers.delete(subject, params.consumer_id);
      return {};
    },
  }),
];
