import { Type } from 'typebox';
import { type Call, operation } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';
import { capacityOf } from '../../../cloud/hosts/model.ts';
import type { HostUsage } from '../../../cloud/hosts/scheduler.ts';
import { parseId, withDashes } from '../../../env/env.ts';
import { all, fits, type Query } from './provider-filter.ts';
import { generationOf, sumOf } from './resource-providers.ts';
import {
  hasRoomFor,
  type Resources,
  readResources,
  resourceClasses,
  resourcesOf,
  traitsOf,
  usagesOf,
} from './resources.ts';
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

function together(groups: readonly Resources[]): Resources {
  const sum: Resources = {};
  for (const group of groups) {
    for (const name of Object.keys(group) as Array<keyof Resources>) sum[name] = (sum[name] ?? 0) + group[name]!;
  }
  return sum;
}

function summaryOf({ host, used }: HostUsage, wanted: Resources, context: Call['context']) {
  const capacity = capacityOf(host);
  const names = Object.keys(resourceClasses) as Array<keyof typeof resourceClasses>;
  const shown = names.filter((name) => since(context, 27) || wanted[name] !== undefined);
  const resources = shown.map((name) => {
    const kind = resourceClasses[name];
    return [name, { capacity: capacity[kind], used: used[kind] }];
  });
  return {
    resources: Object.fromEntries(resources),
    ...(since(context, 17) ? { traits: traitsOf(host) } : {}),
    ...(since(context, 29) ? { parent_provider_uuid: null, root_provider_uuid: withDashes(host.id) } : {}),
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
      const byHost = [...Map.groupBy(held, ({ hostId }) => hostId)].map(([hostId, some]) => [
        withDashes(hostId),
        { resources: resourcesOf(sumOf(some)), generation: generationOf(hosts.get(hostId)!) },
      ]);
      const [first] = held;
      const owner = first && since(context, 12) ? { project_id: first.projectId, user_id: first.userId } : {};
      const generation = first && since(context, 28) ? { consumer_generation: 1 } : {};
      return { body: { allocations: Object.fromEntries(byHost), ...owner, ...generation } };
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
    summary: 'What the servers of a project hold of all hosts.',
    examples: [{ title: 'Of a project', query: { project_id: '36c27e8ff05c4780bf6d2fa65700f22e' }, status: 200 }],
    async handle({ cloud, query }) {
      const projectId = parseId(query.project_id) ?? query.project_id;
      const held = await cloud.hosts.allocations({ projectId });
      const userId = query.user_id === undefined ? undefined : (parseId(query.user_id) ?? query.user_id);
      const some = held.filter((one) => userId === undefined || one.userId === userId);
      return { body: { usages: some.length === 0 ? {} : usagesOf(sumOf(some)) } };
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
    summary: 'Hosts that have room for what is asked for.',
    examples: [{ title: 'A small server', query: { resources: 'VCPU:1,MEMORY_MB:128' }, status: 200 }],
    async handle(call) {
      const { cloud, context } = call;
      const query = call.query as unknown as Query;
      const groups = groupsOf(call, query);
      const wanted = together(groups);
      // Hosts are single providers: groups that must be on different ones never fit.
      const isImpossible = groups.length > 1 && query['group_policy'] === 'isolate';
      const isFitting = fits(call, query, await cloud.hosts.aggregates.list());
      const found = (isImpossible ? [] : await cloud.hosts.usage())
        .filter((usage) => isFitting(usage.host) && hasRoomFor(usage, wanted))
        .slice(0, call.query.limit);
      const requests = found.map(({ host }) => {
        const uuid = withDashes(host.id);
        const listed = [{ resource_provider: { uuid }, resources: wanted }];
        return { allocations: since(context, 12) ? { [uuid]: { resources: wanted } } : listed };
      });
      const summaries = found.map((usage) => [withDashes(usage.host.id), summaryOf(usage, wanted, context)]);
      return { body: { allocation_requests: requests, provider_summaries: Object.fromEntries(summaries) } };
    },
  }),
];
