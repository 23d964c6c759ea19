import type { CloudProcess } from '../cloud-process.ts';
import { type Figure, percentile } from '../report.ts';
import { createServer, deleteServer, networkAndImage, waitFor } from '../servers.ts';

async function timed(work: () => Promise<unknown>): Promise<number> {
  const from = performance.now();
  await work();
  return performance.now() - from;
}

/** From the request to the state that the client waits for, on the simulated hypervisor: what the cloud itself costs. */
export async function simulatedServers(cloud: CloudProcess): Promise<Figure[]> {
  const made = await networkAndImage(cloud);
  const create: number[] = [];
  const rebuild: number[] = [];
  for (let index = 0; index < 100; index += 1) {
    let id = '';
    create.push(
      await timed(async () => {
        id = await createServer(cloud, made, `one-${index}`);
        await waitFor(cloud, id, 'ACTIVE');
      }),
    );
    rebuild.push(
      await timed(async () => {
        await cloud.request('POST', `/compute/v2.1/servers/${id}/action`, { rebuild: { imageRef: made.imageId } });
        await waitFor(cloud, id, 'ACTIVE');
      }),
    );
    await deleteServer(cloud, id);
  }
  const atOnce = await timed(async () => {
    const ids = await Promise.all(
      Array.from({ length: 100 }, (_, index) => createServer(cloud, made, `many-${index}`)),
    );
    for (const id of ids) await waitFor(cloud, id, 'ACTIVE');
  });
  const figure = (name: string, value: number, bound?: Figure['bound']): Figure => ({
    suite: 'servers (simulated)',
    name,
    value,
    unit: 'ms',
    bound,
  });
  return [
    figure('create → ACTIVE, p50', percentile(create, 0.5), { value: 15, better: 'lower', what: 'ms' }),
    figure('create → ACTIVE, p95', percentile(create, 0.95)),
    figure('100 creates at once → all ACTIVE', atOnce, { value: 700, better: 'lower', what: 'ms' }),
    figure('rebuild → ACTIVE, p50', percentile(rebuild, 0.5)),
  ];
}
