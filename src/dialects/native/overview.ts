import { Type } from 'typebox';
import { operation } from '../../api/operation.ts';
import { overview } from '../../cloud/activity/overview.ts';
import { instant, Nullable } from './wire.ts';

const Counts = Type.Record(Type.String(), Type.Integer());
const Amounts = Type.Object({ vcpus: Type.Integer(), memory_mb: Type.Integer(), disk_gb: Type.Integer() });
const Concern = Type.Object({
  kind: Type.String({
    description:
      '`server_error`, `volume_error`, `host_disconnected` or `action_parked` (a deletion that is still tried).',
  }),
  resource_type: Type.String(),
  resource_id: Type.String(),
  name: Type.String(),
  message: Type.String({ description: 'What is known of the cause.' }),
  since: Type.String({ format: 'date-time' }),
});

export const overviewOperations = [
  operation({
    dialect: 'native',
    group: 'overview',
    id: 'ShowOverview',
    method: 'GET',
    path: '/overview',
    since: '1.0',
    mode: 'sync',
    allow: 'reader',
    responses: {
      200: Type.Object({
        servers: Counts,
        limits: Counts,
        usage: Counts,
        capacity: Nullable(
          Type.Object({ hosts: Type.Integer(), connected: Type.Integer(), total: Amounts, used: Amounts }),
          'What all hosts can give away, and what of it is taken. Null for those who are no administrators.',
        ),
        concerns: Type.Array(Concern, { description: 'What somebody should look at, the newest first.' }),
      }),
    },
    errors: [401, 403],
    title: 'Show the overview',
    summary: 'Servers by state, quotas with their use, the capacity of all hosts, and what needs attention.',
    examples: [{ title: 'Of the project', status: 200 }],
    async handle({ cloud, subject }) {
      const { servers, limits, usage, capacity, concerns } = await overview(cloud, subject);
      return {
        body: {
          servers,
          limits,
          usage,
          capacity: capacity && {
            hosts: capacity.hosts,
            connected: capacity.connected,
            total: amounts(capacity.total),
            used: amounts(capacity.used),
          },
          concerns: concerns.map((concern) => ({
            kind: concern.kind,
            resource_type: concern.resourceType,
            resource_id: concern.resourceId,
            name: concern.name,
            message: concern.message,
            since: instant(concern.since),
          })),
        },
      };
    },
  }),
];

function amounts({ vcpus, memoryMb, diskGb }: { vcpus: number; memoryMb: number; diskGb: number }) {
  return { vcpus, memory_mb: memoryMb, disk_gb: diskGb };
}
