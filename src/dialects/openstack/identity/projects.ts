import { Type } from 'typebox';
import { operation } from '../../../api/operation.ts';
import { adminAccountId } from '../../../cloud/identity/model.ts';
import { queryBoolean } from '../common/query.ts';
import { list, v3 } from './answers.ts';
import { Description, Id, listDocument, Name, optional, ProjectView } from './schemas.ts';
import { projectView } from './views.ts';

const Params = Type.Object({ project_id: Id });
const Document = Type.Object({ project: ProjectView });

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
    allow: 'admin',
    query: Type.Object({
      name: Type.Optional(Type.String()),
      domain_id: Type.Optional(Type.String()),
      parent_id: Type.Optional(Type.String()),
      enabled: Type.Optional(Type.String()),
      is_domain: Type.Optional(Type.String({ description: 'Domains are never listed as projects here.' })),
    }),
    responses: { 200: listDocument('projects', ProjectView) },
    errors: [401, 403],
    title: 'List projects',
    summary: 'Lists all projects, or those that fit all filters.',
    examples: [{ title: 'By name', query: { name: 'admin' }, status: 200 }],
    handle: async (call) => {
      const { name, domain_id, parent_id, enabled, is_domain } = call.query;
      const filters = { name, domainId: domain_id, parentId: parent_id, enabled: queryBoolean(enabled) };
      const projects = queryBoolean(is_domain) ? [] : await call.cloud.identity.projects.list(filters);
      return list(call, 'projects', projects, projectView);
    },
  }),
  operation({
    id: 'CreateProject',
    dialect: 'identity',
    group: 'projects',
    method: 'POST',
    path: '/v3/projects',
    mode: 'sync',
    allow: 'admin',
    body: Type.Object({
      project: Type.Object({
        name: Name,
        domain_id: optional(Id),
        parent_id: optional(Id),
        description: optional(Description),
        enabled: Type.Optional(Type.Boolean()),
      }),
    }),
    responses: { 201: Document },
    errors: [400, 401, 403, 404, 409],
    title: 'Create a project',
    summary: 'Creates a project in a domain, or below another project.',
    examples: [
      { title: 'In the default domain', body: { project: { name: 'web', description: 'The shop' } }, status: 201 },
    ],
    handle: async (call) => {
      const { name, domain_id, parent_id, description, enabled } = call.body.project;
      const project = await call.cloud.identity.projects.create(call.subject, {
        name,
        domainId: domain_id ?? undefined,
        parentId: parent_id ?? undefined,
        description: description ?? undefined,
        enabled,
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
    responses: { 200: Document },
    errors: [401, 403, 404],
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
      const project = await call.cloud.identity.projects.get(call.subject, call.params.project_id);
      return { body: { project: projectView(v3(call), project) } };
    },
  }),
  operation({
    id: 'UpdateProject',
    dialect: 'identity',
    group: 'projects',
    method: 'PATCH',
    path: '/v3/projects/{project_id}',
    mode: 'sync',
    allow: 'admin',
    params: Params,
    body: Type.Object({
      project: Type.Object({
        name: Type.Optional(Name),
        description: optional(Description),
        enabled: Type.Optional(Type.Boolean()),
      }),
    }),
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
      const { name, description, enabled } = call.body.project;
      const project = await call.cloud.identity.projects.update(call.subject, call.params.project_id, {
        name,
        description: description === null ? '' : description,
        enabled,
      });
      return { body: { project: projectView(v3(call), project) } };
    },
  }),
  operation({
    id: 'DeleteProject',
    dialect: 'identity',
    group: 'projects',
    method: 'DELETE',
    path: '/v3/projects/{project_id}',
    mode: 'sync',
    allow: 'admin',
    params: Params,
    responses: { 204: null },
    errors: [401, 403, 404],
    title: 'Delete a project',
    summary: 'Deletes a project without children. What it owned stays until an administrator deletes it.',
    examples: [{ title: 'Delete', params: { project_id: 'b0d4a2f6c8e14a3f9d5e7b1c2a4f6e80' }, status: 204 }],
    handle: async (call) => {
      await call.cloud.identity.projects.delete(call.subject, call.params.project_id);
      return {};
    },
  }),
];
