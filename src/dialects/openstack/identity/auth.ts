import { Type } from 'typebox';
import { operation } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';
import { list } from './answers.ts';
import { CatalogView, DomainView, listDocument, ProjectView, SelfLink } from './schemas.ts';
import { catalogOf } from './tokens.ts';
import { domainView, projectView } from './views.ts';

/** What the holder of a token may do with it. */
export const authOperations = [
  operation({
    id: 'GetCatalog',
    dialect: 'identity',
    group: 'tokens',
    method: 'GET',
    path: '/v3/auth/catalog',
    mode: 'sync',
    allow: 'authenticated',
    responses: { 200: Type.Object({ catalog: CatalogView, links: SelfLink }) },
    errors: [401, 403],
    title: 'Show the service catalog',
    summary: 'Tells which services there are and where, for the scope of the token.',
    examples: [{ title: 'The catalog', status: 200 }],
    handle: async (call) => {
      const { subject, origin, raw } = call;
      if (subject.roles.length === 0) {
        throw new CloudError('forbidden', 'A service catalog needs a token that is scoped to something.');
      }
      return {
        body: {
          catalog: await catalogOf(call, { projectId: subject.projectId, userId: subject.userId }),
          links: { self: origin + raw.url },
        },
      };
    },
  }),
  operation({
    id: 'ListAvailableProjects',
    dialect: 'identity',
    group: 'tokens',
    method: 'GET',
    path: '/v3/auth/projects',
    mode: 'sync',
    allow: 'authenticated',
    responses: { 200: listDocument('projects', ProjectView) },
    errors: [401],
    title: 'List available projects',
    summary: 'Lists the projects for which the user can get a token.',
    examples: [{ title: "One's projects", status: 200 }],
    handle: async (call) =>
      list(call, 'projects', await call.cloud.identity.projects.listOf(call.subject.userId), projectView),
  }),
  operation({
    id: 'ListAvailableDomains',
    dialect: 'identity',
    group: 'tokens',
    method: 'GET',
    path: '/v3/auth/domains',
    mode: 'sync',
    allow: 'authenticated',
    responses: { 200: listDocument('domains', DomainView) },
    errors: [401],
    title: 'List available domains',
    summary: 'Lists the domains for which the user can get a token.',
    examples: [{ title: "One's domains", status: 200 }],
    handle: async (call) => {
      const { identity } = call.cloud;
      const own = new Set(await identity.assignments.targetsOf(call.subject.userId, 'domain'));
      const domains = await identity.domains.list({ enabled: true });
      return list(
        call,
        'domains',
        domains.filter(({ id }) => own.has(id)),
        domainView,
      );
    },
  }),
  operation({
    id: 'ListAvailableSystemScopes',
    dialect: 'identity',
    group: 'tokens',
    method: 'GET',
    path: '/v3/auth/system',
    mode: 'sync',
    allow: 'authenticated',
    responses: { 200: listDocument('system', Type.Object({ all: Type.Boolean() })) },
    errors: [401],
    title: 'List available system scopes',
    summary: 'Tells whether the user can get a token for the system as a whole.',
    examples: [{ title: 'As an administrator', status: 200 }],
    handle: async (call) => {
      const { subject, cloud } = call;
      const hasSystem =
        (await cloud.identity.assignments.effectiveRoles(subject.userId, { kind: 'system' })).length > 0;
      return list(call, 'system', hasSystem ? [{ all: true }] : [], (_, scope) => scope);
    },
  }),
];
