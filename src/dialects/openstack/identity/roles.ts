import { Type } from 'typebox';
import { operation } from '../../../api/operation.ts';
import { builtInRoleIds } from '../../../cloud/identity/model.ts';
import { withImplied } from '../../../cloud/identity/roles.ts';
import { list, v3 } from './answers.ts';
import { Description, Id, listDocument, Name, optional, RoleView, SelfLink } from './schemas.ts';
import { roleView } from './views.ts';

const Params = Type.Object({ role_id: Id });
const Document = Type.Object({ role: RoleView });
const RoleReference = Type.Object({ id: Type.String(), name: Type.String(), links: SelfLink });

export const roleOperations = [
  operation({
    id: 'ListRoles',
    dialect: 'identity',
    group: 'roles',
    method: 'GET',
    path: '/v3/roles',
    mode: 'sync',
    allow: 'admin',
    query: Type.Object({
      name: Type.Optional(Type.String()),
      domain_id: Type.Optional(
        Type.String({ description: 'No role belongs to a domain here: the list is empty then.' }),
      ),
    }),
    responses: { 200: listDocument('roles', RoleView) },
    errors: [401, 403],
    title: 'List roles',
    summary: 'Lists the roles that may be given.',
    examples: [{ title: 'All', status: 200 }],
    handle: async (call) => {
      const { name, domain_id } = call.query;
      return list(call, 'roles', domain_id ? [] : await call.cloud.identity.roles.list({ name }), roleView);
    },
  }),
  operation({
    id: 'CreateRole',
    dialect: 'identity',
    group: 'roles',
    method: 'POST',
    path: '/v3/roles',
    mode: 'sync',
    allow: 'admin',
    body: Type.Object({ role: Type.Object({ name: Name, description: optional(Description) }) }),
    responses: { 201: Document },
    errors: [400, 401, 403, 409],
    title: 'Create a role',
    summary: "Creates a role. The cloud's own rules know only admin, manager, member and reader.",
    examples: [{ title: 'Create', body: { role: { name: 'auditor' } }, status: 201 }],
    handle: async (call) => {
      const { name, description } = call.body.role;
      const wanted = { name, description: description ?? undefined };
      const role = await call.cloud.identity.roles.create(call.subject, wanted);
      return { body: { role: roleView(v3(call), role) } };
    },
  }),
  operation({
    id: 'ShowRole',
    dialect: 'identity',
    group: 'roles',
    method: 'GET',
    path: '/v3/roles/{role_id}',
    mode: 'sync',
    allow: 'admin',
    params: Params,
    responses: { 200: Document },
    errors: [401, 403, 404],
    title: 'Show a role',
    summary: 'Shows a role.',
    examples: [{ title: 'The role member', params: { role_id: builtInRoleIds.member }, status: 200 }],
    handle: async (call) => {
      const role = await call.cloud.identity.roles.get(call.params.role_id);
      return { body: { role: roleView(v3(call), role) } };
    },
  }),
  operation({
    id: 'UpdateRole',
    dialect: 'identity',
    group: 'roles',
    method: 'PATCH',
    path: '/v3/roles/{role_id}',
    mode: 'sync',
    allow: 'admin',
    params: Params,
    body: Type.Object({ role: Type.Object({ name: Type.Optional(Name), description: optional(Description) }) }),
    responses: { 200: Document },
    errors: [400, 401, 403, 404, 409],
    title: 'Update a role',
    summary: 'Renames or describes a role. The built-in ones stay as they are.',
    examples: [
      {
        title: 'Describe it',
        params: { role_id: 'c3e5a7f9b1d2468fa0c2e4b6d8f01324' },
        body: { role: { description: 'Reads everything' } },
        status: 200,
      },
    ],
    handle: async (call) => {
      const { name, description } = call.body.role;
      const changes = { name, description: description === null ? '' : description };
      const role = await call.cloud.identity.roles.update(call.subject, call.params.role_id, changes);
      return { body: { role: roleView(v3(call), role) } };
    },
  }),
  operation({
    id: 'DeleteRole',
    dialect: 'identity',
    group: 'roles',
    method: 'DELETE',
    path: '/v3/roles/{role_id}',
    mode: 'sync',
    allow: 'admin',
    params: Params,
    responses: { 204: null },
    errors: [401, 403, 404],
    title: 'Delete a role',
    summary: 'Takes a role from everyone who has it, and deletes it. The built-in ones stay.',
    examples: [{ title: 'Delete', params: { role_id: 'c3e5a7f9b1d2468fa0c2e4b6d8f01324' }, status: 204 }],
    handle: async (call) => {
      await call.cloud.identity.roles.delete(call.subject, call.params.role_id);
      return {};
    },
  }),
  operation({
    id: 'ListRoleInferences',
    dialect: 'identity',
    group: 'roles',
    method: 'GET',
    path: '/v3/role_inferences',
    mode: 'sync',
    allow: 'admin',
    responses: {
      200: Type.Object({
        role_inferences: Type.Array(Type.Object({ prior_role: RoleReference, implies: Type.Array(RoleReference) })),
        links: SelfLink,
      }),
    },
    errors: [401, 403],
    title: 'List what roles imply',
    summary: 'Tells which roles come with which: admin implies manager, manager member, member reader.',
    examples: [{ title: 'All', status: 200 }],
    handle: async (call) => {
      const roles = await call.cloud.identity.roles.list();
      const role_inferences = roles.flatMap((prior) => {
        const next = roles.find(({ name }) => name === withImplied([prior.name])[1]);
        return next ? [{ prior_role: roleView(v3(call), prior), implies: [roleView(v3(call), next)] }] : [];
      });
      return { body: { role_inferences, links: { self: call.origin + call.raw.url } } };
    },
  }),
];
