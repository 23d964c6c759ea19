import { audit, faults, stores, zones } from './admin.ts';
import { flavors, hosts, keypairs, servergroups, services } from './compute.ts';
import { projects, roles, users } from './identity.ts';
import { floatingips, networks, ports, routers, securitygroups, subnets } from './network.ts';
import { type Resource, under } from './resource.ts';
import { snapshots, volumes } from './storage.ts';

/** Only chosen from in forms: their own pages are elsewhere. */
const images: Resource = {
  kind: 'images',
  path: () => '/image/v2/images?limit=500&status=active',
  rows: under('images'),
  columns: () => [],
};
const servers: Resource = {
  kind: 'servers',
  path: () => '/compute/v2.1/servers?limit=1000',
  rows: under('servers'),
  columns: () => [],
};

/** Every kind of resource that has a list of its own. */
const resources: readonly Resource[] = [
  flavors,
  keypairs,
  servergroups,
  volumes,
  snapshots,
  networks,
  subnets,
  routers,
  floatingips,
  securitygroups,
  ports,
  hosts,
  services,
  zones,
  stores,
  audit,
  faults,
  projects,
  users,
  roles,
];

const byKind = new Map([...resources, images, servers].map((resource) => [resource.kind, resource]));

export function resourceOf(kind: string): Resource | undefined {
  return byKind.get(kind);
}
