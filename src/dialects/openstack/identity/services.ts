import { Type } from 'typebox';
import { type Call, operation } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';
import type { CatalogServiceEntry } from '../../../cloud/identity/catalog-rows.ts';
import { list, v3 } from './answers.ts';
import { type CatalogEntry, serviceId, usualCatalog } from './catalog.ts';
import { Id, listDocument, optional, SelfLink } from './schemas.ts';
import { unnamedMembers } from './unnamed-members.ts';

const ServiceView = Type.Object(
  {
    id: Type.String(),
    name: Type.String(),
    type: Type.String(),
    description: Type.String(),
    enabled: Type.Boolean(),
    links: SelfLink,
  },
  { additionalProperties: true },
);

type Where = Pick<Call, 'context' | 'cloud'>;

/** What this program serves itself. */
function ownServices(call: Where): CatalogServiceEntry[] {
  return (call.context['catalog'] as readonly CatalogEntry[]).map((entry) => ({
    id: serviceId(entry),
    name: entry.name,
    type: entry.type,
    description: '',
    enabled: true,
    extra: {},
  }));
}

/** That, and what administrators have added. */
export async function allServices(call: Where): Promise<CatalogServiceEntry[]> {
  return [...ownServices(call), ...(await call.cloud.identity.catalog.services())];
}

/** One of them by its id. Throws `not_found`. */
export function pick<Item extends { id: string }>(items: readonly Item[], kind: string, id: string): Item {
  const found = items.find((item) => item.id === id);
  if (!found) throw new CloudError('not_found', `Could not find ${kind}: ${id}.`, { resource: kind, id });
  return found;
}

/** Refuses to change what this program serves itself. */
export function refuseOwn(items: readonly { id: string }[], kind: string, id: string): void {
  if (!items.some((item) => item.id === id)) return;
  throw new CloudError('forbidden', `The ${kind} ${id} is of this cloud itself and can not be changed.`, {
    resource: kind,
    id,
  });
}

/** With its link, and the members that clients chose beside its own. */
export function linked<Item extends { id: string; extra: object }>(collection: string) {
  return (base: string, { extra, ...item }: Item) => {
    return { ...extra, ...item, links: { self: `${base}/${collection}/${item.id}` } };
  };
}

const view = linked<CatalogServiceEntry>('services');
const common = { dialect: 'identity', group: 'catalog', mode: 'sync' } as const;
const Params = Type.Object({ id: Id });
const Document = Type.Object({ service: ServiceView });
const example = { params: { id: serviceId(usualCatalog.identity[0]!) } };
const addedExample = { params: { id: '0e1f3a5b7c92d4c1b5a7e9f2483b8c6d' } };
const words = {
  name: optional(Type.String({ maxLength: 255 })),
  description: optional(Type.String()),
  enabled: Type.Optional(Type.Boolean()),
};
const NewService = Type.Object({ type: Type.String({ minLength: 1, maxLength: 255 }), ...words });
const ServiceChanges = Type.Partial(NewService);

/** What is served where: by this program, and what administrators add. */
export const serviceOperations = [
  operation({
    ...common,
    id: 'ListServices',
    method: 'GET',
    path: '/v3/services',
    allow: 'systemReader',
    query: Type.Object({ type: Type.Optional(Type.String()), name: Type.Optional(Type.String()) }),
    responses: { 200: listDocument('services', ServiceView) },
    errors: [401, 403],
    title: 'List services',
    summary: 'Lists the services that are served.',
    examples: [{ title: 'All', status: 200 }],
    handle: async (call) => {
      const { type, name } = call.query;
      const found = (await allServices(call)).filter(
        (one) => (type === undefined || one.type === type) && (name === undefined || one.name === name),
      );
      return list(call, 'services', found, view);
    },
  }),
  operation({
    ...common,
    id: 'CreateService',
    method: 'POST',
    path: '/v3/services',
    allow: 'admin',
    body: Type.Object({ service: NewService }),
    responses: { 201: Document },
    errors: [400, 401, 403],
    title: 'Create a service',
    summary: 'Adds a service to catalogs that something else serves.',
    examples: [{ title: 'An object store', body: { service: { type: 'object-store', name: 'swift' } }, status: 201 }],
    handle: async (call) => {
      const { type, name, description, enabled } = call.body.service;
      const extra = unnamedMembers(call.body.service, NewService, ServiceView);
      const wanted = { type, name: name ?? '', description: description ?? '', enabled: enabled ?? true, extra };
      const service = await call.cloud.identity.catalog.createService(call.subject, wanted);
      return { body: { service: view(v3(call), service) } };
    },
  }),
  operation({
    ...common,
    id: 'ShowService',
    method: 'GET',
    path: '/v3/services/{id}',
    allow: 'systemReader',
    params: Params,
    responses: { 200: Document },
    errors: [401, 403, 404],
    title: 'Show a service',
    summary: 'Shows a service.',
    examples: [{ title: 'Identity', ...example, status: 200 }],
    handle: async (call) => ({
      body: { service: view(v3(call), pick(await allServices(call), 'service', call.params.id)) },
    }),
  }),
  operation({
    ...common,
    id: 'UpdateService',
    method: 'PATCH',
    path: '/v3/services/{id}',
    allow: 'admin',
    params: Params,
    body: Type.Object({ service: ServiceChanges }),
    responses: { 200: Document },
    errors: [400, 401, 403, 404],
    title: 'Update a service',
    summary: 'One that was added: what this program serves itself stays.',
    examples: [{ title: 'Describe it', ...addedExample, body: { service: { description: 'Buckets' } }, status: 200 }],
    handle: async (call) => {
      refuseOwn(ownServices(call), 'service', call.params.id);
      const { type, name, description, enabled } = call.body.service;
      const changes = {
        type,
        name: name === null ? '' : name,
        description: description === null ? '' : description,
        enabled,
        extra: unnamedMembers(call.body.service, ServiceChanges, ServiceView),
      };
      const given = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
      const service = await call.cloud.identity.catalog.updateService(call.subject, call.params.id, given);
      return { body: { service: view(v3(call), service) } };
    },
  }),
  operation({
    ...common,
    id: 'DeleteService',
    method: 'DELETE',
    path: '/v3/services/{id}',
    allow: 'admin',
    params: Params,
    responses: { 204: null },
    errors: [401, 403, 404],
    title: 'Delete a service',
    summary: 'One that was added, with its endpoints.',
    examples: [{ title: 'By id', ...addedExample, status: 204 }],
    handle: async (call) => {
      refuseOwn(ownServices(call), 'service', call.params.id);
      await call.cloud.identity.catalog.deleteService(call.subject, call.params.id);
      return {};
    },
  }),
];
