import type { Call } from '../../../api/operation.ts';
import type { Cloud } from '../../../cloud/cloud.ts';
import type { Server } from '../../../cloud/servers/model.ts';
import type { ServerDetail } from '../../../cloud/servers/servers.ts';
import { minorOf } from './microversions.ts';
import { basicView, detailView, type ServerExtras, type ServerViewContext } from './server-view.ts';

type Asked = Pick<Call, 'cloud' | 'subject' | 'context' | 'base'>;

export function viewContext({ base, context, subject }: Asked): ServerViewContext {
  return { base, minor: minorOf(context), isAdmin: subject.isAdmin };
}

export async function presentDetails(call: Asked, servers: readonly ServerDetail[]) {
  const context = viewContext(call);
  const extras = await extrasOf(call.cloud, servers, context);
  return servers.map((server, index) => detailView(server, context, extras[index]!));
}

type ShownServer = { server: ReturnType<typeof detailView> };
const shown = new WeakMap<ServerDetail, Map<string, ShownServer>>();

/** One server; the same object again for as long as the server's detail is the same and nothing else is shown. */
export async function presentOne(call: Asked, detail: ServerDetail): Promise<{ body: ShownServer; isShared: boolean }> {
  const context = viewContext(call);
  const { minor, isAdmin, base } = context;
  if (minor >= 26 || (minor >= 16 && isAdmin)) {
    const [extras] = await extrasOf(call.cloud, [detail], context);
    return { body: { server: detailView(detail, context, extras!) }, isShared: false };
  }
  const views = shown.get(detail) ?? new Map<string, ShownServer>();
  shown.set(detail, views);
  const key = `${minor} ${isAdmin} ${base}`;
  const body = views.get(key) ?? { server: detailView(detail, context, {}) };
  // Clients may reach us by any number of names.
  if (views.size < 8) views.set(key, body);
  return { body, isShared: views.has(key) };
}

/** For the answers to updates and rebuilds. */
export async function presentBasics(call: Asked, server: Server) {
  const context = viewContext(call);
  const [detail] = await call.cloud.servers.withDetails([server]);
  const [extras] = await extrasOf(call.cloud, [detail!], context);
  return basicView(detail!, context, extras!);
}

/** Reads only what the microversion shows. */
async function extrasOf(
  cloud: Cloud,
  servers: readonly ServerDetail[],
  { minor, isAdmin }: ServerViewContext,
): Promise<ServerExtras[]> {
  const tags = minor >= 26 ? await Promise.all(servers.map(({ id }) => tagsOf(cloud, id))) : [];
  const hosts = minor >= 16 && isAdmin ? new Map((await cloud.hosts.list()).map((host) => [host.id, host])) : undefined;
  return servers.map(({ hostId }, index) => ({
    tags: tags[index],
    host: hostId === null ? undefined : hosts?.get(hostId),
  }));
}

/** Nova's tags of a server are the same as ZStack's user tags. In the order in which they came. */
export async function tagsOf(cloud: Cloud, serverId: string): Promise<string[]> {
  return (await cloud.tags.of(serverId, 'user')).map(({ tag }) => tag);
}
