import { Type } from 'typebox';
import { operation } from '../../../api/operation.ts';
import type { ServerMigration } from '../../../cloud/servers/migrations.ts';
import { parseId, withDashes } from '../../../env/env.ts';
import { bookmark } from '../common/links.ts';
import { badMarker, nextLinks, pageOf } from '../common/pagination.ts';
import { isoMicros } from '../common/time.ts';
import { minorOf } from './microversions.ts';
import { lastMomentOf, timeOf } from './server-query.ts';
import { Links, lastOf, type Query, queryText, TextOrNull } from './wire.ts';

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

/** Clients want a number. It is made of the id, and so leads back to it among those of one server. */
export function numberOf(id: string): number {
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
    ...(minor >= 23 && migration.isUnderWay ? { links: [bookmark(base, `servers/${server}`)] } : {}),
  };
}

function filtered(all: readonly ServerMigration[], query: Query, minor: number): ServerMigration[] {
  const one = (name: string) => lastOf(query[name]);
  const since = minor >= 59 ? timeOf('changes-since', one('changes-since')) : undefined;
  const before = minor >= 66 ? lastMomentOf('changes-before', one('changes-before')) : undefined;
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

/** What gave servers another size or another host, from the journal of their actions. */
export const migrationOperations = [
  operation({
    ...common,
    id: 'ListMigrations',
    path: '/os-migrations',
    query: Type.Object({
      status: queryText('As finished or confirmed.'),
      migration_type: queryText('As resize, migration, live-migration or evacuation.'),
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
    summary: 'Servers that got another size or another host, the newest first.',
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
];
