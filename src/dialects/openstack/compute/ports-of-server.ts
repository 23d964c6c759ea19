import type { Call } from '../../../api/operation.ts';
import type { Port } from '../../../cloud/networks/model.ts';
import { requireUnlocked } from '../../../cloud/servers/transition.ts';
import { ServerParams, serverIdOf } from './wire.ts';

type ServerCall = Pick<Call<{ server_id: string }>, 'cloud' | 'subject' | 'params'>;

/** The interfaces of the server that is asked for. Throws `not_found` where there is no such server. */
export async function portsOf(call: ServerCall): Promise<Port[]> {
  return await portsWith(call, await call.cloud.servers.get(call.subject, serverIdOf(call)));
}

/** Those of a server that the subject may change. Throws `conflict` while it is locked, and what `portsOf` throws. */
export async function changeablePortsOf(call: ServerCall): Promise<Port[]> {
  const server = await call.cloud.servers.get(call.subject, serverIdOf(call));
  requireUnlocked(call.subject, server);
  return await portsWith(call, server);
}

async function portsWith({ cloud, subject }: ServerCall, { id }: { id: string }): Promise<Port[]> {
  return await cloud.networks.ports.list(subject, { filters: { deviceId: [id] } });
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
