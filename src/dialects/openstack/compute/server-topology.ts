import { Type } from 'typebox';
import { operation } from '../../../api/operation.ts';
import { exampleServer, ServerParams, serverIdOf } from './wire.ts';

/** Guests have no NUMA nodes of their own here, and what Nova says of such a server is this. */
export const showServerTopology = operation({
  id: 'ShowServerTopology',
  dialect: 'compute',
  group: 'servers',
  method: 'GET',
  path: '/servers/{server_id}/topology',
  since: '2.78',
  mode: 'sync',
  allow: 'reader',
  params: ServerParams,
  responses: { 200: Type.Object({ nodes: Type.Array(Type.Object({})), pagesize_kb: Type.Null() }) },
  errors: [401, 403, 404],
  title: 'Show the topology of a server',
  summary: 'Its NUMA nodes: none, for memory and processors of servers are not bound to those of hosts.',
  examples: [{ title: 'One server', params: exampleServer, status: 200 }],
  async handle(call) {
    await call.cloud.servers.get(call.subject, serverIdOf(call));
    return { body: { nodes: [], pagesize_kb: null } };
  },
});
