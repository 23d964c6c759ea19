import { Type } from 'typebox';
import { type Call, operation } from '../../../api/operation.ts';
import { notFound } from '../../../cloud/errors.ts';
import type { Network } from '../../../cloud/networks/model.ts';
import type { SegmentWords } from '../../../cloud/networks/segments.ts';
import { withDashes } from '../../../env/env.ts';
import { derivedId } from '../common/derived-id.ts';
import { isoSeconds } from '../common/time.ts';
import { provider } from './networks.ts';
import { listQuery, matches, pageLinks, type Query, selected, valuesOf } from './queries.ts';
import { Body, commonView, idInPath, Name, Nullable, View } from './wire.ts';

const filters = ['id', 'network_id', 'network_type', 'physical_network', 'segmentation_id', 'name'];
const common = { dialect: 'network', group: 'segments', mode: 'sync', allow: 'admin' } as const;
const Params = Type.Object({ id: Type.String() });

const SegmentView = View({
  name: Nullable(Type.String()),
  network_id: Type.String(),
  network_type: Type.String(),
  physical_network: Type.Null(),
  segmentation_id: Nullable(Type.Integer()),
});

/** A network is one segment. Its id follows from the network's. */
const segmentId = (network: Network) => derivedId(`segment of ${network.id}`);

function segmentView(network: Network, words: SegmentWords | undefined): Record<string, unknown> {
  const { revision_number, created_at } = commonView(network);
  const facts = provider(network);
  return {
    revision_number: revision_number + (words?.revision ?? 0),
    created_at,
    updated_at: isoSeconds(Math.max(network.updatedAt, words?.updatedAt ?? 0)),
    id: segmentId(network),
    name: words?.name ?? null,
    description: words?.description ?? '',
    network_id: withDashes(network.id),
    network_type: facts['provider:network_type'],
    physical_network: facts['provider:physical_network'],
    segmentation_id: facts['provider:segmentation_id'],
  };
}

/** The network whose segment the path names. */
async function networkOf({ cloud, subject, params }: Pick<Call<{ id: string }>, 'cloud' | 'subject' | 'params'>) {
  const id = withDashes(idInPath('segment', params.id));
  const found = (await cloud.networks.networks.list(subject)).find((network) => segmentId(network) === id);
  if (!found) throw notFound('segment', id);
  return found;
}

export const segmentOperations = [
  operation({
    ...common,
    id: 'ListSegments',
    method: 'GET',
    path: '/segments',
    query: listQuery(filters),
    responses: { 200: Type.Object({ segments: Type.Array(SegmentView), segments_links: Type.Optional(Type.Any()) }) },
    errors: [401, 403],
    title: 'List segments',
    summary: 'How hosts carry networks: each by one VXLAN, where it is on several of them.',
    examples: [{ title: 'All', status: 200 }],
    handle: async (call) => {
      const query = call.query as Query;
      const { networks, segments } = call.cloud.networks;
      const [all, words] = await Promise.all([networks.list(call.subject), segments.all()]);
      const views = all.map((network) => segmentView(network, words.get(network.id)));
      const wanted = views.filter((segment) => filters.every((key) => matches(segment[key], valuesOf(query, key))));
      const ids = wanted.map((segment) => String(segment['id']));
      const links = pageLinks('segments', ids, query, { origin: call.origin, url: call.raw.url });
      return { body: { segments: wanted.map((segment) => selected(segment, query)), ...links } };
    },
  }),
  operation({
    ...common,
    id: 'ShowSegment',
    method: 'GET',
    path: '/segments/{id}',
    params: Params,
    responses: { 200: Type.Object({ segment: SegmentView }) },
    errors: [401, 403, 404],
    title: 'Show segment',
    summary: 'How hosts carry a network.',
    examples: [{ title: 'By its id', params: { id: 'b5a9c1d2-7f30-4e21-8d5a-1c0f9e7b3a64' }, status: 200 }],
    handle: async (call) => {
      const network = await networkOf(call);
      const words = await call.cloud.networks.segments.all();
      return { body: { segment: segmentView(network, words.get(network.id)) } };
    },
  }),
  operation({
    ...common,
    id: 'UpdateSegment',
    method: 'PUT',
    path: '/segments/{id}',
    bodyKey: 'segment',
    params: Params,
    body: Body({ name: Type.Optional(Nullable(Name)), description: Type.Optional(Name) }),
    responses: { 200: Type.Object({ segment: SegmentView }) },
    errors: [400, 401, 403, 404],
    title: 'Update segment',
    summary: 'Names it, or describes it. A network has one segment as long as it is there: none are added or deleted.',
    examples: [
      {
        title: 'A name',
        params: { id: 'b5a9c1d2-7f30-4e21-8d5a-1c0f9e7b3a64' },
        body: { segment: { name: 'rack-1' } },
        status: 200,
      },
    ],
    handle: async (call) => {
      const network = await networkOf(call);
      const words = await call.cloud.networks.segments.update(call.subject, network.id, call.body);
      return { body: { segment: segmentView(network, words) } };
    },
  }),
];
