import { Type } from 'typebox';
import { withDashes } from '../../../env/env.ts';
import { action, span } from '../../actions.ts';
import type { Cloud } from '../../cloud.ts';
import { notFound } from '../../errors.ts';
import type { Subject } from '../../identity/subject.ts';
import type { Port } from '../../networks/model.ts';
import type { InterfaceRequest } from '../../networks/server-ports.ts';
import type { Server } from '../model.ts';
import { transitions } from '../states.ts';
import { beginTransition } from '../transition.ts';

const input = Type.Object({ serverId: Type.String(), portId: Type.String() });
/** The ports changed with the request: a guest that is off gets its interfaces, and is told of them, when it starts. */
const nothingMore = { async succeeded() {}, async failed() {} };

export const attachInterface = action(
  'server.attach-interface',
  input,
  [span('compute_attach_interface', [])],
  nothingMore,
);

export const detachInterface = action(
  'server.detach-interface',
  input,
  [span('compute_detach_interface', [])],
  nothingMore,
);

/**
 * Gives a server that is stopped one more interface: to the named network or port, or else to the only network that
 * there is. Refuses as `Networks.plugServer` does.
 */
export async function requestAttachInterface(
  cloud: Cloud,
  subject: Subject,
  serverId: string,
  wanted?: InterfaceRequest,
): Promise<{ server: Server; port: Port; actionId: string }> {
  let port: Port | undefined;
  const begun = await beginTransition(cloud, subject, serverId, transitions.attachInterface, async (tx, server) => {
    const { projectId, hostId } = server;
    const requested = wanted === undefined ? 'auto' : [wanted];
    const request = { serverId, projectId, subject, requested, securityGroupNames: [] } as const;
    const [plugged] = await cloud.networks.plugServer(tx, request);
    if (!plugged) throw notFound('network', 'auto', 'No network could be found to attach the interface to.');
    await cloud.networks.bindPorts(tx, serverId, hostId, hostId === null ? 'DOWN' : 'ACTIVE');
    port = plugged;
    return { action: attachInterface, input: { serverId, portId: plugged.id } };
  });
  return { ...begun, port: port! };
}

/** Takes an interface from a server that is stopped. A port that was made for the server goes with it. */
export function requestDetachInterface(cloud: Cloud, subject: Subject, serverId: string, portId: string) {
  return beginTransition(cloud, subject, serverId, transitions.detachInterface, async (tx) => {
    if (await cloud.networks.unplugPort(tx, serverId, portId)) {
      return { action: detachInterface, input: { serverId, portId } };
    }
    throw notFound('port', portId, `Instance ${withDashes(serverId)} has no port ${withDashes(portId)}.`);
  });
}
