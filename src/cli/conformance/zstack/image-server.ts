import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { emptyQcow2 } from '../../../agent/disks/qcow2-header.ts';

/** A web server of this machine with one small image on it, for clouds to fetch. */
export async function serveImage(): Promise<{ url: string; stop(): Promise<void> }> {
  const image = emptyQcow2(64 * 2 ** 20);
  const server = createServer((request, response) => {
    response.writeHead(200, { 'content-length': image.length });
    response.end(request.method === 'HEAD' ? undefined : image);
  });
  server.on('clientError', (_, socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/small.qcow2`,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
