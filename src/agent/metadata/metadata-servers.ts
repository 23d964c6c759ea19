import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Server, Socket } from 'node:net';
import type { MetadataAnswer, MetadataResponder } from '../contract.ts';
import { bytesOf } from '../file-content.ts';
import type { AgentLog } from '../log.ts';
import { listenInNamespace } from './listen-in-namespace.ts';

const port = 80;
const maxConnections = 64;
/** Guests send nothing but a password. */
const maxBody = 4096;
/** By these a proxy would say for whom it asks. A guest asks for itself, so it has no business with them. */
const forbiddenHeaders = ['x-forwarded-for', 'x-instance-id', 'x-instance-id-signature', 'x-tenant-id', 'forwarded'];

/** Where metadata is served on a network. */
export interface MetadataPlace {
  namespace: string;
  addresses: readonly string[];
}

interface Listener {
  networkId: string;
  address: string;
  server: Server;
}

/**
 * Answers what guests ask of the metadata addresses, on each network by itself. Who asks follows from the network and the
 * address that the request came from; guests can't send from addresses that are not theirs.
 */
export class MetadataServers {
  readonly #log: AgentLog;
  /** By network and address. */
  readonly #listeners = new Map<string, Listener>();
  readonly #networks = new WeakMap<Socket, string>();
  readonly #http = createServer(
    { maxHeaderSize: 8192, requestTimeout: 10_000, headersTimeout: 10_000 },
    (request, response) => {
      void this.#serve(request, response);
    },
  );
  #responder: MetadataResponder | undefined;
  #wanted: ReadonlyMap<string, MetadataPlace> = new Map();
  #round: Promise<void> = Promise.resolve();

  constructor(log: AgentLog) {
    this.#log = log;
  }

  serve(responder: MetadataResponder): () => void {
    this.#responder = responder;
    return () => {
      if (this.#responder === responder) this.#responder = undefined;
    };
  }

  /**
   * Listens on each of the networks, in its namespace, and nowhere else: a moment later, since that takes a process for
   * each. What fails is tried again when this is called again. Namespaces that are `fresh` have nobody who listens yet.
   */
  ensure(networks: ReadonlyMap<string, MetadataPlace>, fresh: readonly string[]): void {
    this.#wanted = networks;
    for (const [key, { networkId, address, server }] of this.#listeners) {
      const place = networks.get(networkId);
      if (place?.addresses.includes(address) && !fresh.includes(place.namespace)) continue;
      // It would keep alive a namespace that is to go, or is gone.
      server.close();
      this.#listeners.delete(key);
    }
    this.#round = this.#round.then(() => this.#listen());
  }

  async close(): Promise<void> {
    this.ensure(new Map(), []);
    await this.#round;
    this.#http.closeAllConnections();
  }

  async #listen(): Promise<void> {
    for (const [networkId, { namespace, addresses }] of this.#wanted) {
      for (const address of addresses) await this.#listenAt(networkId, namespace, address);
    }
  }

  async #listenAt(networkId: string, namespace: string, address: string): Promise<void> {
    if (this.#listeners.has(`${networkId} ${address}`)) return;
    try {
      const server = await listenInNamespace(namespace, address, port);
      if (this.#wanted.get(networkId)?.namespace === namespace) this.#accept({ networkId, address, server });
      else server.close();
    } catch (error) {
      this.#log.warn({ error, networkId, address }, 'metadata is not served on a network');
    }
  }

  #accept(listener: Listener): void {
    const { networkId, address, server } = listener;
    server.maxConnections = maxConnections;
    server.on('connection', (socket) => {
      this.#networks.set(socket, networkId);
      this.#http.emit('connection', socket);
    });
    server.unref();
    this.#listeners.set(`${networkId} ${address}`, listener);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const answer = await this.#answer(request).catch((error: unknown): MetadataAnswer => {
      this.#log.warn({ error }, 'a guest could not be told its metadata');
      return text(500, 'The metadata service has failed.');
    });
    response.writeHead(answer.status, { 'content-type': answer.contentType, connection: 'close' });
    response.end(request.method === 'HEAD' ? undefined : bytesOf(answer.body));
  }

  async #answer(request: IncomingMessage): Promise<MetadataAnswer> {
    const { socket, headers, method = '', url = '/' } = request;
    const networkId = this.#networks.get(socket);
    const address = socket.remoteAddress?.replace(/^::ffff:/, '').replace(/%.*$/, '');
    if (!networkId || !address) return text(500, 'The asker is not known.');
    if (forbiddenHeaders.some((name) => headers[name] !== undefined)) {
      return text(400, 'Requests for somebody else are not answered.');
    }
    if (!['GET', 'HEAD', 'POST'].includes(method)) return text(405, 'Metadata can only be read.');
    if (!this.#responder) return text(503, 'The metadata service is starting.');
    if (method !== 'POST') return await this.#responder({ networkId, address, method, path: url });
    const body = await bodyOf(request);
    if (body === undefined) return text(400, 'Request is too large.');
    return await this.#responder({ networkId, address, method, path: url, body });
  }
}

/** Undefined where it is longer than anything that a guest may send. */
async function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > maxBody) return undefined;
    parts.push(part);
  }
  return Buffer.concat(parts).toString();
}

function text(status: number, body: string): MetadataAnswer {
  return { status, contentType: 'text/plain; charset=utf-8', body: `${body}\n` };
}
