import type { Call } from '../../../api/operation.ts';
import type { Port } from '../../../cloud/networks/model.ts';
import { ServerParams, serverIdOf } from './wire.ts';

/** The interfaces of the server that is asked for. Throws `not_found` where there is no such server. */
export async function portsOf(
  call: Pick<Call<{ server_id: string }>, 'cloud' | 'subject' | 'params'>,
): Promise<Port[]> {
  const server = await call.cloud.servers.get(call.subject, serverIdOf(call));
  return await call.cloud.networks.ports.list(call.subject, { filters: { deviceId: [server.id] } });
}

/** What the actions on a server have in common that Nova asked of the network service. */
export const proxiedAction = {
  dialect: 'compute',
  group: 'network proxies',
  since: '2.1',
  mode: 'sync',
  method: 'POST',
  path: '/servers/{server_id}/action',
  allow: 'member',
  params: ServerParams,
  responses: { 202: null },
  errors: [400, 401, 403, 404, 409],
} as const;
