import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { FastifyInstance } from 'fastify';
import { createWebSocketStream, type WebSocket, WebSocketServer } from 'ws';
import type { Cloud } from '../cloud/cloud.ts';
import { type ConsoleSession, isGuestGone } from '../cloud/servers/consoles.ts';
import { consoleKinds } from './console-urls.ts';

/** What a client sends at once: keys, the pointer, a clipboard. Bytes. */
const maxMessage = 2 ** 20;
const pingMs = 30_000;

export interface ConsoleProxyOptions {
  cloud: Cloud;
  /** The origin by which clients reach us, where their Host header does not say it. */
  publicOrigin?: string;
}

/**
 * Serves the consoles of servers as WebSockets, at `/console/novnc` and `/console/serial`: binary frames with the bytes
 * of the guest's screen (RFB) or serial port. The token comes in the query, or in a cookie `token`.
 */
export function serveConsoles(app: FastifyInstance, options: ConsoleProxyOptions): void {
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: maxMessage,
    perMessageDeflate: false,
    // Older clients of noVNC ask for it, and end when they don't get it.
    handleProtocols: (offered) => (offered.has('binary') ? 'binary' : false),
  });
  const clients = new Set<WebSocket>();
  app.server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => socket.destroy());
    admit(options, request).then(
      (admitted) => {
        if (typeof admitted === 'number') return refuse(socket, admitted);
        if (socket.destroyed) return void admitted.stream.destroy();
        sockets.handleUpgrade(request, socket, head, (client) => {
          clients.add(client);
          client.once('close', () => clients.delete(client));
          void relay(options.cloud, client, admitted);
        });
      },
      (error) => {
        app.log.error({ err: error }, 'a console could not be opened');
        refuse(socket, isGuestGone(error) ? 404 : 503);
      },
    );
  });
  for (const [name] of consoleKinds) {
    app.get(`/console/${name}`, (_request, reply) =>
      reply
        .code(426)
        .headers({ upgrade: 'websocket', connection: 'upgrade' })
        .send({
          error: { code: 426, message: 'A console is a WebSocket: connect to this address with ws: or wss:.' },
        }),
    );
  }
  app.addHook('preClose', async () => {
    for (const client of clients) client.terminate();
  });
}

/** The session that the request is let in to, or the status with which it is not. */
async function admit(options: ConsoleProxyOptions, request: IncomingMessage): Promise<ConsoleSession | number> {
  const url = new URL(request.url ?? '/', 'http://localhost');
  const kind = consoleKinds.get(/^\/console\/(\w+)\/?$/.exec(url.pathname)?.[1] ?? '');
  if (!kind) return 404;
  if (!comesFromHere(options, request)) return 403;
  const token = tokenOf(url, request);
  return (token && (await options.cloud.servers.consoles.connect(token, kind))) || 403;
}

/**
 * Pages of other sites must not speak to a console with a token that they got hold of. Requests without an origin are
 * no page's. The port is not compared, as with Nova: the page may be served by another one.
 */
function comesFromHere({ publicOrigin }: ConsoleProxyOptions, request: IncomingMessage): boolean {
  const { origin, host } = request.headers;
  if (origin === undefined) return true;
  if (!URL.canParse(origin)) return false;
  const from = new URL(origin);
  const forwarded = [request.headers['x-forwarded-proto'] ?? []].flat()[0]?.split(',')[0]?.trim();
  const isTls = 'encrypted' in request.socket;
  const here = publicOrigin ?? `${forwarded ?? (isTls ? 'https' : 'http')}://${host}`;
  if (!URL.canParse(here)) return false;
  const { hostname, protocol } = new URL(here);
  return from.hostname === hostname && from.protocol === protocol;
}

function tokenOf(url: URL, { headers }: IncomingMessage): string | undefined {
  return url.searchParams.get('token') ?? /(?:^|;\s*)token=([^;\s]+)/.exec(headers.cookie ?? '')?.[1];
}

/** An answer without a body: clients take whatever they read for the guest's. */
function refuse(socket: Duplex, status: number): void {
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}

async function relay({ env }: Cloud, client: WebSocket, { stream }: ConsoleSession): Promise<void> {
  let isAlive = true;
  client.on('pong', () => {
    isAlive = true;
  });
  const stopPinging = env.every(pingMs, () => {
    if (!isAlive) return client.terminate();
    isAlive = false;
    client.ping();
  });
  const frames = createWebSocketStream(client);
  // Either side may end at any time, in order or not: it is all the same to the other one.
  await Promise.allSettled([pipeline(stream, frames), pipeline(frames, stream)]);
  stopPinging();
  stream.destroy();
  client.terminate();
}
