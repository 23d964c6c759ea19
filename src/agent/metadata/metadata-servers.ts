import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Server, Socket } from 'node:net';
import type { MetadataAnswer, MetadataResponder } from '../contract.ts';
import type { AgentLog } from '../log.ts';
import { listenInNamespace } from './listen-in-namespace.ts';

const port = 80;
const maxConnections = 64;
/** By these a proxy would say for whom it asks. A guest asks for itself, so it has no business with them. */
const forbiddenHeaders = ['x-forwarded-for', 'x-instance-id', 'x-instance-id-signature', 'x-tenant-id', 'forwarded'];

/**
 * Answers what guests ask of the metadata address, on each network by itself. Who asks follows from the network and the
 * address that the request came from; guests can't send from addresses that are not theirs.
 */
export class MetadataServers {
  readonly #log: AgentLog;
  readonly #address: string;
  readonly #listeners = new Map<string, Server>();
  readonly #networks = new WeakMap<Socket, string>();
  readonly #http = createServer(
    { maxHeaderSize: 8192, requestTimeout: 10_000, headersTimeout: 10_000 },
    (request, response) => {
      void this.#serve(request, response);
    },
  );
  #responder: MetadataResponder | undefined;
  /** Network → namespace. */
  #wanted: ReadonlyMap<string, string> = new Map();
  #round: Promise<void> = Promise.resolve();

  constructor(address: string, log: AgentLog) {
    this.#address = address;
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
  ensure(networks: ReadonlyMap<string, string>, fresh: readonly string[]): void {
    this.#wanted = networks;
    for (const [networkId, listener] of this.#listeners) {
      const namespace = networks.get(networkId);
      if (namespace !== undefined && !fresh.includes(namespace)) continue;
      // It would keep alive a namespace that is to go, or is gone.
      listener.close();
      this.#listeners.delete(networkId);
    }
    this.#round = this.#round.then(() => this.#listen());
  }

  async close(): Promise<void> {
    this.ensure(new Map(), []);
    await this.#round;
    this.#http.closeAllConnections();
  }

  async #listen(): Promise<void> {
    for (const [networkId, namespace] of this.#wanted) {
      if (this.#listeners.has(networkId)) continue;
      try {
        const listener = await listenInNamespace(namespace, this.#address, port);
        if (this.#wanted.get(networkId) === namespace) this.#accept(networkId, listener);
        else listener.close();
      } catch (error) {
        this.#log.warn({ error, networkId }, 'metadata is not served on a network');
      }
    }
  }

  #accept(networkId: string, listener: Server): void {
    listener.maxConnections = maxConnections;
    listener.on('connection', (socket) => {
      this.#networks.set(socket, networkId);
      this.#http.emit('connection', socket);
    });
    listener.unref();
    this.#listeners.set(networkId, listener);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const answer = await this.#answer(request).catch((error: unknown): MetadataAnswer => {
      this.#log.warn({ error }, 'a guest could not be told its metadata');
      return text(500, 'The metadata service has failed.');
    });
    response.writeHead(answer.status, { 'content-type': answer.contentType, connection: 'close' });
    response.end(request.method === 'HEAD' ? undefined : answer.body);
  }

  async #answer({ socket, headers, method = '', url = '/' }: IncomingMessage): Promise<MetadataAnswer> {
    const networkId = this.#networks.get(socket);
    const address = socket.remoteAddress?.replace(/^::ffff:/, '');
    if (!networkId || !address) return text(500, 'The asker is not known.');
    if (forbiddenHeaders.some((name) => headers[name] !== undefined)) {
      return text(400, 'Requests for somebody else are not answered.');
    }
    if (method !== 'GET' && method !== 'HEAD') return text(405, 'Metadata can only be read.');
    if (!this.#responder) return text(503, 'The metadata service is starting.');
    return await this.#responder({ networkId, address, method, path: url });
  }
}

function text(status: number, body: string): MetadataAnswer {
  return { status, contentType: 'text/plain; charset=utf-8', body: `${body}\n` };
}
