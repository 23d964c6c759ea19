import { Type } from 'typebox';
import { type Call, operation } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';
import { parseId, withDashes } from '../../../env/env.ts';
import { all, fits, type Query } from './provider-filter.ts';
import { capacityIn, hasRoomFor, heldOf, type Provider, providersOf, treeOf } from './providers.ts';
import { generationOf } from './resource-providers.ts';
import { type ResourceClass, type Resources, readResources, together } from './resources.ts';
import { since } from './versions.ts';

const common = {
  dialect: 'placement',
  group: 'allocations',
  method: 'GET',
  since: '1.0',
  mode: 'sync',
  allow: 'admin',
} as const;
const Numbers = Type.Record(Type.String(), Type.Integer());
const Held = Type.Object({ resources: Numbers, generation: Type.Optional(Type.Integer()) });

/** Groups of resources that are asked for: `resources`, and from 1.25 on `resources1` and so on. */
function groupsOf({ context }: Pick<Call, 'context'>, query: Query): Resources[] {
  const names = Object.keys(query).filter((name) =>
    since(context, 25) ? /^resources[1-9]?\d*$/.test(name) : name === 'resources',
  );
  const groups = names.map((name) => readResources(all(query[name]).at(-1)!));
  if (groups.length > 0) return groups;
  throw new CloudError('invalid', 'At least one request group (`resources` or `resources{$N}`) is required.');
}

/** A host, and how what is wanted would be held of it. */
interface Candidate {
  tree: Provider[];
  held: Map<Provider, Resources>;
}

/**
 * The ways in which a host has room: what is wanted of disk may come from the host's own one, or all from one of its
 * storages, where the microversion knows of providers with children.
 */
function candidatesOf(tree: Provider[], wanted: Resources, context: Call['context']): Candidate[] {
  const [host, ...parts] = tree as [Provider, ...Provider[]];
  const { DISK_GB: disk, ...rest } = wanted;
  const own = hasRoomFor(host, wanted) ? [{ tree, held: new Map([[host, wanted]]) }] : [];
  if (!disk || !since(context, 29) || !hasRoomFor(host, rest)) return own;
  const inParts = parts.filter((part) => hasRoomFor(part, { DISK_GB: disk }));
  const split = (part: Provider) => {
    const held = new Map<Provider, Resources>([[part, { DISK_GB: disk }]]);
    return Object.keys(rest).length > 0 ? held.set(host, rest) : held;
  };
  return [...own, ...inParts.map((part) => ({ tree, held: split(part) }))];
}

function summaryOf(provider: Provider, wanted: Resources, context: Call['context']) {
  const { inventories, usages, traits } = provider;
  const names = (Object.keys(inventories) as ResourceClass[]).filter(
    (name) => since(context, 27) || wanted[name] !== undefined,
  );
  const resources = names.map((name) => [name, { capacity: capacityIn(inventories[name]!), used: usages[name] }]);
  return {
    resources: Object.fromEntries(resources),
    ...(since(context, 17) ? { traits } : {}),
    ...treeOf(provider, context, 29),
  };
}

export const allocationOperations = [
  operation({
    ...common,
    id: 'ShowAllocations',
    path: '/allocations/{consumer_uuid}',
    params: Type.Object({ consumer_uuid: Type.String({ description: 'A server.' }) }),
    responses: {
      200: Type.Object({
        allocations: Type.Record(Type.String(), Held),
        project_id: Type.Optional(Type.String({ description: 'From 1.12 on.' })),
        user_id: Type.Optional(Type.String({ description: 'From 1.12 on.' })),
        consumer_generation: Type.Optional(Type.Integer({ description: 'From 1.28 on.' })),
      }),
    },
    errors: [401, 403],
    title: 'Show allocations',
    summary:
      'What a server holds of which hosts: of two while it waits for its resize. Empty for one that holds nothing.',
    examples: [{ title: 'Nothing', params: { consumer_uuid: 'fee86478-a120-488f-8359-97d200564b90' }, status: 200 }],
    async handle({ cloud, context, params }) {
      const id = parseId(params.consumer_uuid);
      const held = id === undefined ? [] : await cloud.hosts.allocations({ serverId: id });
      const hosts = new Map((await cloud.hosts.list()).map((host) => [host.id, host]));
      const allocations = new Map<string, { resources: Resources; generation: number }>();
      for (const [hostId, some] of Map.groupBy(held, (one) => one.hostId)) {
        const generation = generationOf(hosts.get(hostId)!);
        for (const [provider, resources] of heldOf(some))
          allocations.set(withDashes(provider), { resources, generation });
      }
      const [first] = held;
      const owner = first && since(context, 12) ? { project_id: first.projectId, user_id: first.userId } : {};
      const generation = first && since(context, 28) ? { consumer_generation: 1 } : {};
      return { body: { allocations: Object.fromEntries(allocations), ...owner, ...generation } };
    },
  }),
  operation({
    ...common,
    id: 'ListUsages',
    path: '/usages',
    since: '1.9',
    query: Type.Object({ project_id: Type.String(), user_id: Type.Optional(Type.String()) }),
    responses: { 200: Type.Object({ usages: Numbers }) },
    errors: [400, 401, 403],
    title: 'List usages of a project',
    summary: 'What the servers of a project hold of all hosts and their storages.',
    examples: [{ title: 'Of a project', query: { project_id: '36c27e8ff05c4780bf6d2fa65700f22e' }, status: 200 }],
    async handle({ cloud, query }) {
      const projectId = parseId(query.project_id) ?? query.project_id;
      const held = await cloud.hosts.allocations({ projectId });
      const userId = query.user_id === undefined ? undefined : (parseId(query.user_id) ?? query.user_id);
      const some = held.filter((one) => userId === undefined || one.userId === userId);
      const none: Resources = { VCPU: 0, MEMORY_MB: 0, DISK_GB: 0 };
      return { body: { usages: some.length === 0 ? {} : together([none, ...heldOf(some).values()]) } };
    },
  }),
  operation({
    ...common,
    id: 'ListAllocationCandidates',
    path: '/allocation_candidates',
    since: '1.10',
    query: Type.Object({
      resources: Type.Optional(Type.String({ description: 'As `VCPU:1,MEMORY_MB:512`.' })),
      required: Type.Optional(
        Type.Unsafe<string | string[]>({ type: ['string', 'array'], description: 'Traits; from 1.17 on.' }),
      ),
      member_of: Type.Optional(
        Type.Unsafe<string | string[]>({ type: ['string', 'array'], description: 'From 1.21 on.' }),
      ),
      limit: Type.Optional(Type.Integer({ minimum: 1, description: 'From 1.16 on.' })),
      group_policy: Type.Optional(Type.Union([Type.Literal('none'), Type.Literal('isolate')])),
    }),
    responses: {
      200: Type.Object({
        allocation_requests: Type.Array(
          Type.Object({
            allocations: Type.Unsafe<object>({
              type: ['array', 'object'],
              items: { type: 'object', additionalProperties: true },
              additionalProperties: { type: 'object', additionalProperties: true },
            }),
          }),
        ),
        provider_summaries: Type.Record(
          Type.String(),
          Type.Unsafe<object>({ type: 'object', additionalProperties: true }),
        ),
      }),
    },
    errors: [400, 401, 403],
    title: 'List allocation candidates',
    summary:
      'Hosts that have room for what is asked for. From 1.29 on also those whose room for disks is in a storage that was added.',
    examples: [{ title: 'A small server', query: { resources: 'VCPU:1,MEMORY_MB:128' }, status: 200 }],
    async handle(call) {
      const { cloud, context } = call;
      const query = call.query as unknown as Query;
      const groups = groupsOf(call, query);
      const wanted = together(groups);
      // What is wanted of a host is wanted of one tree: groups that must be apart never fit.
      const isImpossible = groups.length > 1 && query['group_policy'] === 'isolate';
      const isFitting = fits(call, query, await cloud.hosts.aggregates.list());
      const trees = (isImpossible ? [] : await cloud.hosts.usage()).map(providersOf);
      const found = trees
        .filter(([host]) => isFitting(host!))
        .flatMap((tree) => candidatesOf(tree, wanted, context))
        .slice(0, call.query.limit);
      const requests = found.map(({ held }) => {
        const each = [...held].map(([{ id }, resources]) => ({ uuid: withDashes(id), resources }));
        const listed = each.map(({ uuid, resources }) => ({ resource_provider: { uuid }, resources }));
        const byUuid = Object.fromEntries(each.map(({ uuid, resources }) => [uuid, { resources }]));
        return { allocations: since(context, 12) ? byUuid : listed };
      });
      const shown = found.flatMap(({ tree, held }) => (since(context, 29) ? tree : [...held.keys()]));
      const summaries = shown.map((one) => [withDashes(one.id), summaryOf(one, wanted, context)]);
      return { body: { allocation_requests: requests, provider_summaries: Object.fromEntries(summaries) } };
    },
  }),
];
