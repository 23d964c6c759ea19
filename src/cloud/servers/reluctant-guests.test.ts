import { afterEach, beforeEach, expect, test } from 'vitest';
import { AgentError, type HostAgent } from '../../agent/contract.ts';
import { StorageCloud } from '../volumes/test-cloud.ts';

let storage: StorageCloud;
/** Whether the system of the guest lets go of nothing. */
let isReluctant: boolean;

const reluctant = (agent: HostAgent): HostAgent =>
  new Proxy(agent, {
    get(target, name) {
      const value = Reflect.get(target, name) as unknown;
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        const refuses = isReluctant && (name === 'detachDisk' || name === 'detachNic');
        const refusal = new AgentError('in_use', 'the system did not let go of it', { retryable: false });
        return refuses ? Promise.reject(refusal) : (value.apply(target, args) as unknown);
      };
    },
  });

beforeEach(async () => {
  isReluctant = true;
  storage = await StorageCloud.start({ wrapAgent: reluctant });
});
afterEach(() => storage.stop());

const refused = 'failed: the system did not let go of it';

/** A server with an interface, on a network of its own. */
async function serverOnNetwork() {
  const { networks } = storage.cloud.networks;
  const [network] = await networks.create(storage.member, [{ name: 'own' }]);
  const subnet = { networkId: network!.id, ipVersion: 4, cidr: '10.9.0.0/24' } as const;
  await storage.cloud.networks.subnets.create(storage.member, [subnet]);
  const server = await storage.server({ networks: [{ networkId: network!.id }] });
  const [portId] = await storage.cloud.networks.portIdsOf(server.id);
  return { serverId: server.id, portId: portId! };
}

const nicsOf = (serverId: string) => storage.host.guestSpec(serverId)!.nics.map(({ portId }) => portId);

test("a volume that the guest does not let go of stays its server's, says why, and can be detached later", async () => {
  const { blockStorage } = storage.cloud;
  const [volume, server] = [await storage.volume(), await storage.server()];
  await storage.ended((await blockStorage.attach(storage.member, server.id, { volumeId: volume.id })).actionId);
  const detach = () => blockStorage.detach(storage.member, server.id, volume.id);
  expect(await storage.ended((await detach()).actionId)).toBe(refused);
  const kept = {
    status: 'in-use',
    serverId: server.id,
    device: '/dev/vdb',
    lastError: 'the system did not let go of it',
  };
  expect(await blockStorage.get(storage.member, volume.id)).toMatchObject(kept);
  expect(storage.disksOf(server.id)).toContain(volume.id);
  isReluctant = false;
  expect(await storage.ended((await detach()).actionId)).toBe('succeeded');
  expect(await blockStorage.get(storage.member, volume.id)).toMatchObject({ status: 'available', lastError: null });
  expect(storage.disksOf(server.id)).not.toContain(volume.id);
});

test("an interface that the guest does not let go of stays its port's, and can be detached later", async () => {
  const { serverId, portId } = await serverOnNetwork();
  const detach = () => storage.cloud.servers.detachInterface(storage.member, serverId, portId);
  expect(await storage.ended((await detach()).actionId)).toBe(refused);
  const port = await storage.cloud.networks.ports.get(storage.member, portId);
  expect(port).toMatchObject({ deviceId: serverId, status: 'ACTIVE' });
  expect(nicsOf(serverId)).toEqual([portId]);
  isReluctant = false;
  expect(await storage.ended((await detach()).actionId)).toBe('succeeded');
  expect(nicsOf(serverId)).toEqual([]);
});

test('a port that is deleted is taken from its guest', async () => {
  isReluctant = false;
  const { serverId, portId } = await serverOnNetwork();
  await storage.cloud.servers.deletePort(storage.member, portId);
  await expect(storage.cloud.networks.ports.get(storage.member, portId)).rejects.toMatchObject({ code: 'not_found' });
  await expect.poll(() => nicsOf(serverId)).toEqual([]);
});

test('a port is deleted whatever the guest does, which has no interface of it from its next start on', async () => {
  const { serverId, portId } = await serverOnNetwork();
  await storage.cloud.servers.deletePort(storage.member, portId);
  await expect(storage.cloud.networks.ports.get(storage.member, portId)).rejects.toMatchObject({ code: 'not_found' });
  for (const verb of ['stop', 'start'] as const)
    expect(await storage.ended((await storage.cloud.servers[verb](storage.member, serverId)).actionId)).toBe(
      'succeeded',
    );
  expect(nicsOf(serverId)).toEqual([]);
});
