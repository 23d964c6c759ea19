import { expect, test } from 'vitest';
import { makeServer } from '../../../tests/engine/fixtures/fixture.ts';
import { World } from '../../../tests/engine/world.ts';
import type { FarHosts } from '../far-hosts/far-hosts.ts';
import { answerMetadata } from './answer.ts';

test('a host on another machine is told the metadata of its own guests, and of no others', async () => {
  await using world = await World.open({ hosts: 2 });
  await makeServer(world);
  const port = await world.db.read
    .selectFrom('ports')
    .innerJoin('port_addresses', 'port_addresses.port_id', 'ports.id')
    .innerJoin('servers', 'servers.id', 'ports.device_id')
    .select(['ports.network_id', 'ports.host_id', 'port_addresses.ip_address'])
    .executeTakeFirstOrThrow();
  const request = { networkId: port.network_id, address: port.ip_address, method: 'GET', path: '/openstack' };
  const statusFor = async (hostId: string, isFar: boolean) => {
    const farHosts = { has: () => isFar } as unknown as FarHosts;
    return (await answerMetadata({ ...world.cloud, farHosts }, request, hostId)).status;
  };
  const other = (await world.cloud.hosts.list()).find(({ id }) => id !== port.host_id)!.id;
  expect(await statusFor(port.host_id!, true)).toBe(200);
  expect(await statusFor(other, true)).toBe(404);
  // Hosts of this machine serve networks for each other.
  expect(await statusFor(other, false)).toBe(200);
  // On its way to another host it may ask there, too.
  await world.db.write((tx) => tx.updateTable('allocations').set({ host_id: other }).execute());
  expect(await statusFor(other, true)).toBe(200);
});
