import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { emptyQcow2 } from '../../agent/disks/qcow2-header.ts';

/** A web server with image files on it, for tests. `/slow.qcow2` begins to answer when `release` is called. */
export class ImageFiles {
  readonly #server: Server;
  #release: () => void = () => {};
  readonly #released: Promise<void>;

  private constructor(server: Server) {
    this.#server = server;
    this.#released = new Promise((resolve) => {
      this.#release = resolve;
    });
  }

  static async start(): Promise<ImageFiles> {
    const server = createServer();
    const files = new ImageFiles(server);
    const image = emptyQcow2(64 * 2 ** 20);
    server.on('request', async (request, response) => {
      if (request.url === '/slow.qcow2') await files.#released;
      const isThere = request.url?.endsWith('.qcow2');
      response.writeHead(isThere ? 200 : 404, { 'content-length': isThere ? image.length : 0 });
      response.end(isThere && request.method !== 'HEAD' ? image : undefined);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return files;
  }

  url(name: string): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/${name}`;
  }

  release(): void {
    this.#release();
  }

  async stop(): Promise<void> {
    this.#release();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
