import { Type } from 'typebox';
import { type Call, operation } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';
import type { CatalogEndpoint } from '../../../cloud/identity/catalog-rows.ts';
import type { Options } from '../../../cloud/identity/model.ts';
import { list, v3 } from './answers.ts';
import { type CatalogEntry, endpointId, interfaces, serviceId, usualCatalog } from './catalog.ts';
import { Description, Id, listDocument, nullable, optional, SelfLink } from './schemas.ts';
import { allServices, pick, refuseOwn } from './services.ts';
import { unnamedMembers } from './unnamed-members.ts';

export const EndpointView = Type.Object(
  {
    id: Type.String(),
    service_id: Type.String(),
    interface: Type.String(),
    region: nullable(Type.String()),
    region_id: nullable(Type.String()),
    url: Type.String(),
    enabled: Type.Boolean(),
    name: Type.Optional(Type.String()),
    links: SelfLink,
  },
  { additionalProperties: true },
);

type Where = Pick<Call, 'context' | 'origin' | 'cloud'>;

/** Where this program serves what it serves. */
function ownEndpoints(call: Where): CatalogEndpoint[] {
  const { region } = call.cloud.identity;
  return (call.context['catalog'] as readonly CatalogEntry[]).flatMap((entry) =>
    interfaces.map((one) => ({
      id: endpointId(entry, one),
      serviceId: serviceId(entry),
      interface: one,
      regionId: region,
      url: call.origin + entry.path.replace('{project_id}', '%(project_id)s'),
      name: null,
      enabled: true,
      extra: {},
    })),
  );
}

/** That, and what administrators have added. */
export async function allEndpoints(call: Where): Promise<CatalogEndpoint[]> {
  return [...ownEndpoints(call), ...(await call.cloud.identity.catalog.endpoints())];
}

export function endpointView(base: string, endpoint: CatalogEndpoint) {
  const { id, serviceId: service_id, regionId, url, enabled, name, extra } = endpoint;
  return {
    ...extra,
    id,
    service_id,
    interface: endpoint.interface,
    region: regionId,
    region_id: regionId,
    url,
    enabled,
    ...(name === null ? {} : { name }),
    links: { self: `${base}/endpoints/${id}` },
  };
}

const common = { dialect: 'identity', group: 'catalog', mode: 'sync' } as const;
const Params = Type.Object({ id: Id });
const Document = Type.Object({ endpoint: EndpointView });
const Interface = Type.Union(interfaces.map((one) => Type.Literal(one)));
const Url = Type.String({ minLength: 1, maxLength: 225, pattern: '^[a-zA-Z0-9+.-]+:.+' });
const example = { params: { id: endpointId(usualCatalog.identity[0]!, 'public') } };
const addedExample = { params: { id: '1f3a5b7c92d4c1b5a7e9f2483b8c6d0e' } };
const places = {
  region: optional(Type.String({ maxLength: 255 })),
  region_id: optional(Type.String({ maxLength: 255 })),
  enabled: Type.Optional(Type.Boolean()),
  name: optional(Type.String()),
  description: optional(Description),
};

const NewEndpoint = Type.Object({
  id: Type.Optional(Type.String({ description: 'Is chosen here.' })),
  service_id: Id,
  interface: Interface,
  url: Url,
  ...places,
});
const EndpointChanges = Type.Object({
  service_id: Type.Optional(Id),
  interface: Type.Optional(Interface),
  url: Type.Optional(Url),
  ...places,
});

/** What a client chose to say of it beside what it is; Keystone counts its description as such. */
function extraOf(given: { description?: string | null }): Options | undefined {
  const { description } = given;
  const unnamed = unnamedMembers(given, NewEndpoint, EndpointView);
  return description === undefined ? unnamed : { ...unnamed, description };
}

/** Only what stands for something is put in: `%(project_id)s` and its like. */
function checkedUrl(url: string): string {
  const odd = [...url.matchAll(/[$%]\((\w+)\)(.?)/g)].find(
    ([, name, end]) => !['project_id', 'tenant_id', 'user_id'].includes(name!) || end !== 's',
  );
  if (odd) throw new CloudError('invalid', `Malformed endpoint URL (${url}), see ERROR log for details.`);
  return url;
}

/** The region that is named, which is made where there is none: as Keystone does it for the older member. */
async function regionOf(call: Call, region: string | null | undefined, regionId: string | null | undefined) {
  const id = regionId ?? region;
  if (id === undefined || id === null || id === call.cloud.identity.region) return id;
  const { catalog } = call.cloud.identity;
  if (!regionId) await catalog.ensureRegion(call.subject, id);
  else if (!(await catalog.regions()).some((one) => one.id === id)) {
    throw new CloudError('invalid', `Could not find region: ${id}.`, { field: 'region_id' });
  }
  return id;
}

export const endpointOperations = [
  operation({
    ...common,
    id: 'ListEndpoints',
    method: 'GET',
    path: '/v3/endpoints',
    allow: 'systemReader',
    query: Type.Object({
      interface: Type.Optional(Type.String()),
      service_id: Type.Optional(Type.String()),
      region_id: Type.Optional(Type.String()),
      region: Type.Optional(Type.String()),
    }),
    responses: { 200: listDocument('endpoints', EndpointView) },
    errors: [401, 403],
    title: 'List endpoints',
    summary: 'Lists the URLs under which services are served.',
    examples: [{ title: 'Public ones', query: { interface: 'public' }, status: 200 }],
    handle: async (call) => {
      const { interface: one, service_id, region_id, region } = call.query;
      const found = (await allEndpoints(call)).filter(
        (endpoint) =>
          (one === undefined || endpoint.interface === one) &&
          (service_id === undefined || endpoint.serviceId === service_id) &&
          ((region_id ?? region) === undefined || endpoint.regionId === (region_id ?? region)),
      );
      return list(call, 'endpoints', found, endpointView);
    },
  }),
  operation({
    ...common,
    id: 'CreateEndpoint',
    method: 'POST',
    path: '/v3/endpoints',
    allow: 'admin',
    body: Type.Object({ endpoint: NewEndpoint }),
    responses: { 201: Document },
    errors: [400, 401, 403],
    title: 'Create an endpoint',
    summary: 'Tells where something serves a service that was added.',
    examples: [
      {
        title: 'A public one',
        body: {
          endpoint: {
            service_id: '0e1f3a5b7c92d4c1b5a7e9f2483b8c6d',
            interface: 'public',
            url: 'https://store.example/v1/AUTH_%(project_id)s',
          },
        },
        status: 201,
      },
    ],
    handle: async (call) => {
      const { service_id, interface: one, url, region, region_id, enabled, name } = call.body.endpoint;
      if (!(await allServices(call)).some(({ id }) => id === service_id)) {
        throw new CloudError('invalid', `Could not find service: ${service_id}.`, { field: 'service_id' });
      }
      const endpoint = await call.cloud.identity.catalog.createEndpoint(call.subject, {
        serviceId: service_id,
        interface: one as CatalogEndpoint['interface'],
        url: checkedUrl(url),
        regionId: (await regionOf(call as Call, region, region_id)) ?? null,
        name: name ?? null,
        enabled: enabled ?? true,
        extra: extraOf(call.body.endpoint),
      });
      return { body: { endpoint: endpointView(v3(call), endpoint) } };
    },
  }),
  operation({
    ...common,
    id: 'ShowEndpoint',
    method: 'GET',
    path: '/v3/endpoints/{id}',
    allow: 'systemReader',
    params: Params,
    responses: { 200: Document },
    errors: [401, 403, 404],
    title: 'Show an endpoint',
    summary: 'Shows an endpoint.',
    examples: [{ title: 'Identity', ...example, status: 200 }],
    handle: async (call) => ({
      body: { endpoint: endpointView(v3(call), pick(await allEndpoints(call), 'endpoint', call.params.id)) },
    }),
  }),
  operation({
    ...common,
    id: 'UpdateEndpoint',
    method: 'PATCH',
    path: '/v3/endpoints/{id}',
    allow: 'admin',
    params: Params,
    body: Type.Object({ endpoint: EndpointChanges }),
    responses: { 200: Document },
    errors: [400, 401, 403, 404],
    title: 'Update an endpoint',
    summary: 'One that was added: those of this program stay.',
    examples: [{ title: 'Switch it off', ...addedExample, body: { endpoint: { enabled: false } }, status: 200 }],
    handle: async (call) => {
      refuseOwn(ownEndpoints(call), 'endpoint', call.params.id);
      const { service_id, interface: one, url, region, region_id, enabled, name } = call.body.endpoint;
      const endpoint = await call.cloud.identity.catalog.updateEndpoint(call.subject, call.params.id, {
        serviceId: service_id,
        interface: one as CatalogEndpoint['interface'] | undefined,
        url: url === undefined ? undefined : checkedUrl(url),
        regionId: await regionOf(call as Call, region, region_id),
        enabled,
        name,
        extra: extraOf(call.body.endpoint),
      });
      return { body: { endpoint: endpointView(v3(call), endpoint) } };
    },
  }),
  operation({
    ...common,
    id: 'DeleteEndpoint',
    method: 'DELETE',
    path: '/v3/endpoints/{id}',
    allow: 'admin',
    params: Params,
    responses: { 204: null },
    errors: [401, 403, 404],
    title: 'Delete an endpoint',
    summary: 'One that was added.',
    examples: [{ title: 'By id', ...addedExample, status: 204 }],
    handle: async (call) => {
      refuseOwn(ownEndpoints(call), 'endpoint', call.params.id);
      await call.cloud.identity.catalog.deleteEndpoint(call.subject, call.params.id);
      return {};
    },
  }),
];
