import { Type } from 'typebox';
import { type Call, operation } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';
import type { ServerMigration } from '../../../cloud/servers/migrations.ts';
import { parseId, withDashes } from '../../../env/env.ts';
import { bookmark } from '../common/links.ts';
import { badMarker, nextLinks, pageOf } from '../common/pagination.ts';
import { isoMicros } from '../common/time.ts';
import { minorOf } from './microversions.ts';
import { timeOf } from './server-query.ts';
import { exampleServer, Links, lastOf, type Query, queryText, ServerParams, serverIdOf, TextOrNull } from './wire.ts';

const common = {
  dialect: 'compute',
  group: 'migrations',
  method: 'GET',
  since: '2.1',
  mode: 'sync',
  allow: 'admin',
} as const;

const Migration = Type.Object({
  id: Type.Integer(),
  uuid: Type.Optional(Type.String({ description: 'From 2.59 on.' })),
  instance_uuid: Type.String(),
  status: Type.String(),
  migration_type: Type.Optional(Type.String({ description: 'From 2.23 on.' })),
  source_compute: TextOrNull,
  source_node: TextOrNull,
  dest_compute: TextOrNull,
  dest_node: TextOrNull,
  dest_host: TextOrNull,
  old_instance_type_id: Type.Integer(),
  new_instance_type_id: Type.Integer(),
  created_at: Type.String(),
  updated_at: Type.String(),
  user_id: Type.Optional(Type.String({ description: 'From 2.80 on.' })),
  project_id: Type.Optional(Type.String({ description: 'From 2.80 on.' })),
  links: Type.Optional(Links),
});

/** Clients want a number; nothing else depends on which one it is. */
function numberOf(id: string): number {
  return Number.parseInt(id.slice(0, 7), 16);
}

function flavorNumber({ id, uuid }: { id: string; uuid: string }): number {
  return /^\d{1,9}$/.test(id) ? Number(id) : numberOf(uuid);
}

function view(migration: ServerMigration, base: string, minor: number) {
  const server = withDashes(migration.serverId);
  return {
    id: numberOf(migration.id),
    ...(minor >= 59 ? { uuid: withDashes(migration.id) } : {}),
    instance_uuid: server,
    status: migration.status,
    ...(minor >= 23 ? { migration_type: migration.kind } : {}),
    source_compute: migration.sourceHost,
    source_node: migration.sourceHost,
    dest_compute: migration.targetHost,
    dest_node: migration.targetHost,
    dest_host: null,
    old_instance_type_id: flavorNumber(migration.oldFlavor),
    new_instance_type_id: flavorNumber(migration.newFlavor),
    created_at: isoMicros(migration.createdAt),
    updated_at: isoMicros(migration.updatedAt),
    ...(minor >= 80 ? { user_id: migration.userId, project_id: migration.projectId } : {}),
    // Nova links to those that are under way.
    ...(minor >= 23 && migration.status === 'migrating' ? { links: [bookmark(base, `servers/${server}`)] } : {}),
  };
}

function filtered(all: readonly ServerMigration[], query: Query, minor: number): ServerMigration[] {
  const one = (name: string) => lastOf(query[name]);
  const since = minor >= 59 ? timeOf('changes-since', one('changes-since')) : undefined;
  const before = minor >= 66 ? timeOf('changes-before', one('changes-before')) : undefined;
  const host = one('host') ?? one('source_compute');
  const server = one('instance_uuid');
  const owner = (name: string) => (minor >= 80 ? one(name) : undefined);
  const isThat = (wanted: string | undefined, is: string | null) => wanted === undefined || is === wanted;
  return all.filter(
    (migration) =>
      isThat(one('status'), migration.status) &&
      isThat(one('migration_type'), migration.kind) &&
      isThat(host, migration.sourceHost) &&
      isThat(server === undefined ? undefined : (parseId(server) ?? server), migration.serverId) &&
      isThat(owner('user_id'), migration.userId) &&
      isThat(owner('project_id'), migration.projectId) &&
      (since === undefined || migration.updatedAt >= since) &&
      (before === undefined || migration.updatedAt <= before),
  );
}

/** Resizes, which are what moves servers here, from the journal of their actions. */
export const migrationOperations = [
  operation({
    ...common,
    id: 'ListMigrations',
    path: '/os-migrations',
    query: Type.Object({
      status: queryText('As finished or confirmed.'),
      migration_type: queryText('As resize.'),
      host: queryText('Name of a host.'),
      source_compute: queryText('Name of the host it was on.'),
      instance_uuid: queryText('The server.'),
      hidden: queryText('Nothing is hidden here.'),
      limit: queryText('Migrations at most; from 2.59 on.'),
      marker: queryText('UUID of the last one of the page before; from 2.59 on.'),
      'changes-since': queryText('From 2.59 on.'),
      'changes-before': queryText('From 2.66 on.'),
      user_id: queryText('From 2.80 on.'),
      project_id: queryText('From 2.80 on.'),
    }),
    responses: {
      200: Type.Object({ migrations: Type.Array(Migration), migrations_links: Type.Optional(Links) }),
    },
    errors: [400, 401, 403],
    title: 'List migrations',
    summary: 'Servers that got another size, the newest first.',
    examples: [{ title: 'All', status: 200 }],
    async handle(call) {
      const minor = minorOf(call.context);
      const query = call.query as Query;
      const all = filtered(await call.cloud.servers.migrations.list(), query, minor);
      if (minor < 59) return { body: { migrations: all.map((one) => view(one, call.base, minor)) } };
      const page = pageOf('compute', query);
      const uuid = page.marker === undefined ? undefined : parseId(page.marker);
      const start = page.marker === undefined ? 0 : all.findIndex(({ id }) => id === uuid) + 1;
      if (page.marker !== undefined && start === 0) throw badMarker('compute', page.marker);
      const found = all.slice(start, start + page.limit!);
      const ends = found.map(({ id }) => ({ id: withDashes(id) }));
      const links = nextLinks('migrations', ends, page, { origin: call.origin, url: call.raw.url });
      return { body: { migrations: found.map((one) => view(one, call.base, minor)), ...links } };
    },
  }),
  operation({
    ...common,
    id: 'ListServerMigrations',
    path: '/servers/{server_id}/migrations',
    since: '2.23',
    params: ServerParams,
    responses: { 200: Type.Object({ migrations: Type.Array(Migration) }) },
    errors: [401, 403, 404],
    title: 'List live migrations of a server',
    summary: 'Those that are under way, of which there are none: servers do not move while they run.',
    examples: [{ title: 'One server', params: exampleServer, status: 200 }],
    async handle(call: Call<{ server_id: string }>) {
      await call.cloud.servers.get(call.subject, serverIdOf(call));
      return { body: { migrations: [] } };
    },
  }),
  operation({
    ...common,
    id: 'ShowServerMigration',
    path: '/servers/{server_id}/migrations/{migration_id}',
    since: '2.23',
    params: Type.Object({ ...ServerParams.properties, migration_id: Type.String() }),
    responses: { 200: Type.Object({ migration: Migration }) },
    errors: [401, 403, 404],
    title: 'Show a live migration of a server',
    summary: 'One that is under way, of which there are none.',
    examples: [{ title: 'One that is not there', params: { ...exampleServer, migration_id: '1' }, status: 404 }],
    async handle(call) {
      await call.cloud.servers.get(call.subject, serverIdOf(call));
      const words = `In-progress live migration ${call.params.migration_id} is not found for server.`;
      throw new CloudError('not_found', words, { resource: 'migration' });
    },
  }),
];
