import { type Static, Type } from 'typebox';
import { CloudError } from '../../../cloud/errors.ts';
import type { Subject } from '../../../cloud/identity/subject.ts';
import type { GatewayRequest } from '../../../cloud/networks/router-gateways.ts';
import type { Router } from '../../../cloud/networks/router-model.ts';
import type { RouterField } from '../../../cloud/networks/routers.ts';
import { withDashes } from '../../../env/env.ts';
import { type Attributes, listRequest } from './queries.ts';
import { type Resource, resourceOperations } from './resource.ts';
import {
  Body,
  commonView,
  FixedIps,
  fixedIpsOf,
  idInBody,
  Name,
  Nullable,
  ownerMembers,
  ownerOf,
  Routes,
  View,
} from './wire.ts';

const attributes: Attributes<RouterField> = {
  id: ['id', 'id'],
  name: ['name', 'text'],
  description: ['description', 'text'],
  project_id: ['projectId', 'id'],
  tenant_id: ['projectId', 'id'],
  admin_state_up: ['adminStateUp', 'boolean'],
  status: ['status', 'text'],
  revision_number: ['revision', 'integer'],
};

const GatewayInfo = Body({
  network_id: Type.Optional(Nullable(Type.String())),
  enable_snat: Type.Optional(Type.Boolean()),
  external_fixed_ips: Type.Optional(FixedIps),
});

const creatable = {
  name: Type.Optional(Name),
  description: Type.Optional(Name),
  admin_state_up: Type.Optional(Type.Boolean()),
  external_gateway_info: Type.Optional(Nullable(GatewayInfo)),
};

const CreateBody = Body({
  ...ownerMembers,
  ...creatable,
  distributed: Type.Optional(Nullable(Type.Boolean())),
  ha: Type.Optional(Nullable(Type.Boolean())),
});
const UpdateBody = Body({
  ...creatable,
  routes: Type.Optional(Nullable(Routes)),
  distributed: Type.Optional(Nullable(Type.Boolean())),
  ha: Type.Optional(Nullable(Type.Boolean())),
});

/** The router as Neutron's clients know it. */
export function routerView(router: Router): Record<string, unknown> {
  const { gateway } = router;
  return {
    ...commonView(router),
    name: router.name,
    admin_state_up: router.adminStateUp,
    status: router.status,
    external_gateway_info: gateway && {
      network_id: withDashes(gateway.networkId),
      enable_snat: gateway.enableSnat,
      external_fixed_ips: gateway.fixedIps.map(({ subnetId, ipAddress }) => ({
        subnet_id: withDashes(subnetId),
        ip_address: ipAddress,
      })),
    },
    routes: router.routes,
  };
}

/** Where a router is, is nobody's choice, and there is one of each: what asks for more is refused rather than ignored. */
function refuseElsewhere(subject: Subject, { distributed, ha }: { distributed?: boolean | null; ha?: boolean | null }) {
  if (distributed === undefined && ha === undefined) return;
  if (!subject.isAdmin) {
    const message = 'Only an administrator may choose where a router is.';
    throw new CloudError('forbidden', message, { reason: 'policy_not_authorized' });
  }
  if (!distributed && !ha) return;
  const message = 'Invalid input for operation: routers are neither distributed nor highly available here.';
  throw new CloudError('invalid', message, { reason: 'invalid_input', field: distributed ? 'distributed' : 'ha' });
}

/** Clients take a gateway away by null, by nothing in it, or by a network that is null. */
function gatewayOf(info: Static<typeof GatewayInfo> | null | undefined): GatewayRequest | null | undefined {
  if (info === undefined) return undefined;
  if (info === null || info.network_id === undefined || info.network_id === null) return null;
  return {
    networkId: idInBody('external_gateway_info', info.network_id),
    enableSnat: info.enable_snat,
    fixedIps: info.external_fixed_ips && fixedIpsOf(info.external_fixed_ips),
  };
}

function changesOf(body: Static<typeof UpdateBody>) {
  return {
    name: body.name,
    description: body.description,
    adminStateUp: body.admin_state_up,
    gateway: gatewayOf(body.external_gateway_info),
    routes: body.routes === null ? [] : body.routes,
  };
}

const GatewayView = Type.Object({
  network_id: Type.String(),
  enable_snat: Type.Boolean(),
  external_fixed_ips: FixedIps,
});

export const routerViewSchema = View({
  name: Type.String(),
  admin_state_up: Type.Boolean(),
  status: Type.String(),
  external_gateway_info: Nullable(GatewayView),
  routes: Routes,
});

const routers: Resource<Router, Static<typeof CreateBody>, Static<typeof UpdateBody>> = {
  singular: 'router',
  plural: 'routers',
  collection: 'routers',
  name: 'Router',
  title: 'router',
  summary: 'Joins networks, and leads to an external one, where floating IPs are.',
  view: routerView,
  viewSchema: routerViewSchema,
  filters: Object.keys(attributes),
  tagged: true,
  createBody: CreateBody,
  updateBody: UpdateBody,
  example: {
    id: '7d4f1b8e-20c9-4a6f-8f0b-6c1f5f0f3a52',
    create: { name: 'to-outside', admin_state_up: true },
    update: { name: 'to-outside-2' },
  },
  list: ({ cloud, subject }, query) => cloud.networks.routers.list(subject, listRequest(query, attributes)),
  get: ({ cloud, subject }, id) => cloud.networks.routers.get(subject, id),
  create: async ({ cloud, subject }, bodies) => {
    for (const body of bodies) refuseElsewhere(subject, body);
    const wanted = bodies.map((body) => ({ ...changesOf(body), projectId: ownerOf(body) }));
    return await cloud.networks.routers.create(subject, wanted);
  },
  update: async ({ cloud, subject }, id, body, revision) => {
    refuseElsewhere(subject, body);
    return await cloud.networks.routers.update(subject, id, changesOf(body), revision);
  },
  delete: ({ cloud, subject }, id) => cloud.networks.routers.delete(subject, id),
};

export const routerOperations = resourceOperations(routers);
