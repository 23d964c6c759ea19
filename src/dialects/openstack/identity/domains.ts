import { Type } from 'typebox';
import { operation } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';
import { defaultDomainId } from '../../../cloud/identity/model.ts';
import { listedDomain, requireAdmin } from '../../../cloud/identity/subject.ts';
import { queryBoolean } from '../common/query.ts';
import { list, v3 } from './answers.ts';
import { DomainView, Id, listDocument, OptionsView, optional, ShortDescription, ShortName, Tags } from './schemas.ts';
import { unnamedMembers } from './unnamed-members.ts';
import { domainView } from './views.ts';

const Params = Type.Object({ domain_id: Id });
const Document = Type.Object({ domain: DomainView });

const NewDomain = Type.Object({
  name: ShortName,
  explicit_domain_id: Type.Optional(
    Type.String({ minLength: 1, maxLength: 64, description: 'Its id, which is chosen else: 32 hex digits.' }),
  ),
  description: optional(ShortDescription),
  enabled: Type.Optional(Type.Boolean()),
  tags: Type.Optional(Tags),
  options: Type.Optional(OptionsView),
});
const DomainChanges = Type.Object({
  name: Type.Optional(ShortName),
  description: optional(ShortDescription),
  enabled: Type.Optional(Type.Boolean()),
  tags: Type.Optional(Tags),
  options: Type.Optional(OptionsView),
});

const exampleView = {
  id: defaultDomainId,
  name: 'Default',
  description: 'The default domain',
  enabled: true,
  tags: [],
  options: {},
  links: { self: 'http://cloud.example/identity/v3/domains/default' },
};

export const domainOperations = [
  operation({
    id: 'ListDomains',
    dialect: 'identity',
    group: 'domains',
    method: 'GET',
    path: '/v3/domains',
    mode: 'sync',
    allow: 'domainReader',
    query: Type.Object({ name: Type.Optional(Type.String()), enabled: Type.Optional(Type.String()) }),
    responses: { 200: listDocument('domains', DomainView) },
    errors: [401, 403],
    title: 'List domains',
    summary: 'Lists all domains, or those that fit all filters.',
    examples: [{ title: 'All', status: 200 }],
    handle: async (call) => {
      const filters = { name: call.query.name, enabled: queryBoolean(call.query.enabled) };
      const id = listedDomain(call.subject, undefined, 'list_domains');
      return list(call, 'domains', await call.cloud.identity.domains.list({ ...filters, id }), domainView);
    },
  }),
  operation({
    id: 'CreateDomain',
    dialect: 'identity',
    group: 'domains',
    method: 'POST',
    path: '/v3/domains',
    mode: 'sync',
    allow: 'admin',
    body: Type.Object({ domain: NewDomain }),
    responses: { 201: Document },
    errors: [400, 401, 403, 409],
    title: 'Create a domain',
    summary: 'Creates a name space for users and projects.',
    examples: [{ title: 'Create', body: { domain: { name: 'partners' } }, status: 201 }],
    handle: async (call) => {
      const { name, explicit_domain_id: id, description, enabled, tags, options } = call.body.domain;
      if (id !== undefined && !/^[0-9a-f]{32}$/.test(id)) {
        throw new CloudError('invalid', 'Domain ID does not conform to the required UUID hex format.');
      }
      const extra = unnamedMembers(call.body.domain, NewDomain, DomainView);
      const wanted = { id, name, description: description ?? undefined, enabled, tags, options, extra };
      const domain = await call.cloud.identity.domains.create(call.subject, wanted);
      return { body: { domain: domainView(v3(call), domain) } };
    },
  }),
  operation({
    id: 'ShowDomain',
    dialect: 'identity',
    group: 'domains',
    method: 'GET',
    path: '/v3/domains/{domain_id}',
    mode: 'sync',
    allow: 'authenticated',
    params: Params,
    responses: { 200: Document },
    errors: [401, 403, 404],
    title: 'Show a domain',
    summary: "Shows a domain: the token's own, or as an administrator any.",
    examples: [
      {
        title: 'The default domain',
        params: { domain_id: defaultDomainId },
        status: 200,
        response: { domain: exampleView },
      },
    ],
    handle: async (call) => {
      const { subject, params } = call;
      if (subject.domainId !== params.domain_id) requireAdmin(subject, 'get_domain');
      return { body: { domain: domainView(v3(call), await call.cloud.identity.domains.get(params.domain_id)) } };
    },
  }),
  operation({
    id: 'UpdateDomain',
    dialect: 'identity',
    group: 'domains',
    method: 'PATCH',
    path: '/v3/domains/{domain_id}',
    mode: 'sync',
    allow: 'admin',
    params: Params,
    body: Type.Object({ domain: DomainChanges }),
    responses: { 200: Document },
    errors: [400, 401, 403, 404, 409],
    title: 'Update a domain',
    summary: 'Changes name or description, or disables the domain: then all tokens of its users and projects end.',
    examples: [
      {
        title: 'Describe it',
        params: { domain_id: defaultDomainId },
        body: { domain: { description: 'The default domain' } },
        status: 200,
      },
    ],
    handle: async (call) => {
      const { name, description, enabled, tags, options } = call.body.domain;
      const extra = unnamedMembers(call.body.domain, DomainChanges, DomainView);
      const changes = { name, description: description === null ? '' : description, enabled, tags, options, extra };
      const domain = await call.cloud.identity.domains.update(call.subject, call.params.domain_id, changes);
      return { body: { domain: domainView(v3(call), domain) } };
    },
  }),
  operation({
    id: 'DeleteDomain',
    dialect: 'identity',
    group: 'domains',
    method: 'DELETE',
    path: '/v3/domains/{domain_id}',
    mode: 'sync',
    allow: 'admin',
    params: Params,
    responses: { 204: null },
    errors: [401, 403, 404],
    title: 'Delete a domain',
    summary: 'Deletes a disabled domain with its users and projects.',
    examples: [{ title: 'Delete', params: { domain_id: 'a2c4e6f8b1d3457f9e0a2b4c6d8e0f12' }, status: 204 }],
    handle: async (call) => {
      await call.cloud.identity.domains.delete(call.subject, call.params.domain_id);
      return {};
    },
  }),
];
