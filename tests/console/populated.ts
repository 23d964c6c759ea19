import { vi } from 'vitest';
import { tinyLinuxId } from '../../src/assembly/tinylinux.ts';
import type { OpenStackClient } from '../../src/cli/clients/openstack-client.ts';

const servers = [
  { name: 'web-1', flavor: '2', network: 'frontend' },
  { name: 'web-2', flavor: '2', network: 'frontend' },
  { name: 'api-1', flavor: '2', network: 'backend' },
  { name: 'api-2', flavor: '2', network: 'backend' },
  { name: 'worker-nightly-reports-and-invoices-of-all-customers-1', flavor: '1', network: 'backend' },
  { name: 'db-primary', flavor: '3', network: 'backend' },
  { name: 'db-replica', flavor: '3', network: 'backend' },
  { name: 'build-runner', flavor: '1', network: 'frontend' },
];

/** Fills a cloud with what a small company has in one: for pictures that look like somebody's. */
export async function populate(client: OpenStackClient): Promise<Record<string, string>> {
  const networks: Record<string, string> = {};
  for (const [index, name] of ['frontend', 'backend'].entries()) {
    const { network } = await client.post('/network/v2.0/networks', { network: { name } });
    networks[name] = network.id;
    await client.post('/network/v2.0/subnets', {
      subnet: { network_id: network.id, name: `${name}-v4`, cidr: `10.${20 + index}.0.0/24`, ip_version: 4 },
    });
  }
  for (const [name, format] of [
    ['Debian 13 Trixie', 'qcow2'],
    ['Ubuntu 26.04 LTS', 'qcow2'],
    ['Windows Server 2025 (evaluation)', 'vhdx'],
  ]) {
    await client.post('/image/v2/images', { name, disk_format: format, container_format: 'bare', min_disk: 10 });
  }
  const ids: Record<string, string> = {};
  for (const { name, flavor, network } of servers) {
    const server = {
      name,
      imageRef: tinyLinuxId,
      flavorRef: flavor,
      networks: [{ uuid: networks[network] }],
      metadata: { team: name.split('-')[0], environment: 'production' },
    };
    ids[name] = (await client.post('/compute/v2.1/servers', { server })).server.id;
  }
  await settled(client, 'ACTIVE', Object.values(ids));
  const { flavor } = await client.post('/compute/v2.1/flavors', {
    flavor: { name: 'm9.colossal', vcpus: 8, ram: 900_000_000, disk: 20 },
  });
  const server = { name: 'analytics', imageRef: tinyLinuxId, flavorRef: flavor.id, networks: 'none' };
  const version = { 'OpenStack-API-Version': 'compute 2.37' };
  const broken = (await client.call('POST', '/compute/v2.1/servers', { server }, version)).server.id as string;
  await client.post(`/compute/v2.1/servers/${ids['build-runner']}/action`, { 'os-stop': null });
  await client.post(`/compute/v2.1/servers/${ids['web-1']}/action`, { rebuild: { imageRef: tinyLinuxId } });
  await settled(client, 'ERROR', [broken]);
  await settled(client, 'SHUTOFF', [ids['build-runner']!]);
  await settled(client, 'ACTIVE', [ids['web-1']!]);
  return ids;
}

async function settled(client: OpenStackClient, status: string, ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    await vi.waitFor(
      async () => {
        const { server } = await client.get(`/compute/v2.1/servers/${id}`);
        if (server.status !== status || server['OS-EXT-STS:task_state']) throw new Error(`${id} is ${server.status}`);
      },
      { timeout: 60_000, interval: 100 },
    );
  }
}
