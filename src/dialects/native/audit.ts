import { Type } from 'typebox';
import { operation } from '../../api/operation.ts';
import { auditCloud, isSound } from '../../cloud/audit/audit.ts';
import { leftovers } from '../../cloud/audit/leftovers.ts';
import { CloudError } from '../../cloud/errors.ts';
import { instant, Nullable } from './wire.ts';

const common = {
  dialect: 'native',
  group: 'audit',
  method: 'GET',
  since: '1.0',
  mode: 'sync',
  allow: 'admin',
} as const;

const Finding = Type.Object({
  invariant: Type.String({ description: 'The rule, as `disk-has-owner`.' }),
  level: Type.String({ description: '`violation`, or `remaining work` that is still being done.' }),
  resource_type: Type.String(),
  resource_id: Type.String(),
  text: Type.String(),
});

const Leftover = Type.Object({
  resource_type: Type.String(),
  id: Type.String(),
  name: Nullable(Type.String()),
  project_id: Nullable(Type.String()),
  created_at: Type.String({ format: 'date-time' }),
});

export const auditOperations = [
  operation({
    ...common,
    id: 'RunAudit',
    path: '/audit',
    responses: { 200: Type.Object({ sound: Type.Boolean(), findings: Type.Array(Finding) }) },
    errors: [401, 403],
    title: 'Audit the cloud',
    summary: 'Holds what the database says against what hosts and image stores really have. Changes nothing.',
    examples: [{ title: 'Now', status: 200 }],
    async handle({ cloud }) {
      const findings = await auditCloud(cloud);
      const views = findings.map(({ resource, id, ...rest }) => ({
        ...rest,
        resource_type: resource,
        resource_id: id,
      }));
      return { body: { sound: isSound(findings), findings: views } };
    },
  }),
  operation({
    ...common,
    id: 'ListLeftovers',
    path: '/leftovers',
    query: Type.Object({
      since: Type.Optional(Type.String({ format: 'date-time', description: 'Only what was made then or later.' })),
    }),
    responses: { 200: Type.Object({ leftovers: Type.Array(Leftover) }) },
    errors: [400, 401, 403],
    title: 'List leftovers',
    summary: 'Everything of every project that was made since a moment and is still there, as after a run of tests.',
    examples: [{ title: 'Since a moment', query: { since: '2026-01-01T00:00:00Z' }, status: 200 }],
    async handle({ cloud, query }) {
      const since = query.since === undefined ? 0 : Date.parse(query.since) * 1000;
      if (Number.isNaN(since)) throw new CloudError('invalid', 'since is no time.', { field: 'since' });
      const found = await leftovers(cloud, since);
      const views = found.map(({ type, id, name, projectId, createdAt }) => ({
        resource_type: type,
        id,
        name,
        project_id: projectId,
        created_at: instant(createdAt),
      }));
      return { body: { leftovers: views } };
    },
  }),
];
