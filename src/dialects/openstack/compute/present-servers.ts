import type { Call } from '../../../api/operation.ts';
import type { Cloud } from '../../../cloud/cloud.ts';
import type { ServerDetail } from '../../../cloud/servers/details.ts';
import type { Server } from '../../../cloud/servers/model.ts';
import { minorOf } from './microversions.ts';
import { basicView, detailView, type ServerExtras, type ServerViewContext } from './server-view.ts';

type Asked = Pick<Call, 'cloud' | 'subject' | 'context' | 'base'>;

function viewContext({ base, context, subject }: Asked): ServerViewContext {
  return { base, minor: minorOf(context), isAdmin: subject.isAdmin };
}

type BasicView = ReturnType<typeof basicView>;
type DetailView = ReturnType<typeof detailView>;
type ShownServer = { server: DetailView };
const shown = new WeakMap<ServerDetail, Map<string, ShownServer>>();

/** Clients may reach us by any number of names, and servers may be tagged anew without end. */
const maxViewsKept = 8;

/** Views of servers; the same object again for as long as a server's detail is the same and nothing else is shown. */
export async function presentDetails(call: Asked, servers: readonly ServerDetail[]): Promise<DetailView[]> {
  return (await documents(call, servers)).map(({ server }) => server);
}

/** As `presentDetails`, as a document of its own, which from 2.71 on also has the server's group. */
export async function presentOne(call: Asked, detail: ServerDetail): Promise<{ body: ShownServer; isShared: true }> {
  const [body] = await documents(call, [detail], { withGroups: true });
  return { body: body!, isShared: true };
}

async function documents(
  call: Asked,
  servers: readonly ServerDetail[],
  { withGroups = false } = {},
): Promise<ShownServer[]> {
  const context = viewContext(call);
  const extras = hasExtras(context) ? await extrasOf(call.cloud, servers, context, withGroups) : [];
  return servers.map((server, index) => documentOf(server, context, extras[index] ?? {}));
}

function documentOf(server: ServerDetail, context: ServerViewContext, extras: ServerExtras): ShownServer {
  const { minor, isAdmin, base } = context;
  const { tags = [], host, groupIds, pinnedZone } = extras;
  const key = hasExtras(context)
    ? `${minor} ${isAdmin} ${base} ${host?.state} ${host?.status} ${tags.join()} ${groupIds?.join()} ${pinnedZone}`
    : `${minor} ${isAdmin} ${base}`;
  const views = shown.get(server) ?? new Map<string, ShownServer>();
  const known = views.get(key);
  if (known) return known;
  const made = { server: detailView(server, context, extras) };
  if (views.size >= maxViewsKept) views.clear();
  views.set(key, made);
  shown.set(server, views);
  return made;
}

/** For the answers to updates and rebuilds, which before 2.75 tell less than a read does. */
export async function presentBasics(call: Asked, server: Server): Promise<BasicView | DetailView> {
  const context = viewContext(call);
  const [detail] = await call.cloud.servers.withDetails([server]);
  const [extras] = await extrasOf(call.cloud, [detail!], context, true);
  return context.minor >= 75 ? detailView(detail!, context, extras!) : basicView(detail!, context, extras!);
}

function hasExtras({ minor, isAdmin }: ServerViewContext): boolean {
  return minor >= 26 || (minor >= 16 && isAdmin);
}

/** Reads only what the microversion shows. */
async function extrasOf(
  cloud: Cloud,
  servers: readonly ServerDetail[],
  { minor, isAdmin }: ServerViewContext,
  withGroups: boolean,
): Promise<ServerExtras[]> {
  const ids = servers.map(({ id }) => id);
  const tags = minor >= 26 ? await tagsOfEach(cloud, ids) : undefined;
  const hosts = minor >= 16 && isAdmin ? new Map((await cloud.hosts.list()).map((host) => [host.id, host])) : undefined;
  const groups = withGroups && minor >= 71 ? await cloud.servers.groups.ofServers(ids) : undefined;
  const zones = minor >= 96 ? await cloud.zones.names() : undefined;
  return servers.map(({ id, hostId, pinnedZoneId }, index) => ({
    tags: tags?.[index],
    groupIds: groups && [groups.get(id) ?? []].flat(),
    pinnedZone: pinnedZoneId === null ? null : zones?.get(pinnedZoneId),
    host: hostId === null ? undefined : hosts?.get(hostId),
  }));
}

/** Nova's tags of servers are the same as ZStack's user tags. In the order in which they came. */
export async function tagsOfEach(cloud: Cloud, serverIds: readonly string[]): Promise<string[][]> {
  const tags = await cloud.tags.ofEach(serverIds, 'user');
  return serverIds.map((id) => (tags.get(id) ?? []).map(({ tag }) => tag));
}
