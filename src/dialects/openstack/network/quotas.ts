import { type TSchema, Type } from 'typebox';
import { operation } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';
import type { Limits } from '../../../cloud/quotas/quotas.ts';
import type { QuotaName } from '../../../cloud/settings.ts';
import { Body, idInPath } from './wire.ts';

/** Neutron's name → the engine's. */
const names = {
  network: 'networks',
  subnet: 'subnets',
  subnetpool: 'subnet_pools',
  port: 'ports',
  security_group: 'security_groups',
  security_group_rule: 'security_group_rules',
  router: 'routers',
  floatingip: 'floating_ips',
  rbac_policy: 'rbac_policies',
} as const satisfies Record<string, QuotaName>;

type NeutronQuota = keyof typeof names;
const neutronNames = Object.keys(names) as NeutronQuota[];

function each(schema: TSchema): Record<NeutronQuota, TSchema> {
  return Object.fromEntries(neutronNames.map((name) => [name, schema])) as Record<NeutronQuota, TSchema>;
}

const QuotaDocument = Type.Object({ quota: Type.Object(each(Type.Integer())) });
const Detail = Type.Object({ limit: Type.Integer(), used: Type.Integer(), reserved: Type.Integer() });
const DetailsDocument = Type.Object({ quota: Type.Object(each(Detail)) });

const Changes = Body({
  ...each(Type.Optional(Type.Integer({ minimum: -1 }))),
  check_limit: Type.Optional(Type.Boolean({ description: 'Refuses limits below what the project has.' })),
  force: Type.Optional(Type.Boolean({ description: 'Takes them all the same, as is usual.' })),
});

const Params = Type.Object({ project_id: Type.String() });
const common = { dialect: 'network', group: 'quotas', mode: 'sync', params: Params } as const;
const example = { title: 'Of the project admin', params: { project_id: '36c27e8ff05c4780bf6d2fa65700f22e' } };

function quotaView(limits: Limits): Record<string, number> {
  return Object.fromEntries(neutronNames.map((name) => [name, limits[names[name]]]));
}

const ListedQuota = Type.Object({ project_id: Type.String(), tenant_id: Type.String(), ...each(Type.Integer()) });

const listQuotas = operation({
  dialect: 'network',
  group: 'quotas',
  mode: 'sync',
  id: 'ListQuotas',
  method: 'GET',
  path: '/quotas',
  allow: 'admin',
  responses: { 200: Type.Object({ quotas: Type.Array(ListedQuota) }) },
  errors: [401, 403],
  title: 'List quotas of projects',
  summary: 'Of the projects that have quotas of their own.',
  examples: [{ title: 'All', status: 200 }],
  handle: async ({ cloud, subject }) => {
    const all = await cloud.quotas.ofProjects(subject, Object.values(names));
    const quotas = [...all].map(([id, limits]) => ({ project_id: id, tenant_id: id, ...quotaView(limits) }));
    return { body: { quotas } };
  },
});

const showQuota = operation({
  ...common,
  id: 'ShowQuota',
  method: 'GET',
  path: '/quotas/{project_id}',
  allow: 'reader',
  responses: { 200: QuotaDocument },
  errors: [401, 403, 404],
  title: 'Show quotas of a project',
  summary: 'How much the project may have of each; -1 for no limit.',
  examples: [{ ...example, status: 200 }],
  handle: async ({ cloud, subject, params }) => ({
    body: { quota: quotaView(await cloud.quotas.limits(subject, idInPath('project', params.project_id))) },
  }),
});

const showDefaultQuota = operation({
  ...common,
  id: 'ShowDefaultQuota',
  method: 'GET',
  path: '/quotas/{project_id}/default',
  allow: 'reader',
  responses: { 200: QuotaDocument },
  errors: [401],
  title: 'Show default quotas',
  summary: 'What projects may have that have no quotas of their own.',
  examples: [{ ...example, status: 200 }],
  handle: async ({ cloud }) => ({ body: { quota: quotaView(await cloud.quotas.defaultLimits()) } }),
});

function detailsAt(id: string, path: string) {
  return operation({
    ...common,
    id,
    method: 'GET',
    path,
    allow: 'reader',
    responses: { 200: DetailsDocument },
    errors: [401, 403, 404],
    title: 'Show quotas of a project with their use',
    summary: 'How much the project may have of each, and has.',
    examples: [{ ...example, status: 200 }],
    handle: async ({ cloud, subject, params }) => {
      const projectId = idInPath('project', params.project_id);
      const limits = await cloud.quotas.limits(subject, projectId);
      const usage = await cloud.quotas.usage(subject, projectId);
      const details = neutronNames.map((name) => {
        const used = usage[names[name]];
        return [name, { limit: limits[names[name]], used, reserved: 0 }];
      });
      return { body: { quota: Object.fromEntries(details) } };
    },
  });
}

const showQuotaDetails = detailsAt('ShowQuotaDetails', '/quotas/{project_id}/details');
/** The path under which older clients ask. */
const showQuotaDetailsJson = detailsAt('ShowQuotaDetailsJson', '/quotas/{project_id}/details.json');

function requireRoom(name: NeutronQuota, limit: number, used: number): void {
  if (limit < 0 || limit >= used) return;
  const message = `Quota limit ${limit} for ${name} must be greater than or equal to already used ${used}.`;
  throw new CloudError('invalid', message, { field: name });
}

const updateQuota = operation({
  ...common,
  id: 'UpdateQuota',
  method: 'PUT',
  path: '/quotas/{project_id}',
  bodyKey: 'quota',
  allow: 'admin',
  body: Changes,
  responses: { 200: QuotaDocument },
  errors: [400, 401, 403, 404],
  title: 'Set quotas of a project',
  summary: 'Limits may be below what the project has: then it gets no more. With check_limit they may not.',
  examples: [{ ...example, body: { quota: { network: 20, port: -1 } }, status: 200 }],
  handle: async ({ cloud, subject, params, body }) => {
    const changed = neutronNames.filter((name) => name in body).map((name) => [name, body[name] as number] as const);
    const projectId = idInPath('project', params.project_id);
    const changes: Partial<Limits> = Object.fromEntries(changed.map(([name, limit]) => [names[name], limit]));
    const isChecked = body['check_limit'] === true && body['force'] !== true;
    const limits = await cloud.quotas.setLimits(
      subject,
      projectId,
      changes,
      isChecked
        ? (used) => {
            for (const [name, limit] of changed) requireRoom(name, limit, used[names[name]] ?? 0);
          }
        : undefined,
    );
    return { body: { quota: quotaView(limits) } };
  },
});

const resetQuota = operation({
  ...common,
  id: 'ResetQuota',
  method: 'DELETE',
  path: '/quotas/{project_id}',
  allow: 'admin',
  responses: { 204: null },
  errors: [401, 403, 404],
  title: 'Reset quotas of a project',
  summary: 'Gives the project the default quotas of networks again, where it has any of its own.',
  examples: [{ ...example, status: 204 }],
  handle: async ({ cloud, subject, params }) => {
    const projectId = idInPath('project', params.project_id);
    if (await cloud.quotas.resetLimits(subject, projectId, Object.values(names))) return {};
    const words = `Quota for tenant ${params.project_id} could not be found.`;
    throw new CloudError('not_found', words, { reason: 'tenant_quota_not_found' });
  },
});

export const quotaOperations = [
  listQuotas,
  showQuota,
  showDefaultQuota,
  showQuotaDetails,
  showQuotaDetailsJson,
  updateQuota,
  resetQuota,
];
