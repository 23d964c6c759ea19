import { Type } from 'typebox';
import { type Call, operation } from '../../../api/operation.ts';
import { type Limited, type RegisteredLimit, unknownIn } from '../../../cloud/identity/limits.ts';
import { list, v3 } from './answers.ts';
import { serviceId, usualCatalog } from './catalog.ts';
import { allRegions } from './regions.ts';
import { closed, Id, listDocument, nullable, optional, SelfLink, ShortDescription } from './schemas.ts';
import { allServices } from './services.ts';

/** -1 for no limit; as large as Keystone's database holds. */
export const Amount = Type.Integer({ minimum: -1, maximum: 0x7fffffff });
/** Keystone wants more than blanks. */
export const ResourceName = Type.String({ minLength: 1, maxLength: 255, pattern: '\\S' });
export const OptionalRegionId = optional(Type.String({ minLength: 1, maxLength: 255 }));

const RegisteredLimitView = Type.Object({
  id: Type.String(),
  service_id: Type.String(),
  region_id: nullable(Type.String()),
  resource_name: Type.String(),
  default_limit: Type.Integer(),
  description: nullable(Type.String()),
  links: SelfLink,
});
const Document = Type.Object({ registered_limit: RegisteredLimitView });
const Params = Type.Object({ registered_limit_id: Id });
const common = { dialect: 'identity', group: 'limits', mode: 'sync' } as const;
const example = { params: { registered_limit_id: '3b7c92d4c1b5a7e9f2483b8c6d0e1f3a' } };
const exampleLimit = { service_id: serviceId(usualCatalog.identity[0]!), resource_name: 'snapshot', default_limit: 5 };

function view(base: string, limit: RegisteredLimit) {
  return {
    id: limit.id,
    service_id: limit.serviceId,
    region_id: limit.regionId,
    resource_name: limit.resourceName,
    default_limit: limit.defaultLimit,
    description: limit.description,
    links: { self: `${base}/registered_limits/${limit.id}` },
  };
}

/** Throws `invalid` where a request names a service or a region that is not there. */
export async function requireKnown(
  call: Pick<Call, 'context' | 'cloud'>,
  target: 'registered_limit' | 'limit',
  { serviceId, regionId }: Partial<Pick<Limited, 'serviceId' | 'regionId'>>,
): Promise<void> {
  const isIn = (all: readonly { id: string }[], id: string) => all.some((one) => one.id === id);
  if (serviceId !== undefined && !isIn(await allServices(call), serviceId)) throw unknownIn(target, 'service_id');
  if (regionId && !isIn(await allRegions(call), regionId)) throw unknownIn(target, 'region_id');
}

export const registeredLimitOperations = [
  operation({
    ...common,
    id: 'ListRegisteredLimits',
    method: 'GET',
    path: '/v3/registered_limits',
    allow: 'authenticated',
    query: Type.Object({
      service_id: Type.Optional(Type.String()),
      region_id: Type.Optional(Type.String()),
      resource_name: Type.Optional(Type.String()),
    }),
    responses: { 200: listDocument('registered_limits', RegisteredLimitView) },
    errors: [401],
    title: 'List registered limits',
    summary: 'What every project may have of what services count, unless it has a limit of its own.',
    examples: [{ title: 'Of one name', query: { resource_name: 'snapshot' }, status: 200 }],
    handle: async (call) => {
      const { service_id: serviceId, region_id: regionId, resource_name: resourceName } = call.query;
      const found = await call.cloud.identity.limits.registered({ serviceId, regionId, resourceName });
      return list(call, 'registered_limits', found, view);
    },
  }),
  operation({
    ...common,
    id: 'CreateRegisteredLimits',
    method: 'POST',
    path: '/v3/registered_limits',
    allow: 'admin',
    body: Type.Object(
      {
        registered_limits: Type.Array(
          Type.Object(
            {
              service_id: Id,
              region_id: OptionalRegionId,
              resource_name: ResourceName,
              default_limit: Amount,
              description: optional(ShortDescription),
            },
            closed,
          ),
          { minItems: 1 },
        ),
      },
      closed,
    ),
    responses: { 201: Type.Object({ registered_limits: Type.Array(RegisteredLimitView) }) },
    errors: [400, 401, 403, 409],
    title: 'Register limits',
    summary: 'All of them or none. A service, a region and a name have one registered limit.',
    examples: [{ title: 'One', body: { registered_limits: [exampleLimit] }, status: 201 }],
    handle: async (call) => {
      const wanted = call.body.registered_limits.map((one) => ({
        serviceId: one.service_id,
        regionId: one.region_id ?? null,
        resourceName: one.resource_name,
        defaultLimit: one.default_limit,
        description: one.description ?? null,
      }));
      for (const one of wanted) await requireKnown(call, 'registered_limit', one);
      const made = await call.cloud.identity.limits.register(call.subject, wanted);
      return { body: { registered_limits: made.map((one) => view(v3(call), one)) } };
    },
  }),
  operation({
    ...common,
    id: 'ShowRegisteredLimit',
    method: 'GET',
    path: '/v3/registered_limits/{registered_limit_id}',
    allow: 'authenticated',
    params: Params,
    responses: { 200: Document },
    errors: [401, 404],
    title: 'Show a registered limit',
    summary: 'Shows what every project may have of one thing.',
    examples: [{ title: 'By id', ...example, status: 200 }],
    handle: async (call) => {
      const limit = await call.cloud.identity.limits.getRegistered(call.params.registered_limit_id);
      return { body: { registered_limit: view(v3(call), limit) } };
    },
  }),
  operation({
    ...common,
    id: 'UpdateRegisteredLimit',
    method: 'PATCH',
    path: '/v3/registered_limits/{registered_limit_id}',
    allow: 'admin',
    params: Params,
    body: Type.Object(
      {
        registered_limit: Type.Object(
          {
            service_id: Type.Optional(Id),
            region_id: OptionalRegionId,
            resource_name: Type.Optional(ResourceName),
            default_limit: Type.Optional(Amount),
            description: optional(ShortDescription),
          },
          closed,
        ),
      },
      closed,
    ),
    responses: { 200: Document },
    errors: [400, 401, 403, 404, 409],
    title: 'Update a registered limit',
    summary: 'While no project and no domain has a limit of its own by it.',
    examples: [{ title: 'More', ...example, body: { registered_limit: { default_limit: 10 } }, status: 200 }],
    handle: async (call) => {
      const { service_id, region_id, resource_name, default_limit, description } = call.body.registered_limit;
      const changes = {
        ...(service_id === undefined ? {} : { serviceId: service_id }),
        ...(region_id === undefined ? {} : { regionId: region_id }),
        ...(resource_name === undefined ? {} : { resourceName: resource_name }),
        ...(default_limit === undefined ? {} : { defaultLimit: default_limit }),
        ...(description === undefined ? {} : { description }),
      };
      await requireKnown(call, 'registered_limit', changes);
      const { limits } = call.cloud.identity;
      const limit = await limits.updateRegistered(call.subject, call.params.registered_limit_id, changes);
      return { body: { registered_limit: view(v3(call), limit) } };
    },
  }),
  operation({
    ...common,
    id: 'DeleteRegisteredLimit',
    method: 'DELETE',
    path: '/v3/registered_limits/{registered_limit_id}',
    allow: 'admin',
    params: Params,
    responses: { 204: null },
    errors: [401, 403, 404],
    title: 'Delete a registered limit',
    summary: 'While no project and no domain has a limit of its own by it.',
    examples: [{ title: 'By id', ...example, status: 204 }],
    handle: async ({ cloud, subject, params }) => {
      await cloud.identity.limits.unregister(subject, params.registered_limit_id);
      return {};
    },
  }),
];
