import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename } from 'node:path';
import { pipeline } from 'node:stream/promises';

export interface FileServer {
  url: string;
  close(): void;
}

/** Gives one file to whoever asks on this machine, whole: what is fetched from the Internet elsewhere. */
export async function serveFile(path: string): Promise<FileServer> {
  const name = `/${basename(path)}`;
  const { size } = await stat(path);
  const server = createServer(async (request, response) => {
    if (request.url !== name || (request.method !== 'GET' && request.method !== 'HEAD')) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': size });
    if (request.method === 'HEAD') response.end();
    // Whoever hangs up has what they wanted, or does without.
    else await pipeline(createReadStream(path), response).catch(() => {});
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  // It keeps nobody waiting who ends without closing it.
  server.unref();
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}${name}`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
