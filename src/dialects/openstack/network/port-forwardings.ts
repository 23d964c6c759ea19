import { type Static, Type } from 'typebox';
import { operation } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';
import type { ForwardedProtocol, PortForwarding, PortRange } from '../../../cloud/networks/port-forwarding-model.ts';
import type { PortForwardingField } from '../../../cloud/networks/port-forwardings.ts';
import { withDashes } from '../../../env/env.ts';
import { LinkSchema } from '../common/links.ts';
import { type Attributes, listQuery, listRequest, pageLinks, type Query, selected } from './queries.ts';
import { Body, idInBody, idInPath, Name } from './wire.ts';

const collection = '/floatingips/{floatingip_id}/port_forwardings';
const one = `${collection}/{port_forwarding_id}`;
const common = { dialect: 'network', group: 'floatingips', mode: 'sync' } as const;

const attributes: Attributes<PortForwardingField> = {
  id: ['id', 'id'],
  description: ['description', 'text'],
  protocol: ['protocol', 'text'],
  external_port: ['externalPort', 'integer'],
  internal_port: ['internalPort', 'integer'],
  internal_port_id: ['internalPortId', 'id'],
  internal_ip_address: ['internalAddress', 'text'],
};

const FloatingIpParams = Type.Object({ floatingip_id: Type.String() });
const ForwardingParams = Type.Object({ floatingip_id: Type.String(), port_forwarding_id: Type.String() });
const floatingIpParams = { floatingip_id: '2f245a7b-796b-4f26-9cf9-9e82d248fda7' };
const forwardingParams = { ...floatingIpParams, port_forwarding_id: '725ade3c-9760-4880-8080-8fc2dbab9acc' };

const Port = Type.Integer({ minimum: 1, maximum: 65_535 });
const Range = Type.String({
  pattern: '^[0-9]{1,5}(:[0-9]{1,5})?$',
  description: 'The first and the last, as `80:89`.',
});
const members = {
  internal_port_id: Type.Optional(Type.String()),
  internal_ip_address: Type.Optional(Type.String()),
  internal_port: Type.Optional(Port),
  internal_port_range: Type.Optional(Range),
  external_port: Type.Optional(Port),
  external_port_range: Type.Optional(Range),
  protocol: Type.Optional(Type.String({ pattern: '^(?:[Tt][Cc][Pp]|[Uu][Dd][Pp])$' })),
  description: Type.Optional(Name),
};
const ForwardingBody = Body(members);

const ForwardingView = Type.Object({
  id: Type.Optional(Type.String()),
  description: Type.Optional(Type.String()),
  protocol: Type.Optional(Type.String()),
  internal_port_id: Type.Optional(Type.String()),
  internal_ip_address: Type.Optional(Type.String()),
  internal_port: Type.Optional(Type.Integer()),
  internal_port_range: Type.Optional(Type.String()),
  external_port: Type.Optional(Type.Integer()),
  external_port_range: Type.Optional(Type.String()),
});
const ForwardingDocument = Type.Object({ port_forwarding: ForwardingView });

/** The members for single ports are there where each range is of one. */
function view(forwarding: PortForwarding): Record<string, unknown> {
  const { external, internal } = forwarding;
  const text = ({ first, last }: PortRange) => `${first}:${last}`;
  return {
    id: withDashes(forwarding.id),
    description: forwarding.description,
    protocol: forwarding.protocol,
    internal_port_id: withDashes(forwarding.internalPortId),
    internal_ip_address: forwarding.internalAddress,
    ...(internal.first === internal.last ? { internal_port: internal.first } : {}),
    internal_port_range: text(internal),
    ...(external.first === external.last ? { external_port: external.first } : {}),
    external_port_range: text(external),
  };
}

function rangeOf(field: string, single: number | undefined, range: string | undefined): PortRange | undefined {
  if (single !== undefined && range !== undefined) {
    throw bad(`${field} and ${field}_range can't both be given`);
  }
  if (single !== undefined) return { first: single, last: single };
  if (range === undefined) return undefined;
  const [first = 0, last = first] = range.split(':').map(Number);
  return { first, last };
}

function changesOf(body: Static<typeof ForwardingBody>) {
  return {
    description: body.description,
    protocol: body.protocol?.toLowerCase() as ForwardedProtocol | undefined,
    external: rangeOf('external_port', body.external_port, body.external_port_range),
    internal: rangeOf('internal_port', body.internal_port, body.internal_port_range),
    internalPortId:
      body.internal_port_id === undefined ? undefined : idInBody('internal_port_id', body.internal_port_id),
    internalAddress: body.internal_ip_address,
  };
}

function newForwarding(body: Static<typeof ForwardingBody>) {
  const { protocol, external, internal, internalPortId, ...others } = changesOf(body);
  if (protocol === undefined) throw bad('protocol is missing');
  if (internalPortId === undefined) throw bad('internal_port_id is missing');
  if (!external || !internal) throw bad(`${external ? 'internal_port' : 'external_port'} is missing`);
  return { ...others, protocol, external, internal, internalPortId };
}

const idsOf = (params: Static<typeof ForwardingParams>) =>
  [idInPath('floatingip', params.floatingip_id), idInPath('port_forwarding', params.port_forwarding_id)] as const;

export const portForwardingOperations = [
  operation({
    ...common,
    id: 'ListPortForwardings',
    method: 'GET',
    path: collection,
    allow: 'reader',
    params: FloatingIpParams,
    query: listQuery(Object.keys(attributes)),
    responses: {
      200: Type.Object({
        port_forwardings: Type.Array(ForwardingView),
        port_forwardings_links: Type.Optional(Type.Array(LinkSchema)),
      }),
    },
    errors: [400, 401, 404],
    title: 'List port forwardings of floating IP',
    summary: 'The ports of the floating IP that stand for ports of guests.',
    examples: [{ title: 'All', params: floatingIpParams, status: 200 }],
    handle: async ({ cloud, subject, params, origin, raw, ...call }) => {
      const query = call.query as Query;
      const id = idInPath('floatingip', params.floatingip_id);
      const found = await cloud.networks.portForwardings.list(subject, id, listRequest(query, attributes));
      const ids = found.map((forwarding) => withDashes(forwarding.id));
      const links = pageLinks('port_forwardings', ids, query, { origin, url: raw.url });
      return { body: { port_forwardings: found.map((forwarding) => selected(view(forwarding), query)), ...links } };
    },
  }),
  operation({
    ...common,
    id: 'ShowPortForwarding',
    method: 'GET',
    path: one,
    allow: 'reader',
    params: ForwardingParams,
    responses: { 200: ForwardingDocument },
    errors: [401, 404],
    title: 'Show port forwarding',
    summary: 'Which ports of a floating IP stand for which ones of a guest.',
    examples: [{ title: 'By its id', params: forwardingParams, status: 200 }],
    handle: async ({ cloud, subject, params }) => ({
      body: { port_forwarding: view(await cloud.networks.portForwardings.get(subject, ...idsOf(params))) },
    }),
  }),
  operation({
    ...common,
    id: 'CreatePortForwarding',
    method: 'POST',
    path: collection,
    bodyKey: 'port_forwarding',
    allow: 'member',
    params: FloatingIpParams,
    body: ForwardingBody,
    responses: { 201: ForwardingDocument },
    errors: [400, 401, 403, 404, 409],
    title: 'Create port forwarding',
    summary:
      'Makes ports of a floating IP that stands for no whole address stand for ports of a guest: as many on either side, or one inside. TCP and UDP; a router must lead from the guest to the external network.',
    examples: [
      {
        title: 'SSH of one guest',
        params: floatingIpParams,
        body: {
          port_forwarding: {
            protocol: 'tcp',
            internal_ip_address: '10.0.0.11',
            internal_port: 22,
            internal_port_id: '1238be08-a2a8-4b8d-addf-fb5e2250e480',
            external_port: 2230,
          },
        },
        status: 201,
      },
    ],
    handle: async ({ cloud, subject, params, body }) => {
      const id = idInPath('floatingip', params.floatingip_id);
      const made = await cloud.networks.portForwardings.create(subject, id, newForwarding(body));
      return { body: { port_forwarding: view(made) } };
    },
  }),
  operation({
    ...common,
    id: 'UpdatePortForwarding',
    method: 'PUT',
    path: one,
    bodyKey: 'port_forwarding',
    allow: 'member',
    params: ForwardingParams,
    body: ForwardingBody,
    responses: { 200: ForwardingDocument },
    errors: [400, 401, 403, 404, 409],
    title: 'Update port forwarding',
    summary: 'Changes the members that are given.',
    examples: [
      {
        title: 'Another port',
        params: forwardingParams,
        body: { port_forwarding: { external_port: 2231 } },
        status: 200,
      },
    ],
    handle: async ({ cloud, subject, params, body }) => {
      const changed = await cloud.networks.portForwardings.update(subject, ...idsOf(params), changesOf(body));
      return { body: { port_forwarding: view(changed) } };
    },
  }),
  operation({
    ...common,
    id: 'DeletePortForwarding',
    method: 'DELETE',
    path: one,
    allow: 'member',
    params: ForwardingParams,
    responses: { 204: null },
    errors: [401, 403, 404],
    title: 'Delete port forwarding',
    summary: 'The ports stand for nothing any more; connections to them end.',
    examples: [{ title: 'By its id', params: forwardingParams, status: 204 }],
    handle: async ({ cloud, subject, params }) => {
      await cloud.networks.portForwardings.delete(subject, ...idsOf(params));
      return {};
    },
  }),
];

function bad(what: string): CloudError {
  return new CloudError('invalid', `Bad port_forwarding request: ${what}.`, { reason: 'HTTPBadRequest' });
}
