import { type Static, Type } from 'typebox';
import { withDashes } from '../../../env/env.ts';
import { action, span, step, when } from '../../actions.ts';
import type { Cloud } from '../../cloud.ts';
import { notFound } from '../../errors.ts';
import type { Subject } from '../../identity/subject.ts';
import type { Port } from '../../networks/model.ts';
import type { InterfaceRequest } from '../../networks/server-ports.ts';
import { guestNicsOf } from '../guest-spec.ts';
import type { Server } from '../model.ts';
import { transitions } from '../states.ts';
import { isGoingAway } from '../steps/guest.ts';
import { beginTransition } from '../transition.ts';

/** Which interface of which server it is about. */
export const interfaceFields = {
  serverId: Type.String(),
  portId: Type.String(),
  /** Absent while the server is on no host: then nothing has to be plugged. */
  hostId: Type.Optional(Type.String()),
};
const inputSchema = Type.Object(interfaceFields);
type Input = Static<typeof inputSchema>;
type Context = { services: Cloud; input: Readonly<Input> };

/** The guest gets the interface now if it runs, and else when it is started. */
async function plug({ services, input }: Context): Promise<void> {
  const server = await services.servers.byId(input.serverId);
  const nic = (await guestNicsOf(services, server)).find(({ portId }) => portId === input.portId);
  if (!nic) return; // the port was taken away meanwhile
  await services.hostNetworks.prepare(input.hostId!);
  await services.hosts.agent(input.hostId!).attachNic(input.serverId, nic);
}

async function unplug({ services, input }: Context): Promise<void> {
  await services.hosts.agent(input.hostId!).detachNic(input.serverId, input.portId);
}

/**
 * Undoes one with the other, but not for a server that is being deleted: its guest goes, and nobody waits for it. Nor
 * where something else was done with the server since: then its guest was made as the rows say.
 */
function undoneBy(verb: typeof plug | typeof unplug) {
  return async (context: Context & { isSuperseded: boolean }) => {
    const { services, input, isSuperseded } = context;
    if (isGoingAway(await services.servers.byId(input.serverId))) return;
    const isPlugged = (await services.networks.nicsOf(input.serverId)).some(({ portId }) => portId === input.portId);
    if (!isSuperseded || isPlugged === (verb === plug)) await verb(context);
  };
}

export const isOnHost = ({ input }: { input: Input }) => input.hostId !== undefined;

export const plugNic = step<Input>('plugNic', {
  retry: { attempts: 2, backoffMs: 500 },
  do: plug,
  undo: undoneBy(unplug),
});

export const attachInterface = action(
  'server.attach-interface',
  inputSchema,
  [span('compute_attach_interface', [when(isOnHost, [plugNic])])],
  {
    async succeeded(tx, { services, input }) {
      if (input.hostId !== undefined) await services.networks.bindPort(tx, input, 'ACTIVE');
    },
    async failed(tx, { services, input }) {
      await services.networks.unplugPort(tx, input.serverId, input.portId);
    },
  },
);

/** The guest's system is asked to let go of the interface. */
export const unplugNic = step<Input>('unplugNic', { do: unplug, undo: undoneBy(plug) });

export const detachInterface = action(
  'server.detach-interface',
  inputSchema,
  [span('compute_detach_interface', [when(isOnHost, [unplugNic])])],
  {
    async succeeded(tx, { services, input }) {
      await services.networks.unplugPort(tx, input.serverId, input.portId);
    },
    /** The port stays the server's, as it is its guest's. */
    async failed() {},
  },
);

/**
 * Gives a server one more interface: to the named network or port, or else to the only network that there is. A guest
 * that runs sees it appear; the port is `BUILD` until it is there. Refuses as `Networks.plugServer` does.
 */
export async function requestAttachInterface(
  cloud: Cloud,
  subject: Subject,
  serverId: string,
  wanted?: InterfaceRequest,
): Promise<{ server: Server; port: Port; actionId: string }> {
  let port: Port | undefined;
  const begun = await beginTransition(cloud, subject, serverId, transitions.attachInterface, async (tx, server) => {
    const { projectId } = server;
    const hostId = server.hostId ?? undefined;
    const requested = wanted === undefined ? 'auto' : [wanted];
    const request = { serverId, projectId, subject, requested, securityGroupNames: [] } as const;
    const [plugged] = await cloud.networks.plugServer(tx, request);
    if (!plugged) throw notFound('network', 'auto', 'No network could be found to attach the interface to.');
    const place = { serverId, portId: plugged.id, ...(hostId === undefined ? {} : { hostId }) };
    await cloud.networks.bindPort(tx, place, hostId === undefined ? 'DOWN' : 'BUILD');
    port = plugged;
    return { action: attachInterface, input: place };
  });
  return { ...begun, port: port! };
}

/**
 * Deletes a port, and takes the interface from the guest that has it, as Nova does when Neutron tells it of that. The port
 * is gone whatever the guest does: an interface that its system does not let go of carries nothing, and is not there any
 * more when the guest is started again.
 */
export async function requestDeletePort(cloud: Cloud, subject: Subject, portId: string): Promise<void> {
  await cloud.db.write(async (tx) => {
    const { deviceId } = await cloud.networks.ports.deleteIn(tx, subject, portId);
    const server = await tx
      .selectFrom('servers')
      .select(['id', 'host_id', 'project_id'])
      .where('id', '=', deviceId)
      .where('deleted_at', 'is', null)
      .executeTakeFirst();
    if (!server?.host_id) return;
    await cloud.runner.submit(tx, detachInterface, {
      input: { serverId: server.id, portId, hostId: server.host_id },
      name: 'detach_interface',
      resourceType: 'server',
      resourceId: server.id,
      projectId: server.project_id,
      userId: subject.userId,
      requestId: subject.requestId,
    });
  });
}

/**
 * Takes an interface from a server: of one that runs, once its system has let go of it. A port that was made for the
 * server goes with it.
 */
export function requestDetachInterface(cloud: Cloud, subject: Subject, serverId: string, portId: string) {
  return beginTransition(cloud, subject, serverId, transitions.detachInterface, async (_tx, { hostId }) => {
    const isPlugged = (await cloud.networks.portIdsOf(serverId)).includes(portId);
    if (!isPlugged)
      throw notFound('port', portId, `Instance ${withDashes(serverId)} has no port ${withDashes(portId)}.`);
    return { action: detachInterface, input: { serverId, portId, ...(hostId === null ? {} : { hostId }) } };
  });
}
