import { Type } from 'typebox';
import { type Call, operation } from '../../../api/operation.ts';
import type { Aggregate } from '../../../cloud/hosts/aggregates.ts';
import { withDashes } from '../../../env/env.ts';
import { isoMicros } from '../common/time.ts';
import { aggregateImages } from './aggregate-images.ts';
import { AggregateParams, exampleAggregate, numberOf } from './aggregates-wire.ts';
import { minorOf } from './microversions.ts';
import { closed, TextOrNull } from './wire.ts';

const common = { dialect: 'compute', group: 'aggregates', since: '2.1', mode: 'sync', allow: 'admin' } as const;

const AggregateSchema = Type.Object({
  id: Type.Integer(),
  uuid: Type.Optional(Type.String({ description: 'From 2.41 on.' })),
  name: Type.String(),
  availability_zone: TextOrNull,
  hosts: Type.Optional(Type.Array(Type.String())),
  metadata: Type.Optional(Type.Record(Type.String(), Type.String())),
  created_at: Type.String(),
  updated_at: TextOrNull,
  deleted: Type.Boolean(),
  deleted_at: Type.Null(),
});
const AggregateDocument = Type.Object({ aggregate: AggregateSchema });

function view(aggregate: Aggregate, context: Call['context']) {
  return {
    id: aggregate.number,
    ...(minorOf(context) >= 41 ? { uuid: withDashes(aggregate.id) } : {}),
    name: aggregate.name,
    availability_zone: aggregate.zone,
    hosts: aggregate.hosts,
    metadata: aggregate.metadata,
    created_at: isoMicros(aggregate.createdAt),
    updated_at: aggregate.updatedAt === null ? null : isoMicros(aggregate.updatedAt),
    deleted: false,
    deleted_at: null,
  };
}

/** The answer to a creation tells neither hosts nor metadata. */
function createdView(aggregate: Aggregate, context: Call['context']) {
  const { hosts: _, metadata: __, ...view_ } = view(aggregate, context);
  return view_;
}

const name = Type.String({ minLength: 1, maxLength: 255 });
const zone = Type.Optional(
  Type.Unsafe<string | null>({
    type: ['string', 'null'],
    minLength: 1,
    maxLength: 255,
    pattern: '^[^:]*$',
    description: 'The zone that its hosts come into. It is made if need be.',
  }),
);

const actionOptions = {
  ...common,
  method: 'POST',
  path: '/os-aggregates/{aggregate_id}/action',
  params: AggregateParams,
  responses: { 200: AggregateDocument },
  errors: [400, 401, 403, 404, 409],
} as const;

export const aggregateOperations = [
  operation({
    ...common,
    id: 'ListAggregates',
    method: 'GET',
    path: '/os-aggregates',
    responses: { 200: Type.Object({ aggregates: Type.Array(AggregateSchema) }) },
    errors: [401, 403],
    title: 'List aggregates',
    summary: 'Groups of hosts.',
    examples: [{ title: 'All', status: 200 }],
    async handle({ cloud, context }) {
      const all = await cloud.hosts.aggregates.list();
      return { body: { aggregates: all.map((aggregate) => view(aggregate, context)) } };
    },
  }),
  operation({
    ...common,
    id: 'CreateAggregate',
    method: 'POST',
    path: '/os-aggregates',
    body: closed({ aggregate: closed({ name, availability_zone: zone }) }),
    responses: { 200: AggregateDocument },
    errors: [400, 401, 403, 409],
    title: 'Create an aggregate',
    summary: 'Makes a group of hosts. With a zone it brings its hosts there.',
    examples: [{ title: 'Of fast hosts', body: { aggregate: { name: 'fast' } }, status: 200 }],
    async handle({ cloud, context, body }) {
      const { name: called, availability_zone } = body.aggregate;
      const made = await cloud.hosts.aggregates.create({ name: called, zone: availability_zone });
      return { body: { aggregate: createdView(made, context) } };
    },
  }),
  operation({
    ...common,
    id: 'ShowAggregate',
    method: 'GET',
    path: '/os-aggregates/{aggregate_id}',
    params: AggregateParams,
    responses: { 200: AggregateDocument },
    errors: [401, 403, 404],
    title: 'Show an aggregate',
    summary: 'One group of hosts.',
    examples: [{ title: 'By number', params: exampleAggregate, status: 200 }],
    async handle(call) {
      return { body: { aggregate: view(await call.cloud.hosts.aggregates.get(numberOf(call)), call.context) } };
    },
  }),
  operation({
    ...common,
    id: 'UpdateAggregate',
    method: 'PUT',
    path: '/os-aggregates/{aggregate_id}',
    params: AggregateParams,
    body: closed({
      aggregate: Type.Object(
        { name: Type.Optional(name), availability_zone: zone },
        { additionalProperties: false, minProperties: 1 },
      ),
    }),
    responses: { 200: AggregateDocument },
    errors: [400, 401, 403, 404, 409],
    title: 'Update an aggregate',
    summary: 'Changes its name, or the zone that its hosts are in. One that has servers or disks stays.',
    examples: [{ title: 'A new name', params: exampleAggregate, body: { aggregate: { name: 'faster' } }, status: 200 }],
    async handle(call) {
      const { name: called, availability_zone } = call.body.aggregate;
      const changes = { name: called, zone: availability_zone };
      const changed = await call.cloud.hosts.aggregates.update(numberOf(call), changes);
      return { body: { aggregate: view(changed, call.context) } };
    },
  }),
  operation({
    ...common,
    id: 'DeleteAggregate',
    method: 'DELETE',
    path: '/os-aggregates/{aggregate_id}',
    params: AggregateParams,
    responses: { 200: null },
    errors: [400, 401, 403, 404],
    title: 'Delete an aggregate',
    summary: 'Deletes a group that has no hosts.',
    examples: [{ title: 'By number', params: exampleAggregate, status: 200 }],
    async handle(call) {
      await call.cloud.hosts.aggregates.delete(numberOf(call));
      return {};
    },
  }),
  operation({
    ...actionOptions,
    id: 'AddHostToAggregate',
    bodyKey: 'add_host',
    body: closed({ host: Type.String({ minLength: 1, maxLength: 255 }) }),
    title: 'Add a host to an aggregate',
    summary: 'Puts a host into the group, and so into its zone. One that has servers or disks can not change its zone.',
    examples: [{ title: 'By name', params: exampleAggregate, body: { add_host: { host: 'simulated' } }, status: 200 }],
    async handle(call) {
      const changed = await call.cloud.hosts.aggregates.addHost(numberOf(call), call.body.host);
      return { body: { aggregate: view(changed, call.context) } };
    },
  }),
  operation({
    ...actionOptions,
    id: 'RemoveHostFromAggregate',
    bodyKey: 'remove_host',
    body: closed({ host: Type.String({ minLength: 1, maxLength: 255 }) }),
    title: 'Remove a host from an aggregate',
    summary: 'Takes a host out of the group. It goes back to the zone that it came from.',
    examples: [
      { title: 'By name', params: exampleAggregate, body: { remove_host: { host: 'simulated' } }, status: 200 },
    ],
    async handle(call) {
      const changed = await call.cloud.hosts.aggregates.removeHost(numberOf(call), call.body.host);
      return { body: { aggregate: view(changed, call.context) } };
    },
  }),
  operation({
    ...actionOptions,
    id: 'SetAggregateMetadata',
    bodyKey: 'set_metadata',
    body: closed({
      metadata: Type.Record(
        Type.String({ minLength: 1, maxLength: 255 }),
        Type.Unsafe<string | null>({ type: ['string', 'null'], maxLength: 255 }),
        { description: 'Null takes one away.' },
      ),
    }),
    title: "Set an aggregate's metadata",
    summary: 'Sets facts about the hosts, or takes them away.',
    examples: [
      {
        title: 'One fact',
        params: exampleAggregate,
        body: { set_metadata: { metadata: { disks: 'nvme' } } },
        status: 200,
      },
    ],
    async handle(call) {
      const changed = await call.cloud.hosts.aggregates.setMetadata(numberOf(call), call.body.metadata);
      return { body: { aggregate: view(changed, call.context) } };
    },
  }),
  aggregateImages,
];
