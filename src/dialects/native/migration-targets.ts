import { Type } from 'typebox';
import { operation } from '../../api/operation.ts';
import { parseId } from '../../env/env.ts';

const Target = Type.Object({
  host_id: Type.String(),
  name: Type.String(),
  is_possible: Type.Boolean(),
  reasons: Type.Array(Type.String(), { description: 'Why it is not, as the scheduler says it.' }),
});

export const migrationTargetOperations = [
  operation({
    dialect: 'native',
    group: 'servers',
    id: 'ListMigrationTargets',
    method: 'GET',
    path: '/servers/{server_id}/migration-targets',
    since: '1.0',
    mode: 'sync',
    allow: 'admin',
    params: Type.Object({ server_id: Type.String() }),
    responses: { 200: Type.Object({ targets: Type.Array(Target) }) },
    errors: [401, 403, 404],
    title: 'List migration targets',
    summary: 'Where the server could be moved now, and why it could not be moved to other hosts.',
    examples: [{ title: 'Of one server', params: { server_id: '4e4c1d7e0b2f4a3c9a0b6f1d2c3e4f50' }, status: 200 }],
    async handle({ cloud, subject, params }) {
      const targets = await cloud.servers.migrationTargets(subject, parseId(params.server_id) ?? params.server_id);
      return {
        body: {
          targets: targets.map(({ host, isPossible, reasons }) => ({
            host_id: host.id,
            name: host.name,
            is_possible: isPossible,
            reasons,
          })),
        },
      };
    },
  }),
];
