import { Type } from 'typebox';
import { type Link, LinkSchema } from './links.ts';

/** One version of a service's API in its discovery documents. Clients know no other `status` words than these. */
export interface ApiVersion {
  id: string;
  status: 'CURRENT' | 'SUPPORTED' | 'DEPRECATED' | 'stable';
  /** Highest and lowest microversion; empty texts for a version without; left out by services that have none. */
  version?: string;
  min_version?: string;
  updated?: string;
  links: Link[];
  'media-types'?: Array<{ base: string; type: string }>;
}

export const ApiVersionSchema = Type.Object({
  id: Type.String(),
  status: Type.String(),
  version: Type.Optional(Type.String()),
  min_version: Type.Optional(Type.String()),
  updated: Type.Optional(Type.String()),
  links: Type.Array(LinkSchema),
  'media-types': Type.Optional(Type.Array(Type.Object({ base: Type.String(), type: Type.String() }))),
});

/** `{"versions": [...]}`, at the root of every service but Keystone. */
export const VersionsDocument = Type.Object({ versions: Type.Array(ApiVersionSchema) });

/** `{"version": {...}}`, at the root of one version. */
export const VersionDocument = Type.Object({ version: ApiVersionSchema });

/** The link of a version to itself. The slash at the end is what clients append their paths to. */
export function versionLink(origin: string, path: string): Link {
  return { rel: 'self', href: `${origin}${path}/` };
}

/** The media type of a service with the old vendor types, as `application/vnd.openstack.compute+json;version=2.1`. */
export function vendorMediaType(name: string): { base: string; type: string } {
  return { base: 'application/json', type: `application/vnd.openstack.${name}` };
}
