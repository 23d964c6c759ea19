import { Type } from 'typebox';
import { type Call, operation } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';
import type { ServerMigration } from '../../../cloud/servers/migrations.ts';
import { withDashes } from '../../../env/env.ts';
import { isoMicros } from '../common/time.ts';
import { minorOf } from './microversions.ts';
import { numberOf } from './migrations.ts';
import { exampleServer, ServerParams, serverIdOf, TextOrNull } from './wire.ts';

const common = {
  dialect: 'compute',
  group: 'migrations',
  mode: 'sync',
  allow: 'admin',
  errors: [401, 403, 404],
} as const;

const Bytes = Type.Integer({ description: 'Bytes.' });
const LiveMigration = Type.Object({
  id: Type.Integer(),
  uuid: Type.Optional(Type.String({ description: 'From 2.59 on.' })),
  server_uuid: Type.String(),
  status: Type.String({ description: '`queued`, `preparing` or `running`.' }),
  source_compute: TextOrNull,
  source_node: TextOrNull,
  dest_compute: TextOrNull,
  dest_node: TextOrNull,
  dest_host: TextOrNull,
  memory_total_bytes: Bytes,
  memory_processed_bytes: Bytes,
  memory_remaining_bytes: Bytes,
  disk_total_bytes: Bytes,
  disk_processed_bytes: Bytes,
  disk_remaining_bytes: Bytes,
  created_at: Type.String(),
  updated_at: Type.String(),
  user_id: Type.Optional(Type.String({ description: 'From 2.80 on.' })),
  project_id: Type.Optional(Type.String({ description: 'From 2.80 on.' })),
});

const MigrationParams = Type.Object({ ...ServerParams.properties, migration_id: Type.String() });
const exampleMigration = { ...exampleServer, migration_id: '118' };
type MigrationCall = Call<{ server_id: string; migration_id: string }>;

async function view({ cloud, context }: Pick<Call, 'cloud' | 'context'>, migration: ServerMigration) {
  const minor = minorOf(context);
  const { memory, disk } = (await cloud.servers.migrations.progress(migration.serverId)) ?? {};
  return {
    id: numberOf(migration.id),
    ...(minor >= 59 ? { uuid: withDashes(migration.id) } : {}),
    server_uuid: withDashes(migration.serverId),
    status: migration.status,
    source_compute: migration.sourceHost,
    source_node: migration.sourceHost,
    dest_compute: migration.targetHost,
    dest_node: migration.targetHost,
    dest_host: null,
    memory_total_bytes: memory?.total ?? 0,
    memory_processed_bytes: memory?.transferred ?? 0,
    memory_remaining_bytes: memory?.remaining ?? 0,
    disk_total_bytes: disk?.total ?? 0,
    disk_processed_bytes: disk?.transferred ?? 0,
    disk_remaining_bytes: disk?.remaining ?? 0,
    created_at: isoMicros(migration.createdAt),
    updated_at: isoMicros(migration.updatedAt),
    ...(minor >= 80 ? { user_id: migration.userId, project_id: migration.projectId } : {}),
  };
}

async function find(call: MigrationCall): Promise<ServerMigration> {
  const { cloud, subject, params } = call;
  const { id } = await cloud.servers.get(subject, serverIdOf(call));
  const found = (await cloud.servers.migrations.live(id)).find(
    (one) => String(numberOf(one.id)) === params.migration_id,
  );
  if (found) return found;
  const words = `In-progress live migration ${params.migration_id} is not found for server ${withDashes(id)}.`;
  throw new CloudError('not_found', words, { resource: 'migration' });
}

/** Live migrations of one server, while they are under way. */
export const serverMigrationOperations = [
  operation({
    ...common,
    id: 'ListServerMigrations',
    method: 'GET',
    path: '/servers/{server_id}/migrations',
    since: '2.23',
    params: ServerParams,
    responses: { 200: Type.Object({ migrations: Type.Array(LiveMigration) }) },
    title: 'List live migrations of a server',
    summary: 'Those that are under way.',
    examples: [{ title: 'One server', params: exampleServer, status: 200 }],
    async handle(call: Call<{ server_id: string }>) {
      const { id } = await call.cloud.servers.get(call.subject, serverIdOf(call));
      const all = await call.cloud.servers.migrations.live(id);
      return { body: { migrations: await Promise.all(all.map((one) => view(call, one))) } };
    },
  }),
  operation({
    ...common,
    id: 'ShowServerMigration',
    method: 'GET',
    path: '/servers/{server_id}/migrations/{migration_id}',
    since: '2.23',
    params: MigrationParams,
    responses: { 200: Type.Object({ migration: LiveMigration }) },
    title: 'Show a live migration of a server',
    summary: 'How far one has come that is under way.',
    examples: [{ title: 'One that is not there', params: exampleMigration, status: 404 }],
    async handle(call) {
      return { body: { migration: await view(call, await find(call)) } };
    },
  }),
  operation({
    ...common,
    id: 'AbortServerMigration',
    method: 'DELETE',
    path: '/servers/{server_id}/migrations/{migration_id}',
    since: '2.24',
    params: MigrationParams,
    responses: { 202: null },
    errors: [400, 401, 403, 404, 409],
    title: 'Abort a live migration',
    summary: 'Ends one that is running. The guest goes on where it is.',
    examples: [{ title: 'One that is not there', params: exampleMigration, status: 404 }],
    async handle(call) {
      const { serverId } = await find(call);
      await call.cloud.servers.sendings.abort(call.subject, serverId);
      return {};
    },
  }),
  operation({
    ...common,
    id: 'ForceCompleteServerMigration',
    method: 'POST',
    path: '/servers/{server_id}/migrations/{migration_id}/action',
    bodyKey: 'force_complete',
    since: '2.22',
    params: MigrationParams,
    body: Type.Null(),
    responses: { 202: null },
    errors: [400, 401, 403, 404, 409],
    title: 'Force a live migration to complete',
    summary: 'Lets the guest stand still until it is there, so that what it writes can not outrun the copying.',
    examples: [
      { title: 'One that is not there', params: exampleMigration, body: { force_complete: null }, status: 404 },
    ],
    async handle(call) {
      const { serverId } = await find(call);
      await call.cloud.servers.sendings.hurry(call.subject, serverId);
      return {};
    },
  }),
];
