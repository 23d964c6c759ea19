import { Type } from 'typebox';
import { type Call, operation } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';
import type { Server } from '../../../cloud/servers/model.ts';
import { withDashes } from '../../../env/env.ts';
import { checkMetadataForm } from './server-metadata-rules.ts';
import { metadata } from './server-schemas.ts';
import { closed, exampleServer, ServerParams, serverIdOf } from './wire.ts';

const common = {
  dialect: 'compute',
  group: 'server metadata',
  since: '2.1',
  mode: 'sync',
  params: ServerParams,
} as const;
const MetadataDocument = Type.Object({ metadata: Type.Record(Type.String(), Type.String()) });
const MetaDocument = Type.Object({ meta: Type.Record(Type.String(), Type.String()) });
const ItemParams = Type.Object({ ...ServerParams.properties, key: Type.String() });
const exampleItem = { ...exampleServer, key: 'role' };

const changeable: ReadonlyArray<Server['vmState']> = ['active', 'paused', 'suspended', 'stopped'];
type Change = (metadata: Record<string, string>) => Record<string, string>;

/** Throws `conflict` for a server in a state in which Nova lets its metadata alone. */
async function change(call: Call<{ server_id: string }>, name: string, how: Change) {
  const { cloud, subject } = call;
  const server = await cloud.servers.get(subject, serverIdOf(call));
  if (!changeable.includes(server.vmState)) {
    const id = withDashes(server.id);
    const words = `Cannot '${name} server metadata' instance ${id} while it is in vm_state ${server.vmState}`;
    throw new CloudError('conflict', words, { reason: 'state' });
  }
  return await cloud.servers.setMetadata(subject, server.id, how);
}

function noSuchItem(): CloudError {
  return new CloudError('not_found', 'Metadata item was not found', { resource: 'server metadata' });
}

export const serverMetadataOperations = [
  operation({
    ...common,
    id: 'ListServerMetadata',
    method: 'GET',
    path: '/servers/{server_id}/metadata',
    allow: 'reader',
    responses: { 200: MetadataDocument },
    errors: [401, 403, 404],
    title: 'List metadata of a server',
    summary: 'All that its user noted of a server.',
    examples: [{ title: 'All', params: exampleServer, status: 200 }],
    async handle(call) {
      const server = await call.cloud.servers.get(call.subject, serverIdOf(call));
      return { body: { metadata: server.metadata } };
    },
  }),
  operation({
    ...common,
    id: 'UpdateServerMetadata',
    method: 'POST',
    path: '/servers/{server_id}/metadata',
    allow: 'member',
    body: closed({ metadata }),
    responses: { 200: MetadataDocument },
    errors: [400, 401, 403, 404, 409],
    title: 'Update metadata of a server',
    summary: 'Adds items, or gives them other values. Items that are not named stay.',
    examples: [{ title: 'One item', params: exampleServer, body: { metadata: { role: 'web' } }, status: 200 }],
    async handle(call) {
      checkMetadataForm(call.context, call.body.metadata);
      return { body: { metadata: await change(call, 'update', (old) => ({ ...old, ...call.body.metadata })) } };
    },
  }),
  operation({
    ...common,
    id: 'ReplaceServerMetadata',
    method: 'PUT',
    path: '/servers/{server_id}/metadata',
    allow: 'member',
    body: closed({ metadata }),
    responses: { 200: MetadataDocument },
    errors: [400, 401, 403, 404, 409],
    title: 'Replace metadata of a server',
    summary: 'Sets all items. Items that are not named go.',
    examples: [{ title: 'One item', params: exampleServer, body: { metadata: { role: 'web' } }, status: 200 }],
    async handle(call) {
      checkMetadataForm(call.context, call.body.metadata);
      return { body: { metadata: await change(call, 'update', () => call.body.metadata) } };
    },
  }),
  operation({
    ...common,
    id: 'ShowServerMetadataItem',
    method: 'GET',
    path: '/servers/{server_id}/metadata/{key}',
    params: ItemParams,
    allow: 'reader',
    responses: { 200: MetaDocument },
    errors: [401, 403, 404],
    title: 'Show a metadata item',
    summary: 'One item by its key.',
    examples: [{ title: 'By key', params: exampleItem, status: 200 }],
    async handle(call) {
      const { key } = call.params;
      const server = await call.cloud.servers.get(call.subject, serverIdOf(call));
      if (!Object.hasOwn(server.metadata, key)) throw noSuchItem();
      return { body: { meta: { [key]: server.metadata[key]! } } };
    },
  }),
  operation({
    ...common,
    id: 'SetServerMetadataItem',
    method: 'PUT',
    path: '/servers/{server_id}/metadata/{key}',
    params: ItemParams,
    allow: 'member',
    body: closed({ meta: metadata }),
    responses: { 200: MetaDocument },
    errors: [400, 401, 403, 404, 409],
    title: 'Set a metadata item',
    summary: 'Adds one item, or gives it another value.',
    examples: [{ title: 'By key', params: exampleItem, body: { meta: { role: 'web' } }, status: 200 }],
    async handle(call) {
      const { key } = call.params;
      const { meta } = call.body;
      if (Object.keys(meta).length !== 1) {
        throw new CloudError('invalid', 'Request body contains too many items', { field: 'meta' });
      }
      if (!Object.hasOwn(meta, key))
        throw new CloudError('invalid', 'Request body and URI mismatch', { field: 'meta' });
      checkMetadataForm(call.context, meta);
      await change(call, 'update', (old) => ({ ...old, ...meta }));
      return { body: { meta } };
    },
  }),
  operation({
    ...common,
    id: 'DeleteServerMetadataItem',
    method: 'DELETE',
    path: '/servers/{server_id}/metadata/{key}',
    params: ItemParams,
    allow: 'member',
    responses: { 204: null },
    errors: [401, 403, 404, 409],
    title: 'Delete a metadata item',
    summary: 'Takes one item away.',
    examples: [{ title: 'By key', params: exampleItem, status: 204 }],
    async handle(call) {
      const { key } = call.params;
      await change(call, 'delete', ({ [key]: gone, ...rest }) => {
        if (gone === undefined) throw noSuchItem();
        return rest;
      });
      return {};
    },
  }),
];
