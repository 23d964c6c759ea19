import { Type } from 'typebox';
import { operation } from '../../../api/operation.ts';
import type { HostRoute } from '../../../cloud/networks/model.ts';
import type { RouterInterface, RouterInterfaceRequest } from '../../../cloud/networks/router-interfaces.ts';
import { withDashes } from '../../../env/env.ts';
import { routerView, routerViewSchema } from './routers.ts';
import { Body, idInBody, idInPath, Routes } from './wire.ts';

const common = {
  dialect: 'network',
  group: 'routers',
  method: 'PUT',
  mode: 'sync',
  allow: 'member',
  params: Type.Object({ id: Type.String() }),
} as const;

const exampleRouter = { id: '7d4f1b8e-20c9-4a6f-8f0b-6c1f5f0f3a52' };
const exampleSubnet = { subnet_id: '0f6a1c2e-8a4b-4d59-9b7e-3f6c6d1e2b90' };

const InterfaceBody = Body({ subnet_id: Type.Optional(Type.String()), port_id: Type.Optional(Type.String()) });

const InterfaceView = Type.Object({
  id: Type.String(),
  tenant_id: Type.String(),
  project_id: Type.String(),
  port_id: Type.String(),
  network_id: Type.String(),
  subnet_id: Type.String(),
  subnet_ids: Type.Array(Type.String()),
});

function interfaceView({ routerId, projectId, portId, networkId, subnetIds }: RouterInterface) {
  const subnets = subnetIds.map(withDashes);
  return {
    id: withDashes(routerId),
    tenant_id: projectId,
    project_id: projectId,
    port_id: withDashes(portId),
    network_id: withDashes(networkId),
    subnet_id: subnets[0]!,
    subnet_ids: subnets,
  };
}

function requestOf(body: { subnet_id?: string; port_id?: string }): RouterInterfaceRequest {
  return {
    subnetId: body.subnet_id === undefined ? undefined : idInBody('subnet_id', body.subnet_id),
    portId: body.port_id === undefined ? undefined : idInBody('port_id', body.port_id),
  };
}

const addRouterInterface = operation({
  ...common,
  id: 'AddRouterInterface',
  path: '/routers/{id}/add_router_interface',
  body: InterfaceBody,
  responses: { 200: InterfaceView },
  errors: [400, 401, 404, 409],
  title: 'Add interface to router',
  summary: 'Puts the router on a subnet, as its gateway, or gives it a port that exists.',
  examples: [{ title: 'By a subnet', params: exampleRouter, body: exampleSubnet, status: 200 }],
  handle: async ({ cloud, subject, params, body }) => {
    const id = idInPath('router', params.id);
    return { body: interfaceView(await cloud.networks.routerInterfaces.add(subject, id, requestOf(body))) };
  },
});

const removeRouterInterface = operation({
  ...common,
  id: 'RemoveRouterInterface',
  path: '/routers/{id}/remove_router_interface',
  body: InterfaceBody,
  responses: { 200: InterfaceView },
  errors: [400, 401, 404, 409],
  title: 'Remove interface from router',
  summary: 'Takes the router off a subnet, and its port away. Refused while floating IPs or routes need it.',
  examples: [{ title: 'By a subnet', params: exampleRouter, body: exampleSubnet, status: 200 }],
  handle: async ({ cloud, subject, params, body }) => {
    const id = idInPath('router', params.id);
    return { body: interfaceView(await cloud.networks.routerInterfaces.remove(subject, id, requestOf(body))) };
  },
});

const RoutesBody = Body({ routes: Routes });
const RouterDocument = Type.Object({ router: routerViewSchema });
const exampleRoutes = { router: { routes: [{ destination: '198.51.100.0/24', nexthop: '10.0.0.7' }] } };

const addExtraRoutes = operation({
  ...common,
  id: 'AddExtraRoutes',
  path: '/routers/{id}/add_extraroutes',
  bodyKey: 'router',
  body: RoutesBody,
  responses: { 200: RouterDocument },
  errors: [400, 401, 404],
  title: 'Add routes to router',
  summary: 'Adds to the routes that the router has; those that it has already stay.',
  examples: [{ title: 'One route', params: exampleRouter, body: exampleRoutes, status: 200 }],
  handle: async ({ cloud, subject, params, body }) => {
    const id = idInPath('router', params.id);
    const router = await cloud.networks.routers.changeRoutes(subject, id, (routes) => [
      ...routes,
      ...body.routes.filter((route) => !routes.some((other) => sameRoute(route, other))),
    ]);
    return { body: { router: routerView(router) } };
  },
});

const removeExtraRoutes = operation({
  ...common,
  id: 'RemoveExtraRoutes',
  path: '/routers/{id}/remove_extraroutes',
  bodyKey: 'router',
  body: RoutesBody,
  responses: { 200: RouterDocument },
  errors: [400, 401, 404],
  title: 'Remove routes from router',
  summary: 'Takes routes away; those that the router does not have are no matter.',
  examples: [{ title: 'One route', params: exampleRouter, body: exampleRoutes, status: 200 }],
  handle: async ({ cloud, subject, params, body }) => {
    const id = idInPath('router', params.id);
    const router = await cloud.networks.routers.changeRoutes(subject, id, (routes) =>
      routes.filter((route) => !body.routes.some((other) => sameRoute(route, other))),
    );
    return { body: { router: routerView(router) } };
  },
});

function sameRoute(a: HostRoute, b: HostRoute): boolean {
  return a.destination === b.destination && a.nexthop === b.nexthop;
}

export const routerActionOperations = [addRouterInterface, removeRouterInterface, addExtraRoutes, removeExtraRoutes];
