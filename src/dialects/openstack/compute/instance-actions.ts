import { Type } from 'typebox';
import { type Call, operation } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';
import type { LoggedAction } from '../../../cloud/servers/log.ts';
import { badMarker, nextLinks, type Page, pageOf } from '../common/pagination.ts';
import {
  actionView,
  actionWithEventsView,
  InstanceActionDocument,
  InstanceActionList,
} from './instance-actions-view.ts';
import { minorOf } from './microversions.ts';
import { profileOf } from './profile.ts';
import { lastMomentOf, timeOf } from './server-query.ts';
import { exampleServer, lastOf, type Query, queryText, ServerParams, serverIdOf } from './wire.ts';

const common = { dialect: 'compute', group: 'server actions', since: '2.1', mode: 'sync', allow: 'reader' } as const;

/** The log outlives its server, but before 2.21 nobody could ask for it then. */
async function loggedServer(call: Call<{ server_id: string }>): Promise<string> {
  const id = serverIdOf(call);
  if (minorOf(call.context) < 21) await call.cloud.servers.get(call.subject, id);
  return id;
}

export const listInstanceActions = operation({
  ...common,
  id: 'ListActionsForServer',
  method: 'GET',
  path: '/servers/{server_id}/os-instance-actions',
  params: ServerParams,
  query: Type.Object({
    limit: queryText('Actions at most; from 2.58 on.'),
    marker: queryText('The request id of the last action of the page before; from 2.58 on.'),
    'changes-since': queryText('Those that changed since this time; from 2.58 on.'),
    'changes-before': queryText('Those that changed before this time; from 2.66 on.'),
  }),
  responses: { 200: InstanceActionList },
  errors: [400, 401, 403, 404],
  title: 'List actions for a server',
  summary: 'What was done with a server, the newest first.',
  examples: [{ title: 'All', params: exampleServer, status: 200 }],
  async handle(call) {
    const minor = minorOf(call.context);
    const all = await call.cloud.servers.log.list(call.subject, await loggedServer(call));
    if (minor < 58) return { body: { instanceActions: all.map((action) => actionView(action, minor)) } };
    const { actions, page } = pieceOf(all, call.query as Query, minor);
    const ends = actions.map(({ requestId }) => ({ id: requestId }));
    const { instanceActions_links: links } = nextLinks('instanceActions', ends, page, {
      origin: call.origin,
      url: call.raw.url,
    });
    const views = actions.map((action) => actionView(action, minor));
    return { body: { instanceActions: views, ...(links ? { links } : {}) } };
  },
});

function pieceOf(all: LoggedAction[], query: Query, minor: number): { actions: LoggedAction[]; page: Page } {
  const page = pageOf('compute', query);
  const since = timeOf('changes-since', lastOf(query['changes-since'])) ?? 0;
  const asked = minor >= 66 ? lastMomentOf('changes-before', lastOf(query['changes-before'])) : undefined;
  const before = asked ?? Number.POSITIVE_INFINITY;
  const fitting = all.filter(({ updatedAt }) => updatedAt >= since && updatedAt <= before);
  const start = page.marker === undefined ? 0 : fitting.findIndex(({ requestId }) => requestId === page.marker) + 1;
  if (page.marker !== undefined && start === 0) throw badMarker('compute', page.marker);
  return { actions: fitting.slice(start, start + page.limit!), page };
}

export const showInstanceAction = operation({
  ...common,
  id: 'ShowServerActionDetails',
  method: 'GET',
  path: '/servers/{server_id}/os-instance-actions/{action_id}',
  params: Type.Object({
    ...ServerParams.properties,
    action_id: Type.String({ description: 'The id of the request that asked for it, from the headers of its answer.' }),
  }),
  responses: { 200: InstanceActionDocument },
  errors: [401, 403, 404],
  title: 'Show an action of a server',
  summary: 'What was done for one request: the spans of work, which nest and overlap, with their ends and results.',
  examples: [
    {
      title: 'By request',
      params: { ...exampleServer, action_id: 'req-73190894-7461-4b1e-abf9-dc31b9a64ced' },
      status: 200,
    },
  ],
  async handle(call) {
    const { cloud, subject, context, params } = call;
    const id = await loggedServer(call);
    const { action, events } = await cloud.servers.log.get(subject, id, params.action_id).catch((error: unknown) => {
      const isAction = error instanceof CloudError && error.details.resource === 'action';
      if (!isAction) throw error;
      throw new CloudError('not_found', `Action ${params.action_id} not found`, { resource: 'action', cause: error });
    });
    const minor = minorOf(context);
    const hosts = minor >= 62 ? await cloud.hosts.list() : [];
    const hostId = action.hostId ?? (minor >= 62 ? (await cloud.servers.byId(id)).hostId : null);
    const hostName = hosts.find((host) => host.id === hostId)?.name ?? null;
    const how = { profile: profileOf(context), minor, isAdmin: subject.isAdmin, hostName };
    return { body: { instanceAction: actionWithEventsView(action, events, how) } };
  },
});
