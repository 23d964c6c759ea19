import { createHash } from 'node:crypto';

/** A service that is really mounted, so that clients may be told of it. */
export interface CatalogEntry {
  /** As `compute`. */
  type: string;
  /** As `nova`. */
  name: string;
  /** Path of the endpoint; `{project_id}` stands for the token's project. */
  path: string;
}

/**
 * The catalog as all known clients can use it: gophercloud takes the compute and volume URLs as they are, but appends
 * the version to those of image and network itself; older and newer clients look for volumes under different types.
 */
export const usualCatalog = {
  identity: [{ type: 'identity', name: 'keystone', path: '/identity/v3' }],
  compute: [{ type: 'compute', name: 'nova', path: '/compute/v2.1' }],
  image: [{ type: 'image', name: 'glance', path: '/image' }],
  network: [{ type: 'network', name: 'neutron', path: '/network' }],
  volume: [
    { type: 'block-storage', name: 'cinder', path: '/volume/v3/{project_id}' },
    { type: 'volumev3', name: 'cinderv3', path: '/volume/v3/{project_id}' },
  ],
  placement: [{ type: 'placement', name: 'placement', path: '/placement' }],
} satisfies Record<string, CatalogEntry[]>;

export const interfaces = ['public', 'internal', 'admin'] as const;

export interface CatalogService {
  id: string;
  type: string;
  name: string;
  endpoints: Array<{ id: string; interface: string; region: string; region_id: string; url: string }>;
}

/**
 * The catalog of a token.
 * @param origin the scheme and authority by which the client reached us
 * @param projectId the token's project; endpoints that need one are left out without
 */
export function catalogFor(
  entries: readonly CatalogEntry[],
  origin: string,
  region: string,
  projectId: string | undefined,
): CatalogService[] {
  return entries.map((entry) => ({
    id: serviceId(entry),
    type: entry.type,
    name: entry.name,
    endpoints:
      projectId === undefined && entry.path.includes('{project_id}')
        ? []
        : interfaces.map((one) => ({
            id: endpointId(entry, one),
            interface: one,
            region,
            region_id: region,
            url: origin + entry.path.replace('{project_id}', projectId ?? ''),
          })),
  }));
}

/** Services have no row: their ids follow from what they are. */
export function serviceId(entry: CatalogEntry): string {
  return createHash('md5').update(`service ${entry.type}`).digest('hex');
}

export function endpointId(entry: CatalogEntry, one: (typeof interfaces)[number]): string {
  return createHash('md5').update(`endpoint ${entry.type} ${one}`).digest('hex');
}
