import { Type } from 'typebox';
import { operation } from '../../../api/operation.ts';
import { notFound } from '../../../cloud/errors.ts';
import type { Network } from '../../../cloud/networks/model.ts';
import { withDashes } from '../../../env/env.ts';
import { derivedId } from '../common/derived-id.ts';
import { provider } from './networks.ts';
import { listQuery, matches, pageLinks, type Query, selected, valuesOf } from './queries.ts';
import { commonView, idInPath, Nullable, View } from './wire.ts';

const filters = ['id', 'network_id', 'network_type', 'physical_network', 'segmentation_id', 'name'];
const common = { dialect: 'network', group: 'segments', mode: 'sync', method: 'GET', allow: 'admin' } as const;

const SegmentView = View({
  name: Type.Null(),
  network_id: Type.String(),
  network_type: Type.String(),
  physical_network: Type.Null(),
  segmentation_id: Nullable(Type.Integer()),
});

/** A network is one segment. Its id follows from the network's. */
function segmentView(network: Network): Record<string, unknown> {
  const { revision_number, created_at, updated_at } = commonView(network);
  const facts = provider(network);
  return {
    ...{ revision_number, created_at, updated_at },
    id: derivedId(`segment of ${network.id}`),
    name: null,
    description: '',
    network_id: withDashes(network.id),
    network_type: facts['provider:network_type'],
    physical_network: facts['provider:physical_network'],
    segmentation_id: facts['provider:segmentation_id'],
  };
}

export const segmentOperations = [
  operation({
    ...common,
    id: 'ListSegments',
    path: '/segments',
    query: listQuery(filters),
    responses: { 200: Type.Object({ segments: Type.Array(SegmentView), segments_links: Type.Optional(Type.Any()) }) },
    errors: [401, 403],
    title: 'List segments',
    summary: 'How hosts carry networks: each by one VXLAN, where it is on several of them.',
    examples: [{ title: 'All', status: 200 }],
    handle: async (call) => {
      const query = call.query as Query;
      const all = (await call.cloud.networks.networks.list(call.subject)).map(segmentView);
      const wanted = all.filter((segment) => filters.every((key) => matches(segment[key], valuesOf(query, key))));
      const ids = wanted.map((segment) => String(segment['id']));
      const links = pageLinks('segments', ids, query, { origin: call.origin, url: call.raw.url });
      return { body: { segments: wanted.map((segment) => selected(segment, query)), ...links } };
    },
  }),
  operation({
    ...common,
    id: 'ShowSegment',
    path: '/segments/{id}',
    params: Type.Object({ id: Type.String() }),
    responses: { 200: Type.Object({ segment: SegmentView }) },
    errors: [401, 403, 404],
    title: 'Show segment',
    summary: 'How hosts carry a network.',
    examples: [{ title: 'By its id', params: { id: 'b5a9c1d2-7f30-4e21-8d5a-1c0f9e7b3a64' }, status: 200 }],
    handle: async ({ cloud, subject, params }) => {
      const id = withDashes(idInPath('segment', params.id));
      const all = (await cloud.networks.networks.list(subject)).map(segmentView);
      const segment = all.find((one) => one['id'] === id);
      if (!segment) throw notFound('segment', id);
      return { body: { segment } };
    },
  }),
];
