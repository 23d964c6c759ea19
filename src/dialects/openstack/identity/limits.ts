import { Type } from 'typebox';
import { operation } from '../../../api/operation.ts';
import type { Limit } from '../../../cloud/identity/limits.ts';
import { adminAccountId } from '../../../cloud/identity/model.ts';
import { list, v3 } from './answers.ts';
import { serviceId, usualCatalog } from './catalog.ts';
import { Amount, OptionalRegionId, ResourceName, requireKnown } from './registered-limits.ts';
import { closed, Id, listDocument, nullable, optional, SelfLink, ShortDescription } from './schemas.ts';

const LimitView = Type.Object({
  id: Type.String(),
  project_id: nullable(Type.String()),
  domain_id: nullable(Type.String()),
  service_id: Type.String(),
  region_id: nullable(Type.String()),
  resource_name: Type.String(),
  resource_limit: Type.Integer(),
  description: nullable(Type.String()),
  links: SelfLink,
});
const Document = Type.Object({ limit: LimitView });
const Params = Type.Object({ limit_id: Id });
const common = { dialect: 'identity', group: 'limits', mode: 'sync' } as const;
const example = { params: { limit_id: '4b7c92d4c1b5a7e9f2483b8c6d0e1f3a' } };
const exampleLimit = {
  service_id: serviceId(usualCatalog.identity[0]!),
  project_id: adminAccountId,
  resource_name: 'snapshot',
  resource_limit: 7,
};
const wanted = {
  service_id: Id,
  region_id: OptionalRegionId,
  resource_name: ResourceName,
  resource_limit: Amount,
  description: optional(ShortDescription),
};
/** Of a project or of a domain: Keystone wants one of the two to be named, and not both. */
const NewLimit = Type.Object(
  { ...wanted, project_id: optional(Id), domain_id: optional(Id) },
  { ...closed, oneOf: [{ required: ['domain_id'] }, { required: ['project_id'] }] },
);
const flatModel = {
  name: 'flat',
  description: 'Limit enforcement and validation does not take project hierarchy into consideration.',
};

function view(base: string, limit: Limit) {
  return {
    id: limit.id,
    project_id: limit.projectId,
    domain_id: limit.domainId,
    service_id: limit.serviceId,
    region_id: limit.regionId,
    resource_name: limit.resourceName,
    resource_limit: limit.resourceLimit,
    description: limit.description,
    links: { self: `${base}/limits/${limit.id}` },
  };
}

export const limitOperations = [
  operation({
    ...common,
    id: 'ShowLimitModel',
    method: 'GET',
    path: '/v3/limits/model',
    allow: 'authenticated',
    responses: { 200: Type.Object({ model: Type.Object({ name: Type.String(), description: Type.String() }) }) },
    errors: [401],
    title: 'Show the model of limits',
    summary: 'Flat: what a project may have does not depend on the projects above it.',
    examples: [{ title: 'The one model', status: 200, response: { model: flatModel } }],
    handle: () => ({ body: { model: flatModel } }),
  }),
  operation({
    ...common,
    id: 'ListUnifiedLimits',
    method: 'GET',
    path: '/v3/limits',
    allow: 'authenticated',
    query: Type.Object({
      service_id: Type.Optional(Type.String()),
      region_id: Type.Optional(Type.String()),
      resource_name: Type.Optional(Type.String()),
      project_id: Type.Optional(Type.String()),
      domain_id: Type.Optional(Type.String()),
    }),
    responses: { 200: listDocument('limits', LimitView) },
    errors: [401],
    title: 'List limits',
    summary: "The token's project sees its own, its domain those of its projects too, administrators and services all.",
    examples: [{ title: 'Of one project', query: { project_id: adminAccountId }, status: 200 }],
    handle: async (call) => {
      const { service_id, region_id, resource_name, project_id, domain_id } = call.query;
      const filters = {
        ...{ serviceId: service_id, regionId: region_id, resourceName: resource_name },
        ...{ projectId: project_id, domainId: domain_id },
      };
      return list(call, 'limits', await call.cloud.identity.limits.list(call.subject, filters), view);
    },
  }),
  operation({
    ...common,
    id: 'CreateLimits',
    method: 'POST',
    path: '/v3/limits',
    allow: 'admin',
    body: Type.Object({ limits: Type.Array(NewLimit, { minItems: 1 }) }, closed),
    responses: { 201: Type.Object({ limits: Type.Array(LimitView) }) },
    errors: [400, 401, 403, 409],
    title: 'Create limits',
    summary: 'Of projects and domains, for what is registered: all of them or none.',
    examples: [{ title: 'Of a project', body: { limits: [exampleLimit] }, status: 201 }],
    handle: async (call) => {
      const limits = call.body.limits.map((one) => ({
        projectId: one.project_id ?? null,
        domainId: one.domain_id ?? null,
        serviceId: one.service_id,
        regionId: one.region_id ?? null,
        resourceName: one.resource_name,
        resourceLimit: one.resource_limit,
        description: one.description ?? null,
      }));
      for (const one of limits) await requireKnown(call, 'limit', one);
      const made = await call.cloud.identity.limits.create(call.subject, limits);
      return { body: { limits: made.map((one) => view(v3(call), one)) } };
    },
  }),
  operation({
    ...common,
    id: 'ShowLimit',
    method: 'GET',
    path: '/v3/limits/{limit_id}',
    allow: 'authenticated',
    params: Params,
    responses: { 200: Document },
    errors: [401, 403, 404],
    title: 'Show a limit',
    summary: "One of the token's project or domain, or as an administrator any.",
    examples: [{ title: 'By id', ...example, status: 200 }],
    handle: async (call) => {
      const limit = await call.cloud.identity.limits.get(call.subject, call.params.limit_id);
      return { body: { limit: view(v3(call), limit) } };
    },
  }),
  operation({
    ...common,
    id: 'UpdateLimit',
    method: 'PATCH',
    path: '/v3/limits/{limit_id}',
    allow: 'admin',
    params: Params,
    body: Type.Object(
      {
        limit: Type.Object({ resource_limit: Type.Optional(Amount), description: optional(ShortDescription) }, closed),
      },
      closed,
    ),
    responses: { 200: Document },
    errors: [400, 401, 403, 404],
    title: 'Update a limit',
    summary: 'How much it is. What it is about, and whose it is, stays.',
    examples: [{ title: 'More', ...example, body: { limit: { resource_limit: 10 } }, status: 200 }],
    handle: async (call) => {
      const { resource_limit, description } = call.body.limit;
      const changes = {
        ...(resource_limit === undefined ? {} : { resourceLimit: resource_limit }),
        ...(description === undefined ? {} : { description }),
      };
      const limit = await call.cloud.identity.limits.update(call.subject, call.params.limit_id, changes);
      return { body: { limit: view(v3(call), limit) } };
    },
  }),
  operation({
    ...common,
    id: 'DeleteLimit',
    method: 'DELETE',
    path: '/v3/limits/{limit_id}',
    allow: 'admin',
    params: Params,
    responses: { 204: null },
    errors: [401, 403, 404],
    title: 'Delete a limit',
    summary: 'What is registered holds then.',
    examples: [{ title: 'By id', ...example, status: 204 }],
    handle: async ({ cloud, subject, params }) => {
      await cloud.identity.limits.delete(subject, params.limit_id);
      return {};
    },
  }),
];
