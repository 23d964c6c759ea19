import { Type } from 'typebox';
import { operation } from '../../../api/operation.ts';
import { VersionsDocument, versionLink } from '../common/discovery.ts';
import { LinkSchema } from '../common/links.ts';

const common = {
  dialect: 'network',
  group: 'versions',
  method: 'GET',
  path: '',
  mode: 'sync',
  allow: 'anyone',
} as const;

export const listVersions = operation({
  ...common,
  id: 'ListVersions',
  responses: { 200: VersionsDocument },
  errors: [],
  title: 'List API versions',
  summary: 'There is one, v2.0; what it can do beyond its core is said by its extensions.',
  examples: [{ title: 'All', status: 200 }],
  handle: ({ base }) => ({
    body: { versions: [{ id: 'v2.0', status: 'CURRENT', links: [versionLink(base, '/v2.0')] }] },
  }),
});

/** Resource → its collection. */
const resources: Record<string, string> = {
  network: 'networks',
  subnet: 'subnets',
  port: 'ports',
  security_group: 'security-groups',
  security_group_rule: 'security-group-rules',
  router: 'routers',
  floatingip: 'floatingips',
  subnetpool: 'subnetpools',
  address_scope: 'address-scopes',
  address_group: 'address-groups',
  rbac_policy: 'rbac-policies',
  policy: 'qos/policies',
  agent: 'agents',
  quota: 'quotas',
  extension: 'extensions',
};

export const showVersion = operation({
  ...common,
  id: 'ShowVersion',
  responses: {
    200: Type.Object({
      resources: Type.Array(
        Type.Object({ name: Type.String(), collection: Type.String(), links: Type.Array(LinkSchema) }),
      ),
    }),
  },
  errors: [],
  title: 'List resources of the API',
  summary: 'The kinds of resources that there are, and where.',
  examples: [{ title: 'All', status: 200 }],
  handle: ({ base }) => ({
    body: {
      resources: Object.entries(resources).map(([name, collection]) => ({
        name,
        collection,
        links: [{ rel: 'self', href: `${base}/v2.0/${collection}` }],
      })),
    },
  }),
});
