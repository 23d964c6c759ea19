import { Type } from 'typebox';
import { type Call, operation } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';
import {
  actionView,
  actionWithEventsView,
  InstanceActionDocument,
  InstanceActionList,
} from './instance-actions-view.ts';
import { minorOf } from './microversions.ts';
import { profileOf } from './profile.ts';
import { exampleServer, ServerParams, serverIdOf } from './wire.ts';

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
  responses: { 200: InstanceActionList },
  errors: [401, 403, 404],
  title: 'List actions for a server',
  summary: 'What was done with a server, the newest first.',
  examples: [{ title: 'All', params: exampleServer, status: 200 }],
  async handle(call) {
    const actions = await call.cloud.servers.log.list(call.subject, await loggedServer(call));
    return { body: { instanceActions: actions.map(actionView) } };
  },
});

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
    const how = { profile: profileOf(context), minor: minorOf(context), isAdmin: subject.isAdmin };
    return { body: { instanceAction: actionWithEventsView(action, events, how) } };
  },
});
