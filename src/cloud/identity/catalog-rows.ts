import type {
  CatalogEndpointsTable,
  CatalogRegionsTable,
  CatalogServicesTable,
  EndpointGroupsTable,
} from '../../database/schema.ts';
import { extraText } from './extra.ts';
import type { Options } from './model.ts';

export interface CatalogRegion {
  id: string;
  description: string;
  parentId: string | null;
  /** Members that clients chose; so has what follows. */
  extra: Options;
}

export interface CatalogServiceEntry {
  id: string;
  type: string;
  name: string;
  description: string;
  enabled: boolean;
  extra: Options;
}

export interface CatalogEndpoint {
  id: string;
  serviceId: string;
  interface: 'public' | 'internal' | 'admin';
  /** With `%(project_id)s` for the token's project. */
  url: string;
  regionId: string | null;
  name: string | null;
  enabled: boolean;
  extra: Options;
}

/** Endpoints that fit the filters, whichever there are. */
export interface EndpointGroup {
  id: string;
  name: string;
  description: string | null;
  /** `service_id`, `region_id`, `interface` → value. */
  filters: Record<string, string>;
}

export const regionOf = ({ id, description, parent_id, extra }: CatalogRegionsTable): CatalogRegion => ({
  id,
  description,
  parentId: parent_id,
  extra: JSON.parse(extra) as Options,
});
export const serviceOf = (row: CatalogServicesTable): CatalogServiceEntry => ({
  id: row.id,
  type: row.type,
  name: row.name,
  description: row.description,
  enabled: row.enabled === 1,
  extra: JSON.parse(row.extra) as Options,
});
export const endpointOf = (row: CatalogEndpointsTable): CatalogEndpoint => ({
  id: row.id,
  serviceId: row.service_id,
  interface: row.interface,
  url: row.url,
  regionId: row.region_id,
  name: row.name,
  enabled: row.enabled === 1,
  extra: JSON.parse(row.extra) as Options,
});
export const groupOf = ({ id, name, description, filters }: EndpointGroupsTable): EndpointGroup => ({
  id,
  name,
  description,
  filters: JSON.parse(filters) as Record<string, string>,
});

export function regionRow({ id, description, parentId, extra }: CatalogRegion): CatalogRegionsTable {
  return { id, description, parent_id: parentId, extra: extraText(extra) };
}

export function endpointRow(endpoint: CatalogEndpoint): CatalogEndpointsTable {
  return {
    id: endpoint.id,
    service_id: endpoint.serviceId,
    interface: endpoint.interface,
    url: endpoint.url,
    region_id: endpoint.regionId,
    name: endpoint.name,
    enabled: endpoint.enabled ? 1 : 0,
    extra: extraText(endpoint.extra),
  };
}

export function serviceRow({ enabled, extra, ...words }: CatalogServiceEntry): CatalogServicesTable {
  return { ...words, enabled: enabled ? 1 : 0, extra: extraText(extra) };
}
