import { Type } from 'typebox';
import { type Call, operation } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';
import type { EndpointGroup } from '../../../cloud/identity/catalog-rows.ts';
import { adminAccountId } from '../../../cloud/identity/model.ts';
import { list, v3 } from './answers.ts';
import { endpointId, interfaces, usualCatalog } from './catalog.ts';
import { allEndpoints, EndpointView, endpointView } from './endpoints.ts';
import { closed, Id, listDocument, Name, nullable, optional, ProjectView, SelfLink } from './schemas.ts';
import { pick } from './services.ts';
import { projectView } from './views.ts';

const Filters = Type.Unsafe<Record<string, string>>({
  type: 'object',
  additionalProperties: { type: 'string' },
  description: 'Of `service_id`, `region_id` and `interface`.',
});
const Wanted = Type.Object({
  service_id: Type.Optional(Type.String()),
  region_id: optional(Type.String()),
  interface: Type.Optional(Type.Union(interfaces.map((one) => Type.Literal(one)))),
  enabled: Type.Optional(Type.Boolean()),
});
const GroupView = Type.Object({
  id: Type.String(),
  name: Type.String(),
  description: nullable(Type.String()),
  filters: Filters,
  links: SelfLink,
});
const Document = Type.Object({ endpoint_group: GroupView });
const Params = Type.Object({ endpoint_group_id: Id });
const ProjectGroupParams = Type.Object({ endpoint_group_id: Id, project_id: Id });
const ProjectEndpointParams = Type.Object({ project_id: Id, endpoint_id: Id });
const ProjectParams = Type.Object({ project_id: Id });
const common = { dialect: 'identity', group: 'endpoint filters', mode: 'sync' } as const;
const exampleId = '2b7c92d4c1b5a7e9f2483b8c6d0e1f3a';
const example = { params: { endpoint_group_id: exampleId } };
const projectGroupExample = { params: { endpoint_group_id: exampleId, project_id: adminAccountId } };
const projectEndpointExample = {
  params: { project_id: adminAccountId, endpoint_id: endpointId(usualCatalog.identity[0]!, 'public') },
};
const start = '/v3/OS-EP-FILTER';

function view(base: string, { id, name, description, filters }: EndpointGroup) {
  return { id, name, description, filters, links: { self: `${base}/OS-EP-FILTER/endpoint_groups/${id}` } };
}

function checked(filters: Record<string, unknown>): EndpointGroup['filters'] {
  const odd = Object.keys(filters).find((name) => !['service_id', 'region_id', 'interface'].includes(name));
  if (odd === undefined) return filters as EndpointGroup['filters'];
  throw new CloudError('invalid', `Invalid filter attribute: ${odd}.`, { field: 'filters' });
}

async function isAssociated(call: Call<{ endpoint_group_id: string; project_id: string }>): Promise<void> {
  const { catalog } = call.cloud.identity;
  await catalog.group(call.params.endpoint_group_id);
  const groups = await catalog.groupsOf(call.params.project_id);
  pick(groups, 'endpoint group', call.params.endpoint_group_id);
}

export const endpointFilterOperations = [
  operation({
    ...common,
    id: 'ListEndpointGroups',
    method: 'GET',
    path: `${start}/endpoint_groups`,
    allow: 'systemReader',
    query: Type.Object({ name: Type.Optional(Type.String()) }),
    responses: { 200: listDocument('endpoint_groups', GroupView) },
    errors: [401, 403],
    title: 'List endpoint groups',
    summary: 'Endpoints that fit filters, for projects that are to see only some.',
    examples: [{ title: 'All', status: 200 }],
    handle: async (call) => list(call, 'endpoint_groups', await call.cloud.identity.catalog.groups(call.query), view),
  }),
  operation({
    ...common,
    id: 'CreateEndpointGroup',
    method: 'POST',
    path: `${start}/endpoint_groups`,
    allow: 'admin',
    body: Type.Object({
      endpoint_group: Type.Object({ name: Name, description: optional(Type.String()), filters: Wanted }, closed),
    }),
    responses: { 201: Document },
    errors: [400, 401, 403],
    title: 'Create an endpoint group',
    summary: 'Says which endpoints are of it.',
    examples: [
      {
        title: 'Public ones',
        body: { endpoint_group: { name: 'public', filters: { interface: 'public' } } },
        status: 201,
      },
    ],
    handle: async (call) => {
      const { name, description, filters } = call.body.endpoint_group;
      const wanted = { name, description: description ?? null, filters: checked(filters) };
      const group = await call.cloud.identity.catalog.createGroup(call.subject, wanted);
      return { body: { endpoint_group: view(v3(call), group) } };
    },
  }),
  operation({
    ...common,
    id: 'ShowEndpointGroup',
    method: 'GET',
    path: `${start}/endpoint_groups/{endpoint_group_id}`,
    allow: 'systemReader',
    params: Params,
    responses: { 200: Document },
    errors: [401, 403, 404],
    title: 'Show an endpoint group',
    summary: 'Shows which endpoints are of it.',
    examples: [{ title: 'By id', ...example, status: 200 }],
    handle: async (call) => ({
      body: {
        endpoint_group: view(v3(call), await call.cloud.identity.catalog.group(call.params.endpoint_group_id)),
      },
    }),
  }),
  operation({
    ...common,
    id: 'UpdateEndpointGroup',
    method: 'PATCH',
    path: `${start}/endpoint_groups/{endpoint_group_id}`,
    allow: 'admin',
    params: Params,
    body: Type.Object({
      endpoint_group: Type.Object(
        {
          name: Type.Optional(Name),
          description: optional(Type.String()),
          // The newest `openstack` sends null where it changes nothing.
          filters: optional(Wanted),
        },
        closed,
      ),
    }),
    responses: { 200: Document },
    errors: [400, 401, 403, 404],
    title: 'Update an endpoint group',
    summary: 'Changes which endpoints are of it.',
    examples: [{ title: 'Another name', ...example, body: { endpoint_group: { name: 'all' } }, status: 200 }],
    handle: async (call) => {
      const { name, description, filters } = call.body.endpoint_group;
      const given = { name, description, filters: filters ? checked(filters) : undefined };
      const changes = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
      const id = call.params.endpoint_group_id;
      const group = await call.cloud.identity.catalog.updateGroup(call.subject, id, changes);
      return { body: { endpoint_group: view(v3(call), group) } };
    },
  }),
  operation({
    ...common,
    id: 'DeleteEndpointGroup',
    method: 'DELETE',
    path: `${start}/endpoint_groups/{endpoint_group_id}`,
    allow: 'admin',
    params: Params,
    responses: { 204: null },
    errors: [401, 403, 404],
    title: 'Delete an endpoint group',
    summary: 'Projects that had it see what they see without it.',
    examples: [{ title: 'By id', ...example, status: 204 }],
    handle: async ({ cloud, subject, params }) => {
      await cloud.identity.catalog.deleteGroup(subject, params.endpoint_group_id);
      return {};
    },
  }),
  operation({
    ...common,
    id: 'ListEndpointsOfGroup',
    method: 'GET',
    path: `${start}/endpoint_groups/{endpoint_group_id}/endpoints`,
    allow: 'systemReader',
    params: Params,
    responses: { 200: listDocument('endpoints', EndpointView) },
    errors: [401, 403, 404],
    title: 'List the endpoints of a group',
    summary: 'Those that fit its filters.',
    examples: [{ title: 'By id', ...example, status: 200 }],
    handle: async (call) => {
      const { filters } = await call.cloud.identity.catalog.group(call.params.endpoint_group_id);
      const found = (await allEndpoints(call)).filter((endpoint) => {
        const shown: Record<string, unknown> = endpointView('', endpoint);
        return Object.entries(filters).every(([name, value]) => shown[name] === value);
      });
      return list(call, 'endpoints', found, endpointView);
    },
  }),
  operation({
    ...common,
    id: 'ListProjectsOfEndpointGroup',
    method: 'GET',
    path: `${start}/endpoint_groups/{endpoint_group_id}/projects`,
    allow: 'systemReader',
    params: Params,
    responses: { 200: listDocument('projects', ProjectView) },
    errors: [401, 403, 404],
    title: 'List the projects that see an endpoint group',
    summary: 'Those that it was given to.',
    examples: [{ title: 'By id', ...example, status: 200 }],
    handle: async (call) => {
      const { catalog, projects } = call.cloud.identity;
      const group = await catalog.group(call.params.endpoint_group_id);
      const found = await projects.list({ ids: await catalog.projectsOfGroup(group.id) });
      return list(call, 'projects', found, projectView);
    },
  }),
  ...(['PUT', 'GET', 'DELETE'] as const).map((method) =>
    operation({
      ...common,
      id: {
        PUT: 'AddEndpointGroupToProject',
        GET: 'CheckEndpointGroupOfProject',
        DELETE: 'RemoveEndpointGroupFromProject',
      }[method],
      method,
      path: `${start}/endpoint_groups/{endpoint_group_id}/projects/{project_id}`,
      allow: method === 'GET' ? 'systemReader' : 'admin',
      params: ProjectGroupParams,
      responses: method === 'GET' ? { 200: Document } : { 204: null },
      errors: [401, 403, 404],
      title: {
        PUT: 'Let a project see an endpoint group',
        GET: 'Check whether a project sees an endpoint group',
        DELETE: 'Let a project see an endpoint group no more',
      }[method],
      summary: 'A project that was given none, and no endpoint, sees all endpoints.',
      examples: [{ title: 'By id', ...projectGroupExample, status: method === 'GET' ? 200 : 204 }],
      handle: async (call) => {
        const { catalog } = call.cloud.identity;
        const { project_id, endpoint_group_id } = call.params;
        if (method === 'GET') {
          await isAssociated(call as Call<{ endpoint_group_id: string; project_id: string }>);
          return { body: { endpoint_group: view(v3(call), await catalog.group(endpoint_group_id)) } };
        }
        await catalog.group(endpoint_group_id);
        await catalog.associate(call.subject, project_id, { groupId: endpoint_group_id }, method === 'PUT');
        return {};
      },
    }),
  ),
  ...(['PUT', 'GET', 'DELETE'] as const).map((method) =>
    operation({
      ...common,
      id: { PUT: 'AddEndpointToProject', GET: 'CheckEndpointOfProject', DELETE: 'RemoveEndpointFromProject' }[method],
      method,
      path: `${start}/projects/{project_id}/endpoints/{endpoint_id}`,
      allow: method === 'GET' ? 'systemReader' : 'admin',
      params: ProjectEndpointParams,
      responses: { 204: null },
      errors: [401, 403, 404],
      title: {
        PUT: 'Let a project see an endpoint',
        GET: 'Check whether a project was given an endpoint',
        DELETE: 'Let a project see an endpoint no more',
      }[method],
      summary: 'A project that was given none, and no endpoint group, sees all endpoints.',
      examples: [{ title: 'By id', ...projectEndpointExample, status: 204 }],
      handle: async (call) => {
        const { catalog } = call.cloud.identity;
        const { project_id, endpoint_id } = call.params;
        pick(await allEndpoints(call), 'endpoint', endpoint_id);
        const has = (await catalog.associations()).some(
          (one) => one.projectId === project_id && one.endpointId === endpoint_id,
        );
        if (method !== 'PUT' && !has) {
          throw new CloudError('not_found', `Endpoint ${endpoint_id} not found in project ${project_id}.`);
        }
        if (method !== 'GET') {
          await catalog.associate(call.subject, project_id, { endpointId: endpoint_id }, method === 'PUT');
        }
        return {};
      },
    }),
  ),
  operation({
    ...common,
    id: 'ListEndpointsOfProject',
    method: 'GET',
    path: `${start}/projects/{project_id}/endpoints`,
    allow: 'systemReader',
    params: ProjectParams,
    responses: { 200: listDocument('endpoints', EndpointView) },
    errors: [401, 403],
    title: 'List the endpoints that a project was given',
    summary: 'One by one or by groups.',
    examples: [{ title: 'Of the project admin', params: { project_id: adminAccountId }, status: 200 }],
    handle: async (call) => {
      const fits = await call.cloud.identity.catalog.filterOf(call.params.project_id);
      return list(call, 'endpoints', fits ? (await allEndpoints(call)).filter(fits) : [], endpointView);
    },
  }),
  operation({
    ...common,
    id: 'ListEndpointGroupsOfProject',
    method: 'GET',
    path: `${start}/projects/{project_id}/endpoint_groups`,
    allow: 'systemReader',
    params: ProjectParams,
    responses: { 200: listDocument('endpoint_groups', GroupView) },
    errors: [401, 403, 404],
    title: 'List the endpoint groups of a project',
    summary: 'Those that it was given.',
    examples: [{ title: 'Of the project admin', params: { project_id: adminAccountId }, status: 200 }],
    handle: async (call) => {
      const { projects, catalog } = call.cloud.identity;
      await projects.get(call.subject, call.params.project_id);
      return list(call, 'endpoint_groups', await catalog.groupsOf(call.params.project_id), view);
    },
  }),
  operation({
    ...common,
    id: 'ListProjectsOfEndpoint',
    method: 'GET',
    path: `${start}/endpoints/{endpoint_id}/projects`,
    allow: 'systemReader',
    params: Type.Object({ endpoint_id: Id }),
    responses: { 200: listDocument('projects', ProjectView) },
    errors: [401, 403, 404],
    title: 'List the projects that were given an endpoint',
    summary: 'By itself, and not by groups.',
    examples: [{ title: 'Identity', params: { endpoint_id: projectEndpointExample.params.endpoint_id }, status: 200 }],
    handle: async (call) => {
      const { id } = pick(await allEndpoints(call), 'endpoint', call.params.endpoint_id);
      const { projects, catalog } = call.cloud.identity;
      const ids = (await catalog.associations()).flatMap((one) => (one.endpointId === id ? [one.projectId] : []));
      return list(call, 'projects', await projects.list({ ids }), projectView);
    },
  }),
];
