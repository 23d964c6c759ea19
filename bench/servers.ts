import { setTimeout as pause } from 'node:timers/promises';
import type { CloudProcess } from './cloud-process.ts';

export interface Made {
  imageId: string;
}

/** TinyLinux, which every cloud has from its start. */
export async function networkAndImage(cloud: CloudProcess): Promise<Made> {
  const { images } = await cloud.request<{ images: Array<{ id: string }> }>('GET', '/image/v2/images?name=TinyLinux');
  return { imageId: images[0]!.id };
}

export async function createServer(cloud: CloudProcess, { imageId }: Made, name: string): Promise<string> {
  const body = { server: { name, imageRef: imageId, flavorRef: '42' } };
  const { server } = await cloud.request<{ server: { id: string } }>('POST', '/compute/v2.1/servers', body);
  return server.id;
}

/** Between two questions: short against what is measured, and long enough that asking does not take its processor. */
const askEveryMs = 2;

/** Waits until the server is as wanted; throws when it is in error. */
export async function waitFor(cloud: CloudProcess, id: string, wanted: string): Promise<void> {
  for (;;) {
    const { server } = await cloud.request<{
      server: { status: string; fault?: { message: string } } & Record<string, unknown>;
    }>('GET', `/compute/v2.1/servers/${id}`);
    if (server.status === wanted && server['OS-EXT-STS:task_state'] === null) return;
    if (server.status === 'ERROR') throw new Error(`server ${id} is in error: ${server.fault?.message}`);
    await pause(askEveryMs);
  }
}

/** Many servers, a few at a time. */
export async function createServers(cloud: CloudProcess, made: Made, count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let from = 0; from < count; from += 100) {
    const batch = Array.from({ length: Math.min(100, count - from) }, (_, index) =>
      createServer(cloud, made, `s${from + index}`),
    );
    const made100 = await Promise.all(batch);
    for (const id of made100) await waitFor(cloud, id, 'ACTIVE');
    ids.push(...made100);
  }
  return ids;
}

export async function deleteServer(cloud: CloudProcess, id: string): Promise<void> {
  await cloud.request('DELETE', `/compute/v2.1/servers/${id}`);
  for (;;) {
    const answer = await fetch(`${cloud.origin}/compute/v2.1/servers/${id}`, { headers: cloud.headers });
    await answer.arrayBuffer();
    if (answer.status === 404) return;
    await pause(askEveryMs);
  }
}
