import { Type } from 'typebox';
import { type Call, operation } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';
import { adminAccountId } from '../../../cloud/identity/model.ts';
import type { AccessToken, NewToken } from '../../../cloud/identity/oauth1/delegations.ts';
import { isoMicrosZ } from '../common/time.ts';
import { list, v3 } from './answers.ts';
import { closed, Id, listDocument, Name, RoleView } from './schemas.ts';
import { signedRequest } from './signed-request.ts';
import { roleView } from './views.ts';

const common = { dialect: 'identity', group: 'oauth1', mode: 'sync' } as const;
const signed = { ...common, allow: 'anyone' } as const;
const own = { ...common, allow: 'authenticated' } as const;
const UserParams = Type.Object({ user_id: Id });
const Params = Type.Object({ user_id: Id, access_token_id: Id });
const RoleParams = Type.Object({ user_id: Id, access_token_id: Id, role_id: Id });
const tokenId = '6be26d6b8d5f4a1f8a3e0b2c4d5e6f73';
const example = { params: { user_id: adminAccountId, access_token_id: tokenId } };
const roleExample = { params: { ...example.params, role_id: '1f7d6f0a5a3c4f0e9d5b8c2e4a6b0003' } };

const AccessTokenView = Type.Object({
  id: Type.String(),
  consumer_id: Type.String(),
  project_id: Type.String(),
  authorizing_user_id: Type.String(),
  expires_at: Type.String(),
  links: Type.Object({ self: Type.String(), roles: Type.String() }),
});

function view(base: string, token: AccessToken) {
  const self = `${base}/users/${token.userId}/OS-OAUTH1/access_tokens/${token.id}`;
  return {
    id: token.id,
    consumer_id: token.consumerId,
    project_id: token.projectId,
    authorizing_user_id: token.userId,
    expires_at: isoMicrosZ(token.expiresAt),
    links: { self, roles: `${self}/roles` },
  };
}

/** As OAuth answers it: a form. None of it has letters that a form would write otherwise. */
function form({ id, secret, expiresAt }: NewToken) {
  return {
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: `oauth_token=${id}&oauth_token_secret=${secret}&oauth_expires_at=${isoMicrosZ(expiresAt)}`,
  };
}

async function rolesOf(call: Call<{ user_id: string; access_token_id: string }>) {
  const { delegations } = call.cloud.identity;
  const { user_id, access_token_id } = call.params;
  return delegations.rolesOf(await delegations.get(call.subject, user_id, access_token_id));
}

/** How a program gets an access token of a user by OAuth 1.0, and what users have let programs do. */
export const oauthTokenOperations = [
  operation({
    ...signed,
    id: 'CreateRequestToken',
    method: 'POST',
    path: '/v3/OS-OAUTH1/request_token',
    responses: { 201: 'stream' },
    errors: [400, 401, 404],
    title: 'Create a request token',
    summary:
      'A consumer asks for the project in the header Requested-Project-Id. The header Authorization is signed by OAuth 1.0 ' +
      '(RFC 5849; HMAC-SHA1, HMAC-SHA256 or HMAC-SHA512) with its secret, and says the callback "oob".',
    examples: [{ title: 'Without a project', status: 400 }],
    handle: async (call) => {
      const project = call.raw.headers['requested-project-id'];
      if (typeof project !== 'string' || project === '' || project.length > 64) {
        throw new CloudError('invalid', 'The header Requested-Project-Id must name a project.', {
          field: 'Requested-Project-Id',
        });
      }
      return form(await call.cloud.identity.delegations.ask(signedRequest(call), project));
    },
  }),
  operation({
    ...own,
    id: 'AuthorizeRequestToken',
    method: 'PUT',
    path: '/v3/OS-OAUTH1/authorize/{request_token_id}',
    params: Type.Object({ request_token_id: Id }),
    body: Type.Object({
      roles: Type.Array(Type.Object({ id: Type.Optional(Id), name: Type.Optional(Name) }, closed), {
        minItems: 1,
        maxItems: 64,
      }),
    }),
    responses: { 200: Type.Object({ token: Type.Object({ oauth_verifier: Type.String() }) }) },
    errors: [400, 401, 403, 404],
    title: 'Authorize a request token',
    summary:
      'Lets a consumer act for oneself on the project that it asks for, with some of the roles one has there. The verifier ' +
      'is for the consumer. Not with a token that was delegated itself.',
    examples: [
      {
        title: 'With the role reader',
        params: { request_token_id: '29971d6b8d5f4a1f8a3e0b2c4d5e6f74' },
        body: { roles: [{ name: 'reader' }] },
        status: 200,
      },
    ],
    handle: async ({ cloud, subject, params, body }) => {
      const { verifier } = await cloud.identity.delegations.authorize(subject, params.request_token_id, body.roles);
      return { body: { token: { oauth_verifier: verifier } } };
    },
  }),
  operation({
    ...signed,
    id: 'CreateAccessToken',
    method: 'POST',
    path: '/v3/OS-OAUTH1/access_token',
    responses: { 201: 'stream' },
    errors: [401],
    title: 'Create an access token',
    summary:
      "A consumer trades an authorized request token and its verifier for an access token, once. Signed with the consumer's " +
      "secret and the request token's.",
    examples: [{ title: 'Without a signature', status: 401 }],
    handle: async (call) => form(await call.cloud.identity.delegations.grant(signedRequest(call))),
  }),
  operation({
    ...own,
    id: 'ListAccessTokens',
    method: 'GET',
    path: '/v3/users/{user_id}/OS-OAUTH1/access_tokens',
    params: UserParams,
    responses: { 200: listDocument('access_tokens', AccessTokenView) },
    errors: [401, 403],
    title: 'List access tokens',
    summary: 'What a user lets consumers do: for the user, and for administrators.',
    examples: [{ title: 'Of a user', params: { user_id: adminAccountId }, status: 200 }],
    handle: async (call) => {
      const tokens = await call.cloud.identity.delegations.list(call.subject, call.params.user_id);
      return list(call, 'access_tokens', tokens, view);
    },
  }),
  operation({
    ...own,
    id: 'ShowAccessToken',
    method: 'GET',
    path: '/v3/users/{user_id}/OS-OAUTH1/access_tokens/{access_token_id}',
    params: Params,
    responses: { 200: Type.Object({ access_token: AccessTokenView }) },
    errors: [401, 403, 404],
    title: 'Show an access token',
    summary: 'Without its secret.',
    examples: [{ title: 'By id', ...example, status: 200 }],
    handle: async (call) => {
      const { user_id, access_token_id } = call.params;
      const token = await call.cloud.identity.delegations.get(call.subject, user_id, access_token_id);
      return { body: { access_token: view(v3(call), token) } };
    },
  }),
  operation({
    ...own,
    id: 'DeleteAccessToken',
    method: 'DELETE',
    path: '/v3/users/{user_id}/OS-OAUTH1/access_tokens/{access_token_id}',
    params: Params,
    responses: { 204: null },
    errors: [401, 403, 404],
    title: 'Delete an access token',
    summary: 'Takes back what a consumer was let do, and ends the tokens that came of it.',
    examples: [{ title: 'By id', ...example, status: 204 }],
    handle: async ({ cloud, subject, params }) => {
      await cloud.identity.delegations.revoke(subject, params.user_id, params.access_token_id);
      return {};
    },
  }),
  operation({
    ...own,
    id: 'ListAccessTokenRoles',
    method: 'GET',
    path: '/v3/users/{user_id}/OS-OAUTH1/access_tokens/{access_token_id}/roles',
    params: Params,
    responses: { 200: listDocument('roles', RoleView) },
    errors: [401, 403, 404],
    title: 'List roles of an access token',
    summary: 'Those with which the consumer acts, as long as the user has them.',
    examples: [{ title: 'By id', ...example, status: 200 }],
    handle: async (call) => list(call, 'roles', await rolesOf(call), roleView),
  }),
  operation({
    ...own,
    id: 'ShowAccessTokenRole',
    method: 'GET',
    path: '/v3/users/{user_id}/OS-OAUTH1/access_tokens/{access_token_id}/roles/{role_id}',
    params: RoleParams,
    responses: { 200: Type.Object({ role: RoleView }) },
    errors: [401, 403, 404],
    title: 'Show a role of an access token',
    summary: '404 where the access token does not give it.',
    examples: [{ title: 'The role member', ...roleExample, status: 200 }],
    handle: async (call) => {
      const role = (await rolesOf(call)).find(({ id }) => id === call.params.role_id);
      if (role) return { body: { role: roleView(v3(call), role) } };
      throw new CloudError('not_found', `Could not find role: ${call.params.role_id}.`, { resource: 'role' });
    },
  }),
];
