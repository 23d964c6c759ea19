import { Type } from 'typebox';
import { type Call, operation } from '../../../api/operation.ts';
import type { Credential, Ec2Credential } from '../../../cloud/identity/credentials.ts';
import { adminAccountId } from '../../../cloud/identity/model.ts';
import { list, v3 } from './answers.ts';
import { Id, listDocument, nullable, optional, SelfLink } from './schemas.ts';

const common = { dialect: 'identity', group: 'credentials', mode: 'sync', allow: 'authenticated' } as const;
const Params = Type.Object({ credential_id: Type.String({ minLength: 1, maxLength: 64 }) });
const exampleId = '207e9b76935efc03804d3dd6ab52d22e9b22a0711e4ada4ff8b76165a07311d7';
const example = { params: { credential_id: exampleId } };
const CredentialView = Type.Object({
  id: Type.String(),
  user_id: Type.String(),
  project_id: nullable(Type.String()),
  type: Type.String(),
  blob: Type.String(),
  links: SelfLink,
});
const Document = Type.Object({ credential: CredentialView });

function view(base: string, { id, userId, projectId, type, blob }: Credential) {
  return { id, user_id: userId, project_id: projectId, type, blob, links: { self: `${base}/credentials/${id}` } };
}

export const credentialOperations = [
  operation({
    ...common,
    id: 'ListCredentials',
    method: 'GET',
    path: '/v3/credentials',
    query: Type.Object({ user_id: Type.Optional(Type.String()), type: Type.Optional(Type.String()) }),
    responses: { 200: listDocument('credentials', CredentialView) },
    errors: [401],
    title: 'List credentials',
    summary: "Secrets that users keep here for other programs: one's own; all for administrators.",
    examples: [{ title: 'By type', query: { type: 'ec2' }, status: 200 }],
    handle: async (call) => {
      const filters = { userId: call.query.user_id, type: call.query.type };
      return list(call, 'credentials', await call.cloud.identity.credentials.list(call.subject, filters), view);
    },
  }),
  operation({
    ...common,
    id: 'CreateCredential',
    method: 'POST',
    path: '/v3/credentials',
    body: Type.Object({
      credential: Type.Object({
        id: Type.Optional(Type.String({ description: 'Follows from what it is.' })),
        user_id: Id,
        project_id: optional(Id),
        type: Type.String({ minLength: 1, maxLength: 255 }),
        blob: Type.String({ maxLength: 65535 }),
      }),
    }),
    responses: { 201: Document },
    errors: [400, 401, 403, 404, 409],
    title: 'Create a credential',
    summary: 'Keeps a secret.',
    examples: [
      {
        title: 'A certificate',
        body: { credential: { user_id: adminAccountId, type: 'cert', blob: '-----BEGIN' } },
        status: 201,
      },
    ],
    handle: async (call) => {
      const { user_id, project_id, type, blob } = call.body.credential;
      const wanted = { userId: user_id, projectId: project_id ?? null, type, blob };
      const made = await call.cloud.identity.credentials.create(call.subject, wanted);
      return { body: { credential: view(v3(call), made) } };
    },
  }),
  operation({
    ...common,
    id: 'ShowCredential',
    method: 'GET',
    path: '/v3/credentials/{credential_id}',
    params: Params,
    responses: { 200: Document },
    errors: [401, 404],
    title: 'Show a credential',
    summary: 'With its secret.',
    examples: [{ title: 'By id', ...example, status: 200 }],
    handle: async (call) => {
      const found = await call.cloud.identity.credentials.get(call.subject, call.params.credential_id);
      return { body: { credential: view(v3(call), found) } };
    },
  }),
  operation({
    ...common,
    id: 'UpdateCredential',
    method: 'PATCH',
    path: '/v3/credentials/{credential_id}',
    params: Params,
    body: Type.Object({
      credential: Type.Object({
        user_id: Type.Optional(Id),
        project_id: optional(Id),
        type: Type.Optional(Type.String({ minLength: 1, maxLength: 255 })),
        blob: Type.Optional(Type.String({ maxLength: 65535 })),
      }),
    }),
    responses: { 200: Document },
    errors: [400, 401, 403, 404],
    title: 'Update a credential',
    summary: 'Changes what is kept.',
    examples: [{ title: 'Another secret', ...example, body: { credential: { blob: 'secret' } }, status: 200 }],
    handle: async (call) => {
      const { user_id, project_id, type, blob } = call.body.credential;
      const changes = { userId: user_id, projectId: project_id, type, blob };
      const id = call.params.credential_id;
      const changed = await call.cloud.identity.credentials.update(call.subject, id, changes);
      return { body: { credential: view(v3(call), changed) } };
    },
  }),
  operation({
    ...common,
    id: 'DeleteCredential',
    method: 'DELETE',
    path: '/v3/credentials/{credential_id}',
    params: Params,
    responses: { 204: null },
    errors: [401, 403, 404],
    title: 'Delete a credential',
    summary: 'It is kept no longer.',
    examples: [{ title: 'By id', ...example, status: 204 }],
    handle: async ({ cloud, subject, params }) => {
      await cloud.identity.credentials.delete(subject, params.credential_id);
      return {};
    },
  }),
];

const Ec2View = Type.Object({
  access: Type.String(),
  secret: Type.String(),
  user_id: Type.String(),
  tenant_id: Type.String(),
  trust_id: nullable(Type.String()),
  links: SelfLink,
});
const Ec2Document = Type.Object({ credential: Ec2View });
const UserParams = Type.Object({ user_id: Id });
const Ec2Params = Type.Object({ user_id: Id, credential_id: Type.String({ minLength: 1, maxLength: 64 }) });
const userExample = { params: { user_id: adminAccountId } };
const ec2Example = { params: { user_id: adminAccountId, credential_id: 'f79cc0b4a3ae4d3f8d1ffa5e0b7d6c21' } };

function ec2View(base: string, { access, secret, userId, projectId, trustId }: Ec2Credential) {
  const links = { self: `${base}/users/${userId}/credentials/OS-EC2/${access}` };
  return { access, secret, user_id: userId, tenant_id: projectId, trust_id: trustId, links };
}

function ec2Document(call: Pick<Call, 'base'>, credential: Ec2Credential) {
  return { credential: ec2View(v3(call), credential) };
}

export const ec2CredentialOperations = [
  operation({
    ...common,
    id: 'ListEc2Credentials',
    method: 'GET',
    path: '/v3/users/{user_id}/credentials/OS-EC2',
    params: UserParams,
    responses: { 200: listDocument('credentials', Ec2View) },
    errors: [401, 403],
    title: 'List EC2 credentials',
    summary: 'Keys for programs that sign their requests.',
    examples: [{ title: "One's own", ...userExample, status: 200 }],
    handle: async (call) =>
      list(
        call,
        'credentials',
        await call.cloud.identity.credentials.listEc2(call.subject, call.params.user_id),
        ec2View,
      ),
  }),
  operation({
    ...common,
    id: 'CreateEc2Credential',
    method: 'POST',
    path: '/v3/users/{user_id}/credentials/OS-EC2',
    params: UserParams,
    body: Type.Object({ tenant_id: Id }),
    responses: { 201: Ec2Document },
    errors: [400, 401, 403, 404],
    title: 'Create an EC2 credential',
    summary: 'Makes a pair of keys for a project.',
    examples: [{ title: 'For a project', ...userExample, body: { tenant_id: adminAccountId }, status: 201 }],
    handle: async (call) => {
      const { credentials } = call.cloud.identity;
      return {
        body: ec2Document(call, await credentials.createEc2(call.subject, call.params.user_id, call.body.tenant_id)),
      };
    },
  }),
  operation({
    ...common,
    id: 'ShowEc2Credential',
    method: 'GET',
    path: '/v3/users/{user_id}/credentials/OS-EC2/{credential_id}',
    params: Ec2Params,
    responses: { 200: Ec2Document },
    errors: [401, 403, 404],
    title: 'Show an EC2 credential',
    summary: 'By its access key.',
    examples: [{ title: 'By key', ...ec2Example, status: 200 }],
    handle: async (call) => {
      const { user_id, credential_id } = call.params;
      const found = await call.cloud.identity.credentials.getEc2(call.subject, user_id, credential_id);
      return { body: ec2Document(call, found) };
    },
  }),
  operation({
    ...common,
    id: 'DeleteEc2Credential',
    method: 'DELETE',
    path: '/v3/users/{user_id}/credentials/OS-EC2/{credential_id}',
    params: Ec2Params,
    responses: { 204: null },
    errors: [401, 403, 404],
    title: 'Delete an EC2 credential',
    summary: 'By its access key.',
    examples: [{ title: 'By key', ...ec2Example, status: 204 }],
    handle: async ({ cloud, subject, params }) => {
      await cloud.identity.credentials.deleteEc2(subject, params.user_id, params.credential_id);
      return {};
    },
  }),
];
