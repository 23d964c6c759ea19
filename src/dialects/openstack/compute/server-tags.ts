import { Type } from 'typebox';
import { type Call, operation } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';
import type { Tag } from '../../../cloud/tags/model.ts';
import { sinceItsVersion } from './microversions.ts';
import { checkTagCount, checkTagNames, TagNames } from './server-tag-names.ts';
import { closed, exampleServer, ServerParams, serverIdOf } from './wire.ts';

const common = { dialect: 'compute', group: 'server tags', since: '2.26', mode: 'sync' } as const;
const TagsDocument = Type.Object({ tags: Type.Array(Type.String()) });
const TagParams = Type.Object({ ...ServerParams.properties, tag: Type.String() });
const exampleTag = { ...exampleServer, tag: 'web' };

/** The server's tags, after a look whether it is there for the subject. */
async function tagsOfServer(call: Call<{ server_id: string }, object, unknown>): Promise<Tag[]> {
  const server = await call.cloud.servers.get(call.subject, serverIdOf(call));
  return await call.cloud.tags.of(server.id, 'user');
}

function onServer(call: Call<{ server_id: string }, object, unknown>) {
  return { kind: 'user', resourceType: 'server', resourceId: serverIdOf(call) } as const;
}

function noSuchTag(tag: string): CloudError {
  return new CloudError('not_found', `Server has no tag '${tag}'`, { resource: 'tag' });
}

/** Nova's tags of servers. ZStack's users see the same ones as user tags. */
export const serverTagOperations = [
  operation({
    ...common,
    id: 'ListServerTags',
    method: 'GET',
    path: '/servers/{server_id}/tags',
    allow: 'reader',
    params: ServerParams,
    responses: { 200: TagsDocument },
    errors: [401, 403, 404],
    title: 'List tags of a server',
    summary: 'All its tags.',
    examples: [{ title: 'All', params: exampleServer, status: 200 }],
    handle: async (call) => ({ body: { tags: (await tagsOfServer(call)).map(({ tag }) => tag) } }),
  }),
  operation({
    ...common,
    id: 'ReplaceServerTags',
    method: 'PUT',
    path: '/servers/{server_id}/tags',
    allow: 'member',
    params: ServerParams,
    body: closed({ tags: TagNames }),
    responses: { 200: TagsDocument },
    errors: [400, 401, 403, 404],
    title: 'Replace tags of a server',
    summary: 'Gives a server these tags and no others.',
    examples: [{ title: 'Two tags', params: exampleServer, body: { tags: ['web', 'production'] }, status: 200 }],
    async handle(call) {
      const { cloud, subject, body } = call;
      checkTagNames(body.tags);
      await tagsOfServer(call);
      await cloud.tags.renew(subject, onServer(call), () => true, body.tags);
      return { body: { tags: [...new Set(body.tags)] } };
    },
  }),
  operation({
    ...common,
    id: 'DeleteServerTags',
    method: 'DELETE',
    path: '/servers/{server_id}/tags',
    allow: 'member',
    params: ServerParams,
    responses: { 204: null },
    errors: [401, 403, 404],
    title: 'Delete all tags of a server',
    summary: 'Takes all tags away.',
    examples: [{ title: 'All', params: exampleServer, status: 204 }],
    async handle(call) {
      await tagsOfServer(call);
      await call.cloud.tags.renew(call.subject, onServer(call), () => true, []);
      return {};
    },
  }),
  operation({
    ...common,
    id: 'CheckServerTag',
    method: 'GET',
    path: '/servers/{server_id}/tags/{tag}',
    allow: 'reader',
    params: TagParams,
    responses: { 204: null },
    errors: [401, 403, 404],
    title: 'Check a tag of a server',
    summary: 'Whether a server has a tag: 204 or 404.',
    examples: [{ title: 'One tag', params: exampleTag, status: 204 }],
    async handle(call) {
      const { tag } = call.params;
      if ((await tagsOfServer(call)).some((one) => one.tag === tag)) return {};
      throw noSuchTag(tag);
    },
  }),
  operation({
    ...common,
    id: 'AddServerTag',
    method: 'PUT',
    path: '/servers/{server_id}/tags/{tag}',
    allow: 'member',
    params: TagParams,
    responses: { 201: null, 204: null },
    errors: [400, 401, 403, 404],
    title: 'Add a tag to a server',
    summary: 'Gives a server one more tag: 201, or 204 where it has it already.',
    examples: [{ title: 'One tag', params: exampleTag, status: 201 }],
    async handle(call) {
      const { cloud, subject, params, base } = call;
      checkTagNames([params.tag]);
      const before = await tagsOfServer(call);
      if (before.some(({ tag }) => tag === params.tag)) return { status: 204 };
      checkTagCount(before.length + 1);
      await cloud.tags.addAll(subject, [{ ...onServer(call), tag: params.tag }]);
      const location = `${base}/servers/${params.server_id}/tags/${encodeURIComponent(params.tag)}`;
      return { status: 201, headers: { location } };
    },
  }),
  operation({
    ...common,
    id: 'DeleteServerTag',
    method: 'DELETE',
    path: '/servers/{server_id}/tags/{tag}',
    allow: 'member',
    params: TagParams,
    responses: { 204: null },
    errors: [401, 403, 404],
    title: 'Delete a tag of a server',
    summary: 'Takes one tag away.',
    examples: [{ title: 'One tag', params: exampleTag, status: 204 }],
    async handle(call) {
      const { tag } = call.params;
      if (!(await tagsOfServer(call)).some((one) => one.tag === tag)) throw noSuchTag(tag);
      await call.cloud.tags.renew(call.subject, onServer(call), (one) => one === tag, []);
      return {};
    },
  }),
].map(sinceItsVersion);
