import { Type } from 'typebox';
import { type Call, operation } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';
import type { Host } from '../../../cloud/hosts/model.ts';
import type { HostUsage } from '../../../cloud/hosts/scheduler.ts';
import { parseId, withDashes } from '../../../env/env.ts';
import { aggregatesOf, fits, type Query } from './provider-filter.ts';
import {
  hasRoomFor,
  inventoriesOf,
  isResourceClass,
  readResources,
  resourcesOf,
  traitsOf,
  usagesOf,
} from './resources.ts';
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

const Provider = Type.Object({
  uuid: Type.String(),
  name: Type.String(),
  generation: Type.Integer(),
  parent_provider_uuid: Type.Optional(Type.Null()),
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

function view(host: Host, context: Call['context']) {
  const path = `/placement/resource_providers/${withDashes(host.id)}`;
  const links = parts.filter(([, minor]) => since(context, minor)).map(([rel]) => ({ rel, href: `${path}/${rel}` }));
  return {
    uuid: withDashes(host.id),
    name: host.name,
    generation: generationOf(host),
    ...(since(context, 14) ? { parent_provider_uuid: null, root_provider_uuid: withDashes(host.id) } : {}),
    links: [{ rel: 'self', href: path }, ...links],
  };
}

/** Throws `not_found`. */
async function named({ cloud, params }: Pick<Call<{ uuid: string }>, 'cloud' | 'params'>): Promise<HostUsage> {
  const id = parseId(params.uuid);
  const found = (await cloud.hosts.usage()).find(({ host }) => host.id === id);
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
        in_tree: Type.Optional(Type.String({ description: 'Providers are trees of one here; from 1.14 on.' })),
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
    responses: { 200: Type.Object({ resource_providers: Type.Array(Provider) }) },
    errors: [400, 401, 403],
    title: 'List resource providers',
    summary: 'The hosts, as providers of processors, memory and disk.',
    examples: [{ title: 'All', status: 200 }],
    async handle(call) {
      const { cloud, context, query } = call;
      const isFitting = fits(call, query as Query, await cloud.hosts.aggregates.list());
      const wanted = query.resources === undefined ? {} : readResources(query.resources);
      const ids = [query.uuid, query.in_tree].filter((text) => text !== undefined).map(parseId);
      const found = (await cloud.hosts.usage()).filter(
        (usage) =>
          (query.name === undefined || usage.host.name === query.name) &&
          ids.every((id) => usage.host.id === id) &&
          isFitting(usage.host) &&
          hasRoomFor(usage, wanted),
      );
      return { body: { resource_providers: found.map(({ host }) => view(host, context)) } };
    },
  }),
  operation({
    ...common,
    id: 'ShowResourceProvider',
    path: '/resource_providers/{uuid}',
    params: Params,
    responses: { 200: Provider },
    errors: [401, 403, 404],
    title: 'Show a resource provider',
    summary: 'One host.',
    examples: [{ title: 'One that is not there', params: example, status: 404 }],
    handle: async (call) => ({ body: view((await named(call)).host, call.context) }),
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
      const { host } = await named(call);
      return { body: { resource_provider_generation: generationOf(host), inventories: inventoriesOf(host) } };
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
      const { host } = await named(call);
      const { resource_class: name } = call.params;
      if (!isResourceClass(name)) {
        throw new CloudError('not_found', `No inventory of class ${name} for ${call.params.uuid}`);
      }
      return { body: { ...inventoriesOf(host)[name], resource_provider_generation: generationOf(host) } };
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
      const { host, used } = await named(call);
      return { body: { resource_provider_generation: generationOf(host), usages: usagesOf(used) } };
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
      const { host } = await named(call);
      const aggregates = aggregatesOf(host, await call.cloud.hosts.aggregates.list());
      const generation = since(call.context, 19) ? { resource_provider_generation: generationOf(host) } : {};
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
      const { host } = await named(call);
      return { body: { traits: traitsOf(host), resource_provider_generation: generationOf(host) } };
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
      const { host } = await named(call);
      const held = Map.groupBy(await call.cloud.hosts.allocations({ hostId: host.id }), ({ serverId }) => serverId);
      const allocations = [...held].map(([id, some]) => [withDashes(id), { resources: resourcesOf(sumOf(some)) }]);
      const generation = generationOf(host);
      return { body: { allocations: Object.fromEntries(allocations), resource_provider_generation: generation } };
    },
  }),
];

/** What several allocations hold together. */
export function sumOf(some: ReadonlyArray<{ vcpus: number; memoryMb: number; diskGb: number }>) {
  const sum = (kind: 'vcpus' | 'memoryMb' | 'diskGb') => some.reduce((total, one) => total + one[kind], 0);
  return { vcpus: sum('vcpus'), memoryMb: sum('memoryMb'), diskGb: sum('diskGb') };
}
