import { Type } from 'typebox';
import { type Call, operation } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';
import type { DomainConfig } from '../../../cloud/identity/domain-option-defaults.ts';
import type { ConfigPart } from '../../../cloud/identity/domain-options.ts';
import { defaultDomainId } from '../../../cloud/identity/model.ts';
import { mayReadIdentity, requireAdmin } from '../../../cloud/identity/subject.ts';
import { Id } from './schemas.ts';

const Name = Type.String({ minLength: 1, maxLength: 255 });
const Config = Type.Unsafe<DomainConfig>({
  type: 'object',
  additionalProperties: true,
  description: 'Groups (`identity`, `ldap`) with their options; of one option only its value under its name.',
});
const Document = Type.Object({ config: Config });
const common = { dialect: 'identity', group: 'domain configuration', mode: 'sync' } as const;
const example = { identity: { driver: 'ldap' }, ldap: { url: 'ldap://directory.example' } };
const compliance = 'security_compliance';

interface PartParams {
  domain_id: string;
  group?: string;
  option?: string;
}

/** Whole configurations, one group, and one option. */
const parts = [
  { word: '', of: 'the configuration', path: '', params: Type.Object({ domain_id: Id }), part: {}, body: example },
  {
    word: 'Group',
    of: 'a group of the configuration',
    path: '/{group}',
    params: Type.Object({ domain_id: Id, group: Name }),
    part: { group: 'ldap' },
    body: { ldap: { url: 'ldap://directory.example' } },
  },
  {
    word: 'Option',
    of: 'an option of the configuration',
    path: '/{group}/{option}',
    params: Type.Object({ domain_id: Id, group: Name, option: Name }),
    part: { group: 'ldap', option: 'url' },
    body: { url: 'ldap://directory.example' },
  },
] as const;

/** An option alone stands without its group, as Keystone has it. */
function bodyOf(config: DomainConfig, { group, option }: ConfigPart) {
  return { body: { config: group !== undefined && option !== undefined ? config[group] : config } };
}

/** What Keystone shows to everybody: the rule for passwords, which is that of the whole cloud. */
function passwordRule(call: Pick<Call, 'cloud'>, domainId: string, option: string | undefined): DomainConfig {
  if (domainId !== defaultDomainId) {
    throw refused(
      'Reading security compliance information for any domain other than the default domain is not allowed',
    );
  }
  const { passwordRegex, passwordRegexDescription } = call.cloud.settings.securityCompliance;
  const rule: Record<string, unknown> = {
    password_regex: passwordRegex ?? null,
    password_regex_description: passwordRegexDescription ?? null,
  };
  if (option === undefined) return { [compliance]: rule };
  if (!Object.hasOwn(rule, option)) {
    const known = Object.keys(rule).join(' and ');
    throw refused(`Reading security compliance values other than ${known} is not allowed`);
  }
  return { [compliance]: { [option]: rule[option] } };
}

function refused(reason: string): CloudError {
  return new CloudError('forbidden', `Invalid domain specific configuration: ${reason}.`);
}

export const domainConfigOperations = [
  operation({
    ...common,
    id: 'CreateDomainConfig',
    method: 'PUT',
    path: '/v3/domains/{domain_id}/config',
    allow: 'admin',
    params: Type.Object({ domain_id: Id }),
    body: Type.Object({ config: Config }),
    responses: { 201: Document, 200: Document },
    errors: [400, 401, 403, 404],
    title: 'Configure a domain',
    summary: 'Puts a configuration in the place of what there was. It is kept for clients: no directory is asked.',
    examples: [{ title: 'A directory', params: { domain_id: 'partners' }, body: { config: example }, status: 201 }],
    handle: async ({ cloud, subject, params, body }) => {
      const { config, isNew } = await cloud.identity.domainOptions.replace(subject, params.domain_id, body.config);
      return { status: isNew ? 201 : 200, body: { config } };
    },
  }),
  ...parts.flatMap(({ word, of, path, params, part, body }) => [
    operation({
      ...common,
      id: `ShowDomainConfig${word}`,
      method: 'GET',
      path: `/v3/domains/{domain_id}/config${path}`,
      // Everybody may know the rule for passwords.
      allow: word === '' ? 'systemReader' : 'authenticated',
      params,
      responses: { 200: Document },
      errors: [401, 403, 404],
      title: `Show ${of} of a domain`,
      summary: 'What was set. Passwords are not shown.',
      examples: [{ title: 'Of a domain', params: { domain_id: 'partners', ...part }, status: 200 }],
      handle: async (call) => {
        const { domain_id, ...named } = call.params as PartParams;
        if (named.group === compliance) return bodyOf(passwordRule(call, domain_id, named.option), named);
        if (!mayReadIdentity(call.subject)) requireAdmin(call.subject, 'get_domain_config');
        return bodyOf(await call.cloud.identity.domainOptions.show(domain_id, named), named);
      },
    }),
    operation({
      ...common,
      id: `UpdateDomainConfig${word}`,
      method: 'PATCH',
      path: `/v3/domains/{domain_id}/config${path}`,
      allow: 'admin',
      params,
      body: Type.Object({ config: Config }),
      responses: { 200: Document },
      errors: [400, 401, 403, 404],
      title: `Update ${of} of a domain`,
      summary: 'Sets what is given and leaves the rest; the answer is the whole configuration.',
      examples: [{ title: 'Another', params: { domain_id: 'partners', ...part }, body: { config: body }, status: 200 }],
      handle: async (call) => {
        const { domain_id, ...named } = call.params as PartParams;
        const { config } = call.body;
        const given = named.option === undefined ? config : { [named.group!]: config };
        const { domainOptions } = call.cloud.identity;
        return { body: { config: await domainOptions.update(call.subject, domain_id, named, given) } };
      },
    }),
    operation({
      ...common,
      id: `DeleteDomainConfig${word}`,
      method: 'DELETE',
      path: `/v3/domains/{domain_id}/config${path}`,
      allow: 'admin',
      params,
      responses: { 204: null },
      errors: [401, 403, 404],
      title: `Delete ${of} of a domain`,
      summary: 'The defaults hold then.',
      examples: [{ title: 'Of a domain', params: { domain_id: 'partners', ...part }, status: 204 }],
      handle: async (call) => {
        const { domain_id, ...named } = call.params as PartParams;
        await call.cloud.identity.domainOptions.delete(call.subject, domain_id, named);
        return {};
      },
    }),
    operation({
      ...common,
      id: `ShowDefaultDomainConfig${word}`,
      method: 'GET',
      path: `/v3/domains/config${path}/default`,
      allow: 'systemReader',
      params: Type.Object(word === '' ? {} : word === 'Group' ? { group: Name } : { group: Name, option: Name }),
      responses: { 200: Document },
      errors: [401, 403],
      title: `Show ${of} that holds by default`,
      summary: 'What holds where a domain says nothing.',
      examples: [{ title: 'By default', params: part, status: 200 }],
      handle: (call) => {
        const named = call.params as ConfigPart;
        return bodyOf(call.cloud.identity.domainOptions.defaults(named), named);
      },
    }),
  ]),
];
