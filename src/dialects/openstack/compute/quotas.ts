import { Type } from 'typebox';
import { type Call, operation } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';
import type { Limits } from '../../../cloud/quotas/quotas.ts';
import { type CountedQuota, isCounted } from '../../../cloud/quotas/usage.ts';
import type { QuotaName } from '../../../cloud/settings.ts';
import { parseId } from '../../../env/env.ts';
import { minorOf } from './microversions.ts';
import { BooleanOrWord, booleanOf, closed, integerOf, lastOf, NumberOrText, queryText } from './wire.ts';

/** Nova's name → the engine's. */
const names: Record<string, QuotaName> = {
  instances: 'instances',
  cores: 'cores',
  ram: 'ram_mb',
  metadata_items: 'metadata_items',
  key_pairs: 'keypairs',
  server_groups: 'server_groups',
  server_group_members: 'server_group_members',
};
/** Those of the network, which Nova told and set up to 2.35. */
const networkNames: Record<string, QuotaName> = {
  security_groups: 'security_groups',
  security_group_rules: 'security_group_rules',
};

/** Those of files that are put into new servers, up to 2.56. */
const fileNames: Record<string, QuotaName> = {
  injected_files: 'injected_files',
  injected_file_content_bytes: 'injected_file_content_bytes',
  injected_file_path_bytes: 'injected_file_path_bytes',
};
/** Those of addresses, up to 2.35. */
const addressNames: Record<string, QuotaName> = { fixed_ips: 'fixed_ips', floating_ips: 'server_floating_ips' };

type Names = Record<string, QuotaName>;

/** @param lastWithNetwork the newest minor version that knows limits of networks */
function namesUpTo(lastWithNetwork: number, minor: number): Names {
  return {
    ...names,
    ...(minor < 57 ? fileNames : {}),
    ...(minor <= lastWithNetwork ? { ...networkNames, ...addressNames } : {}),
  };
}

const namesAt = (minor: number) => namesUpTo(35, minor);
/** Those that go back to the defaults: all of compute's, and those of the network where they are told. */
const resetAt = (minor: number): Names => ({ ...namesAt(minor), ...fileNames, ...addressNames });
/** Classes lost those of the network later. */
export const classNamesAt = (minor: number) => namesUpTo(49, minor);

const allNames = Object.keys(namesAt(1));
export const quotaSchema = Type.Object({
  id: Type.Optional(Type.String()),
  ...Object.fromEntries(allNames.map((name) => [name, Type.Optional(Type.Integer())])),
});
const QuotaDocument = Type.Object({ quota_set: quotaSchema });
const Detail = Type.Object({ in_use: Type.Integer(), limit: Type.Integer(), reserved: Type.Integer() });
const DetailDocument = Type.Object({
  quota_set: Type.Object({
    id: Type.String(),
    ...Object.fromEntries(allNames.map((name) => [name, Type.Optional(Detail)])),
  }),
});
export const Changes = closed({
  quota_set: closed({
    tenant_id: Type.Optional(Type.String()),
    force: Type.Optional(BooleanOrWord),
    ...Object.fromEntries(allNames.map((name) => [name, Type.Optional(NumberOrText)])),
  }),
});

const Params = Type.Object({ id: Type.String({ description: 'The project.' }) });
const params = { id: '36c27e8ff05c4780bf6d2fa65700f22e' };
const common = { dialect: 'compute', group: 'quotas', since: '2.1', mode: 'sync', params: Params } as const;

/** K5 counts servers by zone. */
export const zoneQuery = queryText('What holds in this zone alone: servers, cores and memory. As K5 has it.');
const Query = Type.Object({ availability_zone: zoneQuery });

/** The limits of a project, or those in one zone. */
export function limitsOf({ cloud, subject }: Pick<Call, 'cloud' | 'subject'>, project: string, zone?: string) {
  return zone === undefined ? cloud.quotas.limits(subject, project) : cloud.quotas.zones.limits(subject, project, zone);
}

/** What a project has, or has in one zone. */
export function usageOf({ cloud, subject }: Pick<Call, 'cloud' | 'subject'>, project: string, zone?: string) {
  return zone === undefined ? cloud.quotas.usage(subject, project) : cloud.quotas.zones.usage(subject, project, zone);
}

function projectOf(text: string): string {
  const id = parseId(text);
  if (id !== undefined) return id;
  throw new CloudError('invalid', `Project ID ${text} is not a valid project.`, { field: 'project_id' });
}

export function quotaView(limits: Limits, shown: Names) {
  const own = Object.entries(shown).map(([name, quota]) => [name, limits[quota]]);
  return Object.fromEntries(own) as Record<string, number>;
}

export const quotaOperations = [
  operation({
    ...common,
    id: 'ShowQuota',
    method: 'GET',
    path: '/os-quota-sets/{id}',
    allow: 'reader',
    responses: { 200: QuotaDocument },
    errors: [400, 401, 403],
    title: 'Show quotas of a project',
    summary: 'How much the project may have of each; -1 for no limit.',
    examples: [{ title: 'Of the project admin', params, status: 200 }],
    query: Query,
    async handle(call) {
      const { id } = call.params;
      const limits = await limitsOf(call, projectOf(id), lastOf(call.query.availability_zone));
      const { context } = call;
      return { body: { quota_set: { id, ...quotaView(limits, namesAt(minorOf(context))) } } };
    },
  }),
  operation({
    ...common,
    id: 'ShowDefaultQuota',
    method: 'GET',
    path: '/os-quota-sets/{id}/defaults',
    allow: 'reader',
    responses: { 200: QuotaDocument },
    errors: [401, 403],
    title: 'Show default quotas',
    summary: 'What projects may have that have no quotas of their own.',
    examples: [{ title: 'For any project', params, status: 200 }],
    handle: async ({ cloud, params: { id }, context }) => ({
      body: { quota_set: { id, ...quotaView(await cloud.quotas.defaultLimits(), namesAt(minorOf(context))) } },
    }),
  }),
  operation({
    ...common,
    id: 'ShowQuotaDetails',
    method: 'GET',
    path: '/os-quota-sets/{id}/detail',
    allow: 'reader',
    responses: { 200: DetailDocument },
    errors: [400, 401, 403],
    title: 'Show quotas of a project with their use',
    summary: 'How much the project may have of each, and has.',
    examples: [{ title: 'Of the project admin', params, status: 200 }],
    query: Query,
    async handle(call) {
      const { id } = call.params;
      const project = projectOf(id);
      const minor = minorOf(call.context);
      const zone = lastOf(call.query.availability_zone);
      const used = await usageOf(call, project, zone);
      const quotas = namesAt(minor);
      const inUse = (name: string) => {
        const quota = quotas[name];
        return quota !== undefined && isCounted(quota) ? used[quota as CountedQuota] : 0;
      };
      const limits = Object.entries(quotaView(await limitsOf(call, project, zone), quotas));
      const details = limits.map(([name, limit]) => [name, { in_use: inUse(name), limit, reserved: 0 }]);
      return { body: { quota_set: { id, ...Object.fromEntries(details) } } };
    },
  }),
  operation({
    ...common,
    id: 'UpdateQuota',
    method: 'PUT',
    path: '/os-quota-sets/{id}',
    allow: 'admin',
    query: Query,
    body: Changes,
    responses: { 200: QuotaDocument },
    errors: [400, 401, 403],
    title: 'Update quotas of a project',
    summary:
      'Sets limits; those that are not named stay. With force they may be below what the project has: then it gets no more.',
    examples: [{ title: 'Servers and cores', params, body: { quota_set: { instances: 20, cores: 40 } }, status: 200 }],
    async handle({ cloud, subject, params: { id }, query, body, context }) {
      const project = projectOf(id);
      const minor = minorOf(context);
      const changes = changesOf(body.quota_set as Record<string, number | string>, namesAt(minor));
      const zone = lastOf(query.availability_zone);
      const { quotas } = cloud;
      const { force } = body.quota_set;
      const isForced = force !== undefined && booleanOf('force', force);
      const judge = (used: Usage) => refuseBelow(used, changes, minor);
      const limits = await (zone === undefined
        ? quotas.setLimits(subject, project, changes, isForced ? undefined : judge)
        : quotas.zones.setLimits(subject, project, zone, changes));
      return { body: { quota_set: quotaView(limits, namesAt(minor)) } };
    },
  }),
  operation({
    ...common,
    id: 'DeleteQuota',
    method: 'DELETE',
    path: '/os-quota-sets/{id}',
    allow: 'admin',
    query: Query,
    responses: { 202: null },
    errors: [400, 401, 403],
    title: 'Revert quotas of a project',
    summary: 'Gives the project the default limits again.',
    examples: [{ title: 'Of the project admin', params, status: 202 }],
    async handle({ cloud, subject, params: { id }, query, context }) {
      const zone = lastOf(query.availability_zone);
      const own = Object.values(resetAt(minorOf(context)));
      if (zone === undefined) await cloud.quotas.resetLimits(subject, projectOf(id), own);
      else await cloud.quotas.zones.reset(subject, projectOf(id), zone);
      return {};
    },
  }),
];

type Usage = Partial<Record<CountedQuota, number>>;

/** Throws `invalid`, in Nova's words, for a limit below what the project has. */
function refuseBelow(used: Usage, changes: Partial<Limits>, minor: number): void {
  for (const [name, quota] of Object.entries(namesAt(minor))) {
    const limit = changes[quota];
    const has = isCounted(quota) ? (used[quota] ?? 0) : 0;
    if (limit === undefined || limit < 0 || limit >= has) continue;
    const words = `Quota limit ${limit} for ${name} must be greater than or equal to already used and reserved ${has}.`;
    throw new CloudError('invalid', words, { field: name });
  }
}

/** Throws `invalid` for a limit that is not among those that the microversion knows. */
export function changesOf(wanted: Record<string, number | string>, known: Names): Partial<Limits> {
  const changes: Partial<Limits> = {};
  for (const [name, value] of Object.entries(wanted)) {
    if (name === 'force' || name === 'tenant_id') continue;
    const limit = integerOf(name, value, -1);
    const quota = known[name];
    if (quota === undefined) throw new CloudError('invalid', `The limit of ${name} can't be changed.`, { field: name });
    changes[quota] = limit;
  }
  return changes;
}
