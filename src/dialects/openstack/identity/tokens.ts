import { Type } from 'typebox';
import { type Call, operation } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';
import type { CatalogEndpoint } from '../../../cloud/identity/catalog-rows.ts';
import { notAuthenticated } from '../../../cloud/identity/failures.ts';
import { MoreProofWanted } from '../../../cloud/identity/receipts.ts';
import { mayReadIdentity, requireAdmin } from '../../../cloud/identity/subject.ts';
import type { TokenClaims } from '../../../cloud/identity/token-codec.ts';
import { AuthRequest, proofsOf, scopeOf } from './auth-request.ts';
import { type CatalogEntry, type CatalogService, catalogFor } from './catalog.ts';
import { allEndpoints } from './endpoints.ts';
import { ReceiptDocument, TokenView } from './schemas.ts';
import { signedRequest } from './signed-request.ts';
import { receiptView, tokenView } from './views.ts';

const TokenDocumentView = Type.Object({ token: TokenView });
const TokenQuery = Type.Object({
  nocatalog: Type.Optional(Type.String({ description: 'Leaves the catalog out; its value does not matter.' })),
});

/** The catalog for a token's project, as the client of this call should see it: with what administrators have added. */
export async function catalogOf(
  call: Pick<Call, 'context' | 'origin' | 'cloud'>,
  { projectId, userId }: { projectId: string | undefined; userId: string },
): Promise<CatalogService[]> {
  const { catalog, region } = call.cloud.identity;
  const entries = call.context['catalog'] as readonly CatalogEntry[];
  const own = catalogFor(entries, call.origin, region, projectId);
  const added = await catalog.endpoints();
  const services = added.length === 0 ? [] : await catalog.services();
  const all = [
    ...own,
    ...services.filter(({ enabled }) => enabled).map(({ id, type, name }) => ({ id, type, name, endpoints: [] })),
  ].map((service) => ({
    ...service,
    endpoints: [
      ...service.endpoints,
      ...added
        .filter((endpoint) => endpoint.enabled && endpoint.serviceId === service.id)
        .flatMap((endpoint) => addedEndpoint(endpoint, projectId, userId)),
    ],
  }));
  const fits = projectId === undefined ? undefined : await catalog.filterOf(projectId);
  if (!fits) return all;
  const known = new Map((await allEndpoints(call)).map((endpoint) => [endpoint.id, endpoint]));
  return all.map((service) => ({ ...service, endpoints: service.endpoints.filter(({ id }) => fits(known.get(id)!)) }));
}

function addedEndpoint(endpoint: CatalogEndpoint, projectId: string | undefined, userId: string) {
  if (projectId === undefined && /[$%]\((project_id|tenant_id)\)s/.test(endpoint.url)) return [];
  const url = endpoint.url
    .replaceAll(/[$%]\((?:project_id|tenant_id)\)s/g, projectId ?? '')
    .replaceAll(/[$%]\(user_id\)s/g, userId);
  const { id, regionId } = endpoint;
  return [{ id, interface: endpoint.interface, region: regionId ?? '', region_id: regionId ?? '', url }];
}

async function present(call: Call<unknown, { nocatalog?: string }>, claims: TokenClaims, token: string) {
  const document = await call.cloud.identity.authentication.describe(claims);
  if (!document) throw notAuthenticated();
  const projectId = claims.scope.kind === 'project' ? claims.scope.id : undefined;
  const about = { projectId, userId: claims.userId };
  const catalog = call.query.nocatalog === undefined ? await catalogOf(call, about) : undefined;
  return {
    headers: { 'x-subject-token': token, vary: 'X-Auth-Token' },
    body: { token: tokenView(document, catalog) },
  };
}

/** The token that the request is about. Its user may look at it and end it; so may administrators. */
function subjectToken(call: Pick<Call, 'raw' | 'cloud' | 'subject'>, action: string) {
  const header = call.raw.headers['x-subject-token'];
  const token = typeof header === 'string' ? header : '';
  const claims = call.cloud.identity.tokens.claimsOf(token);
  if (!claims) throw new CloudError('not_found', 'Failed to validate token', { resource: 'token' });
  if (claims.userId !== call.subject.userId && !(action === 'validate_token' && mayReadIdentity(call.subject))) {
    requireAdmin(call.subject, action);
  }
  return { token, claims };
}

export const tokenOperations = [
  operation({
    id: 'AuthenticateAndIssueToken',
    dialect: 'identity',
    group: 'tokens',
    method: 'POST',
    path: '/v3/auth/tokens',
    mode: 'sync',
    allow: 'anyone',
    query: TokenQuery,
    body: AuthRequest,
    responses: { 201: TokenDocumentView, 401: ReceiptDocument },
    errors: [400, 401, 404, 503],
    title: 'Authenticate',
    summary:
      'Proves who one is by password, passcode (TOTP), application credential, access token (OAuth 1.0) or token, and gives a token for a project, ' +
      'a domain, the system or nothing. The token stands in the header X-Subject-Token. Without a scope it is for the ' +
      'default project of the user. Who has to use several methods may give them at once, or one after the other: the ' +
      'answer 401 then has a receipt in the header Openstack-Auth-Receipt, which is sent along with the rest.',
    examples: [
      {
        title: 'By password, for a project',
        body: {
          auth: {
            identity: {
              methods: ['password'],
              password: { user: { name: 'admin', domain: { id: 'default' }, password: 'password' } },
            },
            scope: { project: { name: 'admin', domain: { id: 'default' } } },
          },
        },
        status: 201,
      },
    ],
    handle: async (call) => {
      const { authentication } = call.cloud.identity;
      const receipt = call.raw.headers['openstack-auth-receipt'];
      const [proofs, scope] = [proofsOf(call.body.auth, signedRequest(call)), scopeOf(call.body.auth)];
      try {
        const { token, claims } = await authentication.authenticate(proofs, scope, receipt?.toString());
        return await present(call, claims, token);
      } catch (error) {
        if (!(error instanceof MoreProofWanted)) throw error;
        const headers = { 'openstack-auth-receipt': error.receipt.text, vary: 'X-Auth-Token' };
        return { status: 401, headers, body: receiptView(error.receipt) };
      }
    },
  }),
  operation({
    id: 'ValidateToken',
    dialect: 'identity',
    group: 'tokens',
    method: 'GET',
    path: '/v3/auth/tokens',
    mode: 'sync',
    allow: 'authenticated',
    query: TokenQuery,
    responses: { 200: TokenDocumentView },
    errors: [401, 403, 404],
    title: 'Validate and show a token',
    summary: "Shows the token in the header X-Subject-Token. One's own, or as an administrator any.",
    examples: [{ title: "One's own token", status: 200 }],
    handle: (call) => {
      const { token, claims } = subjectToken(call, 'validate_token');
      return present(call, claims, token);
    },
  }),
  operation({
    id: 'RevokeToken',
    dialect: 'identity',
    group: 'tokens',
    method: 'DELETE',
    path: '/v3/auth/tokens',
    mode: 'sync',
    allow: 'authenticated',
    responses: { 204: null },
    errors: [401, 403, 404],
    title: 'Revoke a token',
    summary: 'Ends the token in the header X-Subject-Token at once.',
    examples: [{ title: 'Sign out', status: 204 }],
    handle: async (call) => {
      const { claims } = subjectToken(call, 'revoke_token');
      await call.cloud.identity.revokeToken(claims.auditIds[0]!);
      return {};
    },
  }),
];
