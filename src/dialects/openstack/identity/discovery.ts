import { Type } from 'typebox';
import { operation } from '../../../api/operation.ts';
import {
  type ApiVersion,
  ApiVersionSchema,
  VersionDocument,
  vendorMediaType,
  versionLink,
} from '../common/discovery.ts';

function version(origin: string): ApiVersion {
  return {
    id: 'v3.14',
    status: 'stable',
    updated: '2020-04-07T00:00:00Z',
    links: [versionLink(origin, '/identity/v3')],
    'media-types': [vendorMediaType('identity-v3+json')],
  };
}

const example = version('http://cloud.example');

export const discoveryOperations = [
  operation({
    id: 'ListIdentityVersions',
    dialect: 'identity',
    group: 'versions',
    method: 'GET',
    path: '',
    mode: 'sync',
    allow: 'anyone',
    responses: { 300: Type.Object({ versions: Type.Object({ values: Type.Array(ApiVersionSchema) }) }) },
    errors: [],
    title: 'List versions',
    summary: 'Tells which versions of the Identity API there are. Needs no token.',
    examples: [{ title: 'The one version', status: 300, response: { versions: { values: [example] } } }],
    handle: ({ origin }) => ({
      headers: { location: `${origin}/identity/v3/` },
      body: { versions: { values: [version(origin)] } },
    }),
  }),
  operation({
    id: 'ShowIdentityVersion',
    dialect: 'identity',
    group: 'versions',
    method: 'GET',
    path: '/v3',
    mode: 'sync',
    allow: 'anyone',
    responses: { 200: VersionDocument },
    errors: [],
    title: 'Show version 3',
    summary: 'Tells about version 3 of the Identity API. Needs no token.',
    examples: [{ title: 'Version 3', status: 200, response: { version: example } }],
    handle: ({ origin }) => ({ body: { version: version(origin) } }),
  }),
];
