import { Type } from 'typebox';
import { type Call, operation } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';
import type { Host } from '../../../cloud/hosts/model.ts';
import { parseId, withDashes } from '../../../env/env.ts';
import { aggregatesOf, fits, type Query } from './provider-filter.ts';
import { allProviders, hasRoomFor, heldOf, type Provider, treeOf } from './providers.ts';
import { isResourceClass, readResources } from './resources.ts';
import { since } from './versions.ts';

const common = {
  dialect: 'placement',
  group: 'resource providers',
  method: 'GET',
  since: '1.0',
  mode: 'sync',
  allow: 'admin',
} as const;
const Params = Type.Object({ uuid: Type.String() });
const example = { uuid: '00000000-0000-4000-8000-000000000000' };
const Numbers = Type.Record(Type.String(), Type.Integer());

const ProviderSchema = Type.Object({
  uuid: Type.String(),
  name: Type.String(),
  generation: Type.Integer(),
  parent_provider_uuid: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  root_provider_uuid: Type.Optional(Type.String()),
  links: Type.Array(Type.Object({ rel: Type.String(), href: Type.String() })),
});
const InventorySchema = Type.Object({
  total: Type.Integer(),
  reserved: Type.Integer(),
  min_unit: Type.Integer(),
  max_unit: Type.Integer(),
  step_size: Type.Integer(),
  allocation_ratio: Type.Number(),
  resource_provider_generation: Type.Optional(Type.Integer()),
});

/** Counts up with what an operator changes of the host; nobody else can write here, so nothing else needs it. */
export function generationOf({ updatedAt }: Host): number {
  return Math.floor(updatedAt / 1_000_000);
}

/** What there is under a provider, and since which microversion. */
const parts = [
  ['inventories', 0],
  ['usages', 0],
  ['aggregates', 1],
  ['traits', 6],
  ['allocations', 11],
] as const;

function view(provider: Provider, context: Call['context']) {
  const uuid = withDashes(provider.id);
  const path = `/placement/resource_providers/${uuid}`;
  const links = parts.filter(([, minor]) => since(context, minor)).map(([rel]) => ({ rel, href: `${path}/${rel}` }));
  return {
    ...{ uuid, name: provider.name, generation: generationOf(provider.host) },
    ...treeOf(provider, context, 14),
    links: [{ rel: 'self', href: path }, ...links],
  };
}

/** Throws `not_found`. */
async function named({ cloud, params }: Pick<Call<{ uuid: string }>, 'cloud' | 'params'>): Promise<Provider> {
  const wanted = parseId(params.uuid);
  const found = (await allProviders(cloud)).find(({ id }) => id === wanted);
  if (found) return found;
  const words = `No resource provider with uuid ${params.uuid} found`;
  throw new CloudError('not_found', words, { resource: 'resource_provider' });
}

function missingBefore(context: Call['context'], minor: number): void {
  if (!since(context, minor)) throw new CloudError('not_found', 'The resource could not be found.');
}

export const resourceProviderOperations = [
  operation({
    ...common,
    id: 'ListResourceProviders',
    path: '/resource_providers',
    query: Type.Object(
      {
        name: Type.Optional(Type.String()),
        uuid: Type.Optional(Type.String()),
        in_tree: Type.Optional(
          Type.String({ description: 'A host with its parts of storages, by any of them; from 1.14 on.' }),
        ),
        resources: Type.Optional(Type.String({ description: 'As `VCPU:1,MEMORY_MB:512`; from 1.4 on.' })),
        member_of: Type.Optional(
          Type.Unsafe<string | string[]>({ type: ['string', 'array'], description: 'From 1.3 on.' }),
        ),
        required: Type.Optional(
          Type.Unsafe<string | string[]>({ type: ['string', 'array'], description: 'Traits; from 1.18 on.' }),
        ),
      },
      { additionalProperties: false },
    ),
    responses: { 200: Type.Object({ resource_providers: Type.Array(ProviderSchema) }) },
    errors: [400, 401, 403],
    title: 'List resource providers',
    summary:
      'The hosts, as providers of processors, memory and disk, and as their children the storages that were added, as far as each host has them.',
    examples: [{ title: 'All', status: 200 }],
    async handle(call) {
      const { cloud, context, query } = call;
      const isFitting = fits(call, query as Query, await cloud.hosts.aggregates.list());
      const wanted = query.resources === undefined ? {} : readResources(query.resources);
      const every = await allProviders(cloud);
      const [id, inTree] = [query.uuid, query.in_tree].map((text) => text && parseId(text));
      const tree = every.find((provider) => provider.id === inTree)?.host.id;
      const found = every.filter(
        (provider) =>
          (query.name === undefined || provider.name === query.name) &&
          (query.uuid === undefined || provider.id === id) &&
          (query.in_tree === undefined || provider.host.id === tree) &&
          isFitting(provider) &&
          hasRoomFor(provider, wanted),
      );
      return { body: { resource_providers: found.map((provider) => view(provider, context)) } };
    },
  }),
  operation({
    ...common,
    id: 'ShowResourceProvider',
    path: '/resource_providers/{uuid}',
    params: Params,
    responses: { 200: ProviderSchema },
    errors: [401, 403, 404],
    title: 'Show a resource provider',
    summary: 'One host, or its part of a storage.',
    examples: [{ title: 'One that is not there', params: example, status: 404 }],
    handle: async (call) => ({ body: view(await named(call), call.context) }),
  }),
  operation({
    ...common,
    id: 'ListInventories',
    path: '/resource_providers/{uuid}/inventories',
    params: Params,
    responses: {
      200: Type.Object({
        resource_provider_generation: Type.Integer(),
        inventories: Type.Record(Type.String(), InventorySchema),
      }),
    },
    errors: [401, 403, 404],
    title: 'List inventories',
    summary: 'What the host has. Hosts tell it themselves, so nobody can change it here.',
    examples: [{ title: 'Of a host that is not there', params: example, status: 404 }],
    async handle(call) {
      const { host, inventories } = await named(call);
      return { body: { resource_provider_generation: generationOf(host), inventories } };
    },
  }),
  operation({
    ...common,
    id: 'ShowInventory',
    path: '/resource_providers/{uuid}/inventories/{resource_class}',
    params: Type.Object({ ...Params.properties, resource_class: Type.String() }),
    responses: { 200: InventorySchema },
    errors: [401, 403, 404],
    title: 'Show an inventory',
    summary: 'What the host has of one resource.',
    examples: [{ title: 'Of a host that is not there', params: { ...example, resource_class: 'VCPU' }, status: 404 }],
    async handle(call) {
      const { host, inventories } = await named(call);
      const { resource_class: name } = call.params;
      const inventory = isResourceClass(name) ? inventories[name] : undefined;
      if (!inventory) throw new CloudError('not_found', `No inventory of class ${name} for ${call.params.uuid}`);
      return { body: { ...inventory, resource_provider_generation: generationOf(host) } };
    },
  }),
  operation({
    ...common,
    id: 'ListProviderUsages',
    path: '/resource_providers/{uuid}/usages',
    params: Params,
    responses: { 200: Type.Object({ resource_provider_generation: Type.Integer(), usages: Numbers }) },
    errors: [401, 403, 404],
    title: 'List usages',
    summary: 'What is taken of the host, by servers and by volumes.',
    examples: [{ title: 'Of a host that is not there', params: example, status: 404 }],
    async handle(call) {
      const { host, usages } = await named(call);
      return { body: { resource_provider_generation: generationOf(host), usages } };
    },
  }),
  operation({
    ...common,
    id: 'ListProviderAggregates',
    path: '/resource_providers/{uuid}/aggregates',
    since: '1.1',
    params: Params,
    responses: {
      200: Type.Object({
        aggregates: Type.Array(Type.String()),
        resource_provider_generation: Type.Optional(Type.Integer({ description: 'From 1.19 on.' })),
      }),
    },
    errors: [401, 403, 404],
    title: 'List aggregates',
    summary: 'The aggregates that the host is in.',
    examples: [{ title: 'Of a host that is not there', params: example, status: 404 }],
    async handle(call) {
      missingBefore(call.context, 1);
      const provider = await named(call);
      const aggregates = aggregatesOf(provider, await call.cloud.hosts.aggregates.list());
      const generation = since(call.context, 19) ? { resource_provider_generation: generationOf(provider.host) } : {};
      return { body: { aggregates, ...generation } };
    },
  }),
  operation({
    ...common,
    id: 'ListProviderTraits',
    path: '/resource_providers/{uuid}/traits',
    since: '1.6',
    params: Params,
    responses: {
      200: Type.Object({ traits: Type.Array(Type.String()), resource_provider_generation: Type.Integer() }),
    },
    errors: [401, 403, 404],
    title: 'List traits',
    summary: 'What is true of the host.',
    examples: [{ title: 'Of a host that is not there', params: example, status: 404 }],
    async handle(call) {
      missingBefore(call.context, 6);
      const { host, traits } = await named(call);
      return { body: { traits, resource_provider_generation: generationOf(host) } };
    },
  }),
  operation({
    ...common,
    id: 'ListProviderAllocations',
    path: '/resource_providers/{uuid}/allocations',
    params: Params,
    responses: {
      200: Type.Object({
        allocations: Type.Record(Type.String(), Type.Object({ resources: Numbers })),
        resource_provider_generation: Type.Integer(),
      }),
    },
    errors: [401, 403, 404],
    title: 'List allocations of a provider',
    summary: 'What each server holds of the host.',
    examples: [{ title: 'Of a host that is not there', params: example, status: 404 }],
    async handle(call) {
      const { id: providerId, host } = await named(call);
      const held = Map.groupBy(await call.cloud.hosts.allocations({ hostId: host.id }), ({ serverId }) => serverId);
      const allocations = [...held].flatMap(([serverId, some]) => {
        const resources = heldOf(some).get(providerId);
        return resources ? [[withDashes(serverId), { resources }]] : [];
      });
      const generation = generationOf(host);
      return { body: { allocations: Object.fromEntries(allocations), resource_provider_generation: generation } };
    },
  }),
];
