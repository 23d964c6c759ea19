import { operation } from '../../../api/operation.ts';
import {
  type ApiVersion,
  VersionDocument,
  VersionsDocument,
  vendorMediaType,
  versionLink,
} from '../common/discovery.ts';
import { discoveryDialect } from '../common/openstack-dialect.ts';
import { computeMicroversions } from './microversions.ts';

const { min, max } = computeMicroversions;

/** In the order in which old clients expect them. */
function versions(base: string): ApiVersion[] {
  return [
    {
      id: 'v2.0',
      status: 'SUPPORTED',
      version: '',
      min_version: '',
      updated: '2011-01-21T11:33:21Z',
      links: [versionLink(base, '/v2')],
    },
    {
      id: 'v2.1',
      status: 'CURRENT',
      version: `${max.major}.${max.minor}`,
      min_version: `${min.major}.${min.minor}`,
      updated: '2013-07-23T11:33:21Z',
      links: [versionLink(base, '/v2.1')],
    },
  ];
}

function document(base: string, id: 'v2.0' | 'v2.1') {
  const version = versions(base).find((one) => one.id === id)!;
  const mediaType = vendorMediaType(`compute+json;version=${id === 'v2.0' ? '2' : '2.1'}`);
  return { version: { ...version, 'media-types': [mediaType] } };
}

const common = {
  dialect: 'compute',
  group: 'versions',
  method: 'GET',
  mode: 'sync',
  allow: 'anyone',
  errors: [],
} as const;

/** What clients read before they have a token. */
export const computeDiscovery = discoveryDialect({
  service: 'compute',
  title: 'Compute (Nova): versions',
  version: '2.1',
  mounts: ['/compute'],
  operations: [
    operation({
      ...common,
      id: 'ListVersions',
      path: '',
      responses: { 200: VersionsDocument },
      title: 'List API versions',
      summary: 'The versions of the compute API, with the microversions that each offers.',
      examples: [{ title: 'All', status: 200 }],
      handle: ({ base }) => ({ body: { versions: versions(base) } }),
    }),
    operation({
      ...common,
      id: 'ShowVersion21',
      path: '/v2.1',
      responses: { 200: VersionDocument },
      title: 'Show version 2.1',
      summary: 'The version that clients should use, with its microversions.',
      examples: [{ title: 'Version 2.1', status: 200 }],
      handle: ({ base }) => ({ body: document(base, 'v2.1') }),
    }),
    operation({
      ...common,
      id: 'ShowVersion2',
      path: '/v2',
      responses: { 200: VersionDocument },
      title: 'Show version 2',
      summary: 'The version for old clients: without microversions, and lenient with members that it does not know.',
      examples: [{ title: 'Version 2', status: 200 }],
      handle: ({ base }) => ({ body: document(base, 'v2.0') }),
    }),
  ],
});
