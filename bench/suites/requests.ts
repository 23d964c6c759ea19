import autocannon from 'autocannon';
import type { CloudProcess } from '../cloud-process.ts';
import type { Figure } from '../report.ts';
import { createServers, networkAndImage } from '../servers.ts';

interface Measured {
  name: string;
  path: string;
  connections: number;
  bound?: Figure['bound'];
}

/**
 * What clients ask most: how many requests a second of processor time serves (what one core gives, however busy the
 * machine is otherwise), and the latency under that load.
 */
export async function requests(cloud: CloudProcess, options: { seconds: number }): Promise<Figure[]> {
  const made = await networkAndImage(cloud);
  const ids = await createServers(cloud, made, 1000);
  const one = ids[0]!;
  const cases: Measured[] = [
    {
      name: 'GET /servers/{id}',
      path: `/compute/v2.1/servers/${one}`,
      connections: 32,
      bound: { value: 12_000, better: 'higher', what: 'requests per second' },
    },
    {
      name: 'GET /servers/detail, pages of 100 of 1,000',
      path: '/compute/v2.1/servers/detail?limit=100',
      connections: 8,
      bound: { value: 300, better: 'higher', what: 'pages per second' },
    },
    {
      name: 'GET /servers/{id}/os-instance-actions',
      path: `/compute/v2.1/servers/${one}/os-instance-actions`,
      connections: 32,
    },
    { name: 'GET /v2/images', path: '/image/v2/images', connections: 32 },
    { name: 'GET /v2.0/networks', path: '/network/v2.0/networks', connections: 32 },
    { name: 'GET /flavors/detail', path: '/compute/v2.1/flavors/detail', connections: 32 },
  ];
  const figures: Figure[] = [];
  for (const { name, path, connections, bound } of cases) {
    const before = await cloud.usage();
    const result = await autocannon({
      url: cloud.origin + path,
      connections,
      duration: options.seconds,
      headers: { 'x-auth-token': cloud.token },
    });
    if (result.non2xx > 0 || result.errors > 0) throw new Error(`${name}: ${result.non2xx + result.errors} failures`);
    const cpuSeconds = (await cloud.usage()).cpuSeconds - before.cpuSeconds;
    figures.push({ suite: 'requests', name, value: result['2xx'] / cpuSeconds, unit: 'req/s and core', bound });
    figures.push({ suite: 'requests', name: `${name}, p99`, value: result.latency.p99, unit: 'ms' });
  }
  return figures;
}
