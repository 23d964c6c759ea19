import { Type } from 'typebox';
import { type Call, operation } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';
import { adminAccountId, type Project } from '../../../cloud/identity/model.ts';
import { homeOf, listedDomain, mayReadIdentity } from '../../../cloud/identity/subject.ts';
import { queryBoolean } from '../common/query.ts';
import { list, v3 } from './answers.ts';
import { Description, Id, listDocument, OptionsView, optional, ProjectView, ShortName, Tags } from './schemas.ts';
import { unnamedMembers } from './unnamed-members.ts';
import { domainAsProjectView, projectView } from './views.ts';

const Params = Type.Object({ project_id: Id });
const Document = Type.Object({ project: ProjectView });

const changeable = {
  description: optional(Description),
  enabled: Type.Optional(Type.Boolean()),
  tags: Type.Optional(Tags),
  options: Type.Optional(OptionsView),
};

const NewProject = Type.Object({
  name: ShortName,
  domain_id: optional(Id),
  parent_id: optional(Id),
  is_domain: optional(Type.Boolean({ description: 'Makes a domain.' })),
  ...changeable,
});
const ProjectChanges = Type.Object({
  name: Type.Optional(ShortName),
  domain_id: optional(Id),
  is_domain: optional(Type.Boolean()),
  ...changeable,
});

const exampleView = {
  id: adminAccountId,
  name: 'admin',
  domain_id: 'default',
  description: 'The project of the cloud itself',
  enabled: true,
  parent_id: 'default',
  is_domain: false,
  tags: [],
  options: {},
  links: { self: `http://cloud.example/identity/v3/projects/${adminAccountId}` },
};

export const projectOperations = [
  operation({
    id: 'ListProjects',
    dialect: 'identity',
    group: 'projects',
    method: 'GET',
    path: '/v3/projects',
    mode: 'sync',
    allow: 'domainReader',
    query: Type.Object({
      name: Type.Optional(Type.String()),
      domain_id: Type.Optional(Type.String()),
      parent_id: Type.Optional(Type.String()),
      enabled: Type.Optional(Type.String()),
      is_domain: Type.Optional(Type.String({ description: 'true: the domains, in the words of projects.' })),
      tags: Type.Optional(Type.String({ description: 'With all of these, parted by commas.' })),
      'tags-any': Type.Optional(Type.String({ description: 'With one of these.' })),
      'not-tags': Type.Optional(Type.String({ description: 'Without one of these.' })),
      'not-tags-any': Type.Optional(Type.String({ description: 'Without all of these.' })),
    }),
    responses: { 200: listDocument('projects', ProjectView) },
    errors: [401, 403],
    title: 'List projects',
    summary: 'Lists all projects, or those that fit all filters.',
    examples: [{ title: 'By name', query: { name: 'admin' }, status: 200 }],
    handle: async (call) => {
      const { projects, domains } = call.cloud.identity;
      const { name, domain_id, parent_id, enabled, is_domain } = call.query;
      const domainId = listedDomain(call.subject, domain_id, 'list_projects');
      if (queryBoolean(is_domain)) {
        return list(
          call,
          'projects',
          await domains.list({
            name,
            enabled: queryBoolean(enabled),
            id: mayReadIdentity(call.subject) ? undefined : domainId,
          }),
          domainAsProjectView,
        );
      }
      const filters = { name, domainId, parentId: parent_id, enabled: queryBoolean(enabled) };
      const tags = {
        all: call.query.tags?.split(','),
        any: call.query['tags-any']?.split(','),
        notAll: call.query['not-tags']?.split(','),
        notAny: call.query['not-tags-any']?.split(','),
      };
      return list(call, 'projects', await projects.list({ ...filters, tags }), projectView);
    },
  }),
  operation({
    id: 'CreateProject',
    dialect: 'identity',
    group: 'projects',
    method: 'POST',
    path: '/v3/projects',
    mode: 'sync',
    allow: 'domainManager',
    body: Type.Object({ project: NewProject }),
    responses: { 201: Document },
    errors: [400, 401, 403, 404, 409],
    title: 'Create a project',
    summary: 'Creates a project in a domain, or below another project.',
    examples: [
      { title: 'In the default domain', body: { project: { name: 'web', description: 'The shop' } }, status: 201 },
    ],
    handle: async (call) => {
      const { name, domain_id, parent_id, description, enabled, tags, options, is_domain } = call.body.project;
      const extra = unnamedMembers(call.body.project, NewProject, ProjectView);
      const words = { name, description: description ?? undefined, enabled, tags, options, extra };
      if (is_domain) {
        if (domain_id || parent_id) throw new CloudError('invalid', 'A domain has no parent and is in no domain.');
        const domain = await call.cloud.identity.domains.create(call.subject, words);
        return { body: { project: domainAsProjectView(v3(call), domain) } };
      }
      const project = await call.cloud.identity.projects.create(call.subject, {
        ...words,
        domainId: domain_id ?? (parent_id ? undefined : homeOf(call.subject)),
        parentId: parent_id ?? undefined,
      });
      return { body: { project: projectView(v3(call), project) } };
    },
  }),
  operation({
    id: 'ShowProject',
    dialect: 'identity',
    group: 'projects',
    method: 'GET',
    path: '/v3/projects/{project_id}',
    mode: 'sync',
    allow: 'authenticated',
    params: Params,
    query: Type.Object({
      parents_as_list: Type.Optional(Type.String()),
      parents_as_ids: Type.Optional(Type.String()),
      subtree_as_list: Type.Optional(Type.String()),
      subtree_as_ids: Type.Optional(Type.String()),
    }),
    responses: { 200: Document },
    errors: [400, 401, 403, 404],
    title: 'Show a project',
    summary: "Shows a project: the token's own, or as an administrator any.",
    examples: [
      {
        title: 'The project admin',
        params: { project_id: adminAccountId },
        status: 200,
        response: { project: exampleView },
      },
    ],
    handle: async (call) => {
      const { projects, domains } = call.cloud.identity;
      const domain = mayReadIdentity(call.subject) ? await domains.find(call.params.project_id) : undefined;
      if (domain) return { body: { project: domainAsProjectView(v3(call), domain) } };
      const project = await projects.get(call.subject, call.params.project_id);
      return { body: { project: { ...projectView(v3(call), project), ...(await around(call, project)) } } };
    },
  }),
  operation({
    id: 'UpdateProject',
    dialect: 'identity',
    group: 'projects',
    method: 'PATCH',
    path: '/v3/projects/{project_id}',
    mode: 'sync',
    allow: 'domainManager',
    params: Params,
    body: Type.Object({ project: ProjectChanges }),
    responses: { 200: Document },
    errors: [400, 401, 403, 404, 409],
    title: 'Update a project',
    summary: 'Changes name or description, or disables the project: then its tokens end.',
    examples: [
      {
        title: 'Describe it',
        params: { project_id: adminAccountId },
        body: { project: { description: 'The project of the cloud itself' } },
        status: 200,
      },
    ],
    handle: async (call) => {
      const { name, description, enabled, tags, options, domain_id } = call.body.project;
      const { projects, domains } = call.cloud.identity;
      const id = call.params.project_id;
      const extra = unnamedMembers(call.body.project, ProjectChanges, ProjectView);
      const changes = { name, description: description === null ? '' : description, enabled, tags, options, extra };
      if (await domains.find(id)) {
        return { body: { project: domainAsProjectView(v3(call), await domains.update(call.subject, id, changes)) } };
      }
      if (domain_id && domain_id !== (await projects.find(id))?.domainId) {
        throw new CloudError('invalid', "A project's domain can not be changed.", { field: 'domain_id' });
      }
      return { body: { project: projectView(v3(call), await projects.update(call.subject, id, changes)) } };
    },
  }),
  operation({
    id: 'DeleteProject',
    dialect: 'identity',
    group: 'projects',
    method: 'DELETE',
    path: '/v3/projects/{project_id}',
    mode: 'sync',
    allow: 'domainManager',
    params: Params,
    responses: { 204: null },
    errors: [401, 403, 404],
    title: 'Delete a project',
    summary: 'Deletes a project without children. What it owned stays until an administrator deletes it.',
    examples: [{ title: 'Delete', params: { project_id: 'b0d4a2f6c8e14a3f9d5e7b1c2a4f6e80' }, status: 204 }],
    handle: async (call) => {
      const { projects, domains } = call.cloud.identity;
      const id = call.params.project_id;
      await ((await domains.find(id)) ? domains.delete(call.subject, id) : projects.delete(call.subject, id));
      return {};
    },
  }),
];

type AroundQuery = Partial<Record<'parents_as_list' | 'parents_as_ids' | 'subtree_as_list' | 'subtree_as_ids', string>>;

/** What is above and below a project, where it is asked for: as a list, or as ids in one another. */
async function around(call: Call<unknown, AroundQuery>, project: Project) {
  const { query, cloud } = call;
  const { projects } = cloud.identity;
  const asks = (key: keyof AroundQuery) => query[key] !== undefined;
  if ((asks('parents_as_list') && asks('parents_as_ids')) || (asks('subtree_as_list') && asks('subtree_as_ids'))) {
    throw new CloudError('invalid', 'A list and ids can not be asked for at the same time.');
  }
  const document = (one: Project) => ({ project: projectView(v3(call), one) });
  const found: { parents?: unknown; subtree?: unknown } = {};
  if (asks('parents_as_list')) found.parents = (await projects.above(project)).map(document);
  if (asks('parents_as_ids')) {
    const ids = [...(await projects.above(project)).map(({ id }) => id), project.domainId];
    found.parents = ids.reduceRight<unknown>((inner, id) => ({ [id]: inner }), null);
  }
  const below = asks('subtree_as_list') || asks('subtree_as_ids') ? await projects.below(project.id) : [];
  if (asks('subtree_as_list')) found.subtree = below.map(document);
  if (asks('subtree_as_ids')) found.subtree = treeOf(below, project.id);
  return found;
}

function treeOf(below: readonly Project[], id: string): Record<string, unknown> | null {
  const children = below.filter(({ parentId }) => parentId === id);
  return children.length === 0 ? null : Object.fromEntries(children.map((one) => [one.id, treeOf(below, one.id)]));
}
