import { operation } from '../../../api/operation.ts';
import { VersionsDocument, versionLink } from '../common/discovery.ts';

/** Glance counts its minor versions as versions of their own. Those above 2.9 that stand for things we lack are left out. */
const supported = ['v2.9', 'v2.7', 'v2.6', 'v2.5', 'v2.4', 'v2.3', 'v2.2', 'v2.1', 'v2.0'];

function versionsDocument(base: string) {
  const entry = (id: string, status: string) => ({ id, status, links: [versionLink(base, '/v2')] });
  return { versions: [entry('v2.16', 'CURRENT'), ...supported.map((id) => entry(id, 'SUPPORTED'))] };
}

const common = {
  dialect: 'image',
  group: 'versions',
  method: 'GET',
  mode: 'sync',
  allow: 'anyone',
  errors: [],
} as const;

export const versionOperations = [
  operation({
    ...common,
    id: 'ListVersions',
    path: '',
    responses: { 300: VersionsDocument },
    title: 'List API versions',
    summary: 'The versions of the API, newest first. Clients read them before they have a token.',
    examples: [{ title: 'All versions', status: 300 }],
    handle: ({ base }) => ({ body: versionsDocument(base) }),
  }),
  operation({
    ...common,
    id: 'ListVersionsPlainly',
    path: '/versions',
    responses: { 200: VersionsDocument },
    title: 'List API versions with status 200',
    summary: 'The same document as at the root, for clients that take 300 for a redirect.',
    examples: [{ title: 'All versions', status: 200 }],
    handle: ({ base }) => ({ body: versionsDocument(base) }),
  }),
];
