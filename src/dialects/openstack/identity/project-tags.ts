import { Type } from 'typebox';
import { type Call, operation } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';
import { adminAccountId } from '../../../cloud/identity/model.ts';
import type { ProjectChanges } from '../../../cloud/identity/projects.ts';
import { Id, Tag, Tags } from './schemas.ts';

const common = { dialect: 'identity', group: 'project tags', mode: 'sync' } as const;
const Params = Type.Object({ project_id: Id });
const TagParams = Type.Object({ project_id: Id, tag: Tag });
const example = { params: { project_id: adminAccountId } };
const tagExample = { params: { project_id: adminAccountId, tag: 'web' } };
const Links = Type.Unsafe<object>({ type: 'object', additionalProperties: true });
const TagList = Type.Object({ tags: Tags, links: Links });

async function tagsOf({ cloud, subject, params }: Call<{ project_id: string }>): Promise<string[]> {
  return (await cloud.identity.projects.get(subject, params.project_id)).tags;
}

async function setTags(call: Call<{ project_id: string }>, tags: ProjectChanges['tags']): Promise<void> {
  await call.cloud.identity.projects.update(call.subject, call.params.project_id, { tags });
}

function document(call: Pick<Call, 'origin' | 'raw'>, tags: string[]) {
  return { tags: [...tags].sort(), links: { next: null, self: call.origin + call.raw.url, previous: null } };
}

export const projectTagOperations = [
  operation({
    ...common,
    id: 'ListProjectTags',
    method: 'GET',
    path: '/v3/projects/{project_id}/tags',
    allow: 'authenticated',
    params: Params,
    responses: { 200: TagList },
    errors: [401, 403, 404],
    title: 'List the tags of a project',
    summary: 'Words that projects can be found by.',
    examples: [{ title: 'Of the project admin', ...example, status: 200 }],
    handle: async (call) => ({ body: document(call, await tagsOf(call)) }),
  }),
  operation({
    ...common,
    id: 'ReplaceProjectTags',
    method: 'PUT',
    path: '/v3/projects/{project_id}/tags',
    allow: 'domainManager',
    params: Params,
    body: Type.Object({ tags: Tags }),
    responses: { 200: TagList },
    errors: [400, 401, 403, 404],
    title: 'Replace the tags of a project',
    summary: 'The project has these from then on.',
    examples: [{ title: 'Two', ...example, body: { tags: ['web', 'shop'] }, status: 200 }],
    handle: async (call) => {
      await setTags(call, call.body.tags);
      return { body: document(call, call.body.tags) };
    },
  }),
  operation({
    ...common,
    id: 'DeleteProjectTags',
    method: 'DELETE',
    path: '/v3/projects/{project_id}/tags',
    allow: 'domainManager',
    params: Params,
    responses: { 204: null },
    errors: [401, 403, 404],
    title: 'Delete the tags of a project',
    summary: 'All of them.',
    examples: [{ title: 'All', ...example, status: 204 }],
    handle: async (call) => {
      await setTags(call, []);
      return {};
    },
  }),
  operation({
    ...common,
    id: 'CheckProjectTag',
    method: 'GET',
    path: '/v3/projects/{project_id}/tags/{tag}',
    allow: 'authenticated',
    params: TagParams,
    responses: { 204: null },
    errors: [401, 403, 404],
    title: 'Check whether a project has a tag',
    summary: '204 if so, else 404.',
    examples: [{ title: 'Check', ...tagExample, status: 204 }],
    handle: async (call) => {
      if (!(await tagsOf(call)).includes(call.params.tag)) throw noTag(call.params.tag);
      return {};
    },
  }),
  operation({
    ...common,
    id: 'AddProjectTag',
    method: 'PUT',
    path: '/v3/projects/{project_id}/tags/{tag}',
    allow: 'domainManager',
    params: TagParams,
    responses: { 201: null },
    errors: [400, 401, 403, 404],
    title: 'Add a tag to a project',
    summary: 'Others stay.',
    examples: [{ title: 'Add', ...tagExample, status: 201 }],
    handle: async (call) => {
      const { tag } = call.params;
      await setTags(call, (tags) => {
        if (!tags.includes(tag)) return [...tags, tag];
        throw new CloudError('invalid', `The project has the tag ${tag} already: tags are unique.`, { field: 'tag' });
      });
      return { status: 201, headers: { location: `${call.origin}${call.raw.url}` } };
    },
  }),
  operation({
    ...common,
    id: 'DeleteProjectTag',
    method: 'DELETE',
    path: '/v3/projects/{project_id}/tags/{tag}',
    allow: 'domainManager',
    params: TagParams,
    responses: { 204: null },
    errors: [401, 403, 404],
    title: 'Delete a tag of a project',
    summary: 'Others stay.',
    examples: [{ title: 'Delete', ...tagExample, status: 204 }],
    handle: async (call) => {
      const { tag } = call.params;
      await setTags(call, (tags) => {
        if (tags.includes(tag)) return tags.filter((one) => one !== tag);
        throw noTag(tag);
      });
      return {};
    },
  }),
];

function noTag(tag: string): CloudError {
  return new CloudError('not_found', `Could not find project tag: ${tag}.`, { resource: 'project tag' });
}
