import { Type } from 'typebox';
import { operation } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';
import { canonicalIp } from '../../../cloud/networks/ip.ts';
import type { Port } from '../../../cloud/networks/model.ts';
import { makesOwnAddresses } from '../../../cloud/networks/subnet-plan.ts';
import { parseId, withDashes } from '../../../env/env.ts';
import { until } from './microversions.ts';
import { changeablePortsOf, proxiedAction } from './ports-of-server.ts';
import { closed, exampleServer, serverIdOf } from './wire.ts';

/** One address more or less for an interface that a server has, which Nova asked of the network service up to 2.43. */
export const fixedIpActions = [
  operation({
    ...proxiedAction,
    id: 'AddFixedIp',
    bodyKey: 'addFixedIp',
    body: closed({ networkId: Type.Unsafe<string | number>({ type: ['string', 'number'] }) }),
    title: 'Give an interface of a server one more address',
    summary: 'From the first subnet of a network that the server is on where addresses are given. Up to 2.43.',
    examples: [
      {
        title: 'Of a network that the server is not on',
        params: exampleServer,
        body: { addFixedIp: { networkId: '00000000-0000-4000-8000-000000000000' } },
        status: 404,
      },
    ],
    async handle(call) {
      const { cloud, subject } = call;
      const ports = await changeablePortsOf(call);
      const networkId = parseId(String(call.body.networkId));
      const port = ports.find((one) => one.networkId === networkId);
      const filters = { networkId: [networkId ?? ''] };
      const subnets = port ? await cloud.networks.subnets.list(subject, { filters }) : [];
      const subnet = subnets.find(({ ipv6AddressMode }) => !makesOwnAddresses(ipv6AddressMode));
      if (!port || !subnet) {
        const words = `Network could not be found for instance ${withDashes(serverIdOf(call))}.`;
        throw new CloudError('not_found', words, { resource: 'network' });
      }
      // A request for the subnet alone is one for an address that the port has there, so those are named.
      const fixedIps = ({ fixedIps: before }: Port) => [...before, { subnetId: subnet.id }];
      await cloud.networks.ports.update(subject, port.id, { fixedIps });
      return {};
    },
  }),
  operation({
    ...proxiedAction,
    id: 'RemoveFixedIp',
    bodyKey: 'removeFixedIp',
    body: closed({
      address: Type.Unsafe<string>({ type: 'string', anyOf: [{ format: 'ipv4' }, { format: 'ipv6' }] }),
    }),
    title: 'Take an address from an interface of a server',
    summary: 'The interface stays, with the addresses that it has beside. Up to 2.43.',
    examples: [
      {
        title: 'One that it does not have',
        params: exampleServer,
        body: { removeFixedIp: { address: '198.51.100.7' } },
        status: 400,
      },
    ],
    async handle(call) {
      const ports = await changeablePortsOf(call);
      const address = canonicalIp(call.body.address) ?? call.body.address;
      const port = ports.find(({ fixedIps }) => fixedIps.some(({ ipAddress }) => ipAddress === address));
      if (!port) {
        const words = `Instance ${withDashes(serverIdOf(call))} does not have fixed IP '${address}'.`;
        throw new CloudError('invalid', words, { field: 'address' });
      }
      const fixedIps = ({ fixedIps: before }: Port) => before.filter(({ ipAddress }) => ipAddress !== address);
      await call.cloud.networks.ports.update(call.subject, port.id, { fixedIps });
      return {};
    },
  }),
].map((one) => until(43, one));
