import { Type } from 'typebox';
import { operation } from '../../../api/operation.ts';
import { exampleServer, ServerParams, serverIdOf } from './wire.ts';

/** Nova's `restore`: takes the deletion of a server back, while its reclaim interval lasts. */
export const restoreServer = operation({
  id: 'RestoreServer',
  dialect: 'compute',
  group: 'server actions',
  method: 'POST',
  path: '/servers/{server_id}/action',
  bodyKey: 'restore',
  since: '2.1',
  mode: 'async',
  allow: 'member',
  params: ServerParams,
  body: Type.Unknown(),
  responses: { 202: null },
  errors: [400, 401, 403, 404, 409],
  title: 'Restore a deleted server',
  summary:
    'Takes the deletion of a server back whose status is SOFT_DELETED. Deleted servers are kept for the reclaim ' +
    'interval that the cloud was started with; by default none is.',
  examples: [{ title: 'Of one server', params: exampleServer, body: { restore: null }, status: 202 }],
  async handle(call) {
    await call.cloud.servers.restore(call.subject, serverIdOf(call));
    return {};
  },
});
