import { type Static, Type } from 'typebox';
import { withDashes } from '../../../env/env.ts';
import { action, span, step, when } from '../../actions.ts';
import type { Cloud } from '../../cloud.ts';
import { CloudError, notFound } from '../../errors.ts';
import type { Subject } from '../../identity/subject.ts';
import { memberAmong } from '../../networks/balanced-addresses.ts';
import { transitions } from '../states.ts';
import { beginTransition } from '../transition.ts';
import { interfaceFields, isOnHost, plugNic, unplugNic } from './interfaces.ts';

const inputSchema = Type.Object({
  ...interfaceFields,
  networkId: Type.String(),
  /** An address there; any where it is absent. */
  fixedIp: Type.Optional(Type.String()),
  /** Where it was, and with which addresses. */
  from: Type.Object({ networkId: Type.String(), addresses: Type.Array(Type.String()) }),
});
type Input = Static<typeof inputSchema>;

/** The guest has not got the interface meanwhile, so that it finds another one in the same place. */
const movePort = step<Input>('movePort', {
  do: async ({ services, input: { portId, networkId, fixedIp } }) => ({
    commit: async (tx) => {
      const fixedIps = fixedIp === undefined ? undefined : [{ ipAddress: fixedIp }];
      await services.networks.movePort(tx, portId, { networkId, ...(fixedIps && { fixedIps }) });
    },
  }),
  undo: async ({ services, input: { portId, from } }) => ({
    commit: (tx) => services.networks.movePortBack(tx, portId, from),
  }),
});

export const changeInterfaceNetwork = action(
  'server.change-interface-network',
  inputSchema,
  [span('compute_change_interface_network', [when(isOnHost, [unplugNic]), movePort, when(isOnHost, [plugNic])])],
  {
    async succeeded(tx, { services, input }) {
      if (input.hostId !== undefined) await services.networks.bindPort(tx, input, 'ACTIVE');
    },
    /** It is in its old network again. */
    async failed() {},
  },
);

/**
 * Puts an interface of a server into another network, under the same port: with an address there, of which a guest that
 * runs learns when it sees the interface come back. Throws `not_found` for the network, `forbidden` where whoever asks may
 * not have such a port on it, and `conflict` where the interface is in it already (`same_network`), or a floating IP stands
 * for it (`tied`).
 */
export function requestChangeInterfaceNetwork(
  cloud: Cloud,
  subject: Subject,
  serverId: string,
  portId: string,
  to: { networkId: string; fixedIp?: string },
) {
  return beginTransition(cloud, subject, serverId, transitions.detachInterface, async (tx, { hostId }) => {
    const port = await cloud.networks.ports.get(subject, portId, tx);
    if (port.deviceId !== serverId) {
      throw notFound('port', portId, `Instance ${withDashes(serverId)} has no port ${withDashes(portId)}.`);
    }
    const conflict = (reason: string, message: string) =>
      new CloudError('conflict', message, { resource: 'port', id: portId, reason });
    if (port.networkId === to.networkId) throw conflict('same_network', 'The interface is in the network already.');
    const network = await cloud.networks.networks.get(subject, to.networkId, tx);
    await cloud.networks.ports.requireMayHave(tx, subject, port, to.networkId);
    if (network.subnetIds.length === 0) throw conflict('no_subnet', `Network ${to.networkId} has no subnet.`);
    const used = tx.selectFrom('floating_ips').select('id').where('port_id', '=', portId);
    const forwarded = tx.selectFrom('port_forwardings').select('id').where('internal_port_id', '=', portId);
    if ((await used.executeTakeFirst()) ?? (await forwarded.executeTakeFirst())) {
      throw conflict('tied', 'A floating IP stands for the interface.');
    }
    if (await memberAmong(tx, [portId])) throw conflict('tied', 'The interface is a member of a load balancer.');
    const from = { networkId: port.networkId, addresses: port.fixedIps.map(({ ipAddress }) => ipAddress) };
    const place = { serverId, portId, ...(hostId === null ? {} : { hostId }) };
    return { action: changeInterfaceNetwork, input: { ...place, ...to, from } };
  });
}
