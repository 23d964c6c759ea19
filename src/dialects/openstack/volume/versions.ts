import { Type } from 'typebox';
import { operation } from '../../../api/operation.ts';
import { type ApiVersion, ApiVersionSchema, vendorMediaType, versionLink } from '../common/discovery.ts';
import type { MicroversionedService } from '../common/microversion.ts';

/**
 * All that changed up to 3.70 is so here for what there is. There are no clusters, no replication and no
 * workers to clean up after: what versions brought for those is not there.
 */
export const volumeMicroversions: MicroversionedService = {
  type: 'volume',
  legacyHeader: 'X-OpenStack-Volume-API-Version',
  min: { major: 3, minor: 0 },
  max: { major: 3, minor: 70 },
};

function version(origin: string): ApiVersion {
  const { min, max } = volumeMicroversions;
  return {
    id: 'v3.0',
    status: 'CURRENT',
    version: `${max.major}.${max.minor}`,
    min_version: `${min.major}.${min.minor}`,
    updated: '2023-08-31T00:00:00Z',
    links: [versionLink(origin, '/volume/v3')],
    'media-types': [vendorMediaType('volume+json;version=3')],
  };
}

const common = {
  dialect: 'volume',
  group: 'versions',
  method: 'GET',
  mode: 'sync',
  allow: 'anyone',
  errors: [],
} as const;
const versions = { versions: [version('http://cloud.example.com')] };
const Versions = Type.Object({ versions: Type.Array(ApiVersionSchema) });

export const versionOperations = [
  operation({
    ...common,
    id: 'ListVolumeVersions',
    path: '',
    responses: { 300: Versions },
    title: 'List versions',
    summary: 'Tells which versions of the block storage API there are. Needs no token.',
    examples: [{ title: 'The one version', status: 300, response: versions }],
    handle: ({ origin }) => ({ status: 300, body: { versions: [version(origin)] } }),
  }),
  operation({
    ...common,
    id: 'ShowVolumeVersion',
    path: '/v3',
    responses: { 200: Versions },
    title: 'Show version 3',
    summary: 'Tells about version 3 and its microversions. Needs no token.',
    examples: [{ title: 'Version 3', status: 200, response: versions }],
    handle: ({ origin }) => ({ body: { versions: [version(origin)] } }),
  }),
];
