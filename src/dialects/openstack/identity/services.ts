import { Type } from 'typebox';
import { type Call, operation } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';
import { list, v3 } from './answers.ts';
import { type CatalogEntry, endpointId, interfaces, serviceId, usualCatalog } from './catalog.ts';
import { Id, listDocument, nullable, SelfLink } from './schemas.ts';

const ServiceView = Type.Object({
  id: Type.String(),
  name: Type.String(),
  type: Type.String(),
  description: Type.String(),
  enabled: Type.Boolean(),
  links: SelfLink,
});

const EndpointView = Type.Object({
  id: Type.String(),
  service_id: Type.String(),
  interface: Type.String(),
  region: Type.String(),
  region_id: Type.String(),
  url: Type.String(),
  enabled: Type.Boolean(),
  links: SelfLink,
});

const RegionView = Type.Object({
  id: Type.String(),
  description: Type.String(),
  parent_region_id: nullable(Type.String()),
  links: SelfLink,
});

type Where = Pick<Call, 'context' | 'origin' | 'cloud'>;

function services(call: Where) {
  return (call.context['catalog'] as readonly CatalogEntry[]).map((entry) => ({
    id: serviceId(entry),
    name: entry.name,
    type: entry.type,
    description: '',
    enabled: true,
  }));
}

function endpoints(call: Where) {
  const { region } = call.cloud.identity;
  return (call.context['catalog'] as readonly CatalogEntry[]).flatMap((entry) =>
    interfaces.map((one) => ({
      id: endpointId(entry, one),
      service_id: serviceId(entry),
      interface: one,
      region,
      region_id: region,
      url: call.origin + entry.path.replace('{project_id}', '%(project_id)s'),
      enabled: true,
    })),
  );
}

function regions(call: Where) {
  return [{ id: call.cloud.identity.region, description: '', parent_region_id: null }];
}

/** One of them by its id. Throws `not_found`. */
function pick<Item extends { id: string }>(items: readonly Item[], kind: string, id: string): Item {
  const found = items.find((item) => item.id === id);
  if (!found) throw new CloudError('not_found', `Could not find ${kind}: ${id}.`, { resource: kind, id });
  return found;
}

function linked(collection: string) {
  return (base: string, item: { id: string }) => ({ ...item, links: { self: `${base}/${collection}/${item.id}` } });
}

const Params = Type.Object({ id: Id });
const exampleService = serviceId(usualCatalog.identity[0]!);
const exampleEndpoint = endpointId(usualCatalog.identity[0]!, 'public');

/** What is served where. It follows from what this program mounts, so it is only to be read. */
export const serviceOperations = [
  operation({
    id: 'ListServices',
    dialect: 'identity',
    group: 'catalog',
    method: 'GET',
    path: '/v3/services',
    mode: 'sync',
    allow: 'admin',
    query: Type.Object({ type: Type.Optional(Type.String()), name: Type.Optional(Type.String()) }),
    responses: { 200: listDocument('services', ServiceView) },
    errors: [401, 403],
    title: 'List services',
    summary: 'Lists the services that are served.',
    examples: [{ title: 'All', status: 200 }],
    handle: async (call) => {
      const { type, name } = call.query;
      const found = services(call).filter(
        (one) => (type === undefined || one.type === type) && (name === undefined || one.name === name),
      );
      return list(call, 'services', found, linked('services'));
    },
  }),
  operation({
    id: 'ShowService',
    dialect: 'identity',
    group: 'catalog',
    method: 'GET',
    path: '/v3/services/{id}',
    mode: 'sync',
    allow: 'admin',
    params: Params,
    responses: { 200: Type.Object({ service: ServiceView }) },
    errors: [401, 403, 404],
    title: 'Show a service',
    summary: 'Shows a service.',
    examples: [{ title: 'Identity', params: { id: exampleService }, status: 200 }],
    handle: async (call) => ({
      body: { service: linked('services')(v3(call), pick(services(call), 'service', call.params.id)) },
    }),
  }),
  operation({
    id: 'ListEndpoints',
    dialect: 'identity',
    group: 'catalog',
    method: 'GET',
    path: '/v3/endpoints',
    mode: 'sync',
    allow: 'admin',
    query: Type.Object({ interface: Type.Optional(Type.String()), service_id: Type.Optional(Type.String()) }),
    responses: { 200: listDocument('endpoints', EndpointView) },
    errors: [401, 403],
    title: 'List endpoints',
    summary: 'Lists the URLs under which services are served.',
    examples: [{ title: 'Public ones', query: { interface: 'public' }, status: 200 }],
    handle: async (call) => {
      const { interface: one, service_id } = call.query;
      const found = endpoints(call).filter(
        (endpoint) =>
          (one === undefined || endpoint.interface === one) &&
          (service_id === undefined || endpoint.service_id === service_id),
      );
      return list(call, 'endpoints', found, linked('endpoints'));
    },
  }),
  operation({
    id: 'ShowEndpoint',
    dialect: 'identity',
    group: 'catalog',
    method: 'GET',
    path: '/v3/endpoints/{id}',
    mode: 'sync',
    allow: 'admin',
    params: Params,
    responses: { 200: Type.Object({ endpoint: EndpointView }) },
    errors: [401, 403, 404],
    title: 'Show an endpoint',
    summary: 'Shows an endpoint.',
    examples: [{ title: 'Identity', params: { id: exampleEndpoint }, status: 200 }],
    handle: async (call) => ({
      body: { endpoint: linked('endpoints')(v3(call), pick(endpoints(call), 'endpoint', call.params.id)) },
    }),
  }),
  operation({
    id: 'ListRegions',
    dialect: 'identity',
    group: 'catalog',
    method: 'GET',
    path: '/v3/regions',
    mode: 'sync',
    allow: 'authenticated',
    responses: { 200: listDocument('regions', RegionView) },
    errors: [401],
    title: 'List regions',
    summary: 'Lists the one region of the cloud.',
    examples: [{ title: 'The region', status: 200 }],
    handle: async (call) => list(call, 'regions', regions(call), linked('regions')),
  }),
  operation({
    id: 'ShowRegion',
    dialect: 'identity',
    group: 'catalog',
    method: 'GET',
    path: '/v3/regions/{id}',
    mode: 'sync',
    allow: 'authenticated',
    params: Params,
    responses: { 200: Type.Object({ region: RegionView }) },
    errors: [401, 404],
    title: 'Show a region',
    summary: 'Shows the region of the cloud.',
    examples: [{ title: 'The region', params: { id: 'RegionOne' }, status: 200 }],
    handle: async (call) => ({
      body: { region: linked('regions')(v3(call), pick(regions(call), 'region', call.params.id)) },
    }),
  }),
];
