import type { FastifyBaseLogger } from 'fastify';
import { createApiServer } from '../api/server.ts';
import type { Cloud } from '../cloud/cloud.ts';
import { ConsoleBuild } from './console-build.ts';
import { dialectGroups } from './dialects.ts';
import { type OpenedUnkai, openUnkai, type UnkaiOptions } from './open-unkai.ts';
import { startWebHooks } from './web-hooks.ts';

export interface ServeOptions extends UnkaiOptions {
  log: FastifyBaseLogger;
  /** The address to listen on, as `127.0.0.1` or `::`. */
  listen: string;
  /** 0 for any that is free. */
  port: number;
  /** The origin that links should name, where it is not the one that clients' Host headers say. */
  publicOrigin?: string;
  /** Serves the web console, which is built in the background where that has not been done yet. */
  console?: boolean;
  /** Runs on the open engine before anyone can reach it. */
  beforeListening?(cloud: Cloud): Promise<void>;
}

export interface ServedUnkai extends OpenedUnkai {
  /** The scheme and authority at which this machine reaches the cloud, as `http://127.0.0.1:8774`. */
  origin: string;
  port: number;
}

/** Requests that are under way when the cloud stops get so long to end, milliseconds. */
const drainMs = 2000;

/** Opens a whole cloud and serves every API of it. It takes requests once this has resolved. */
export async function serveUnkai(options: ServeOptions): Promise<ServedUnkai> {
  const opened = await openUnkai(options);
  const { log, publicOrigin } = options;
  let isReady = false;
  const console = options.console ? new ConsoleBuild() : undefined;
  const app = createApiServer({
    cloud: opened.cloud,
    dialects: dialectGroups,
    log,
    publicOrigin,
    console,
    isReady: () => isReady,
  });
  try {
    await options.beforeListening?.(opened.cloud);
    await app.listen({ host: options.listen, port: options.port });
  } catch (error) {
    await app.close();
    await opened.close();
    throw error;
  }
  isReady = true;
  void console?.start().then((state) => {
    if (state.phase === 'failed') log.warn({ reason: state.reason }, 'the web console could not be built');
    else log.info({}, 'the web console is ready');
  });
  const stopWebHooks = startWebHooks(opened.cloud);
  const { port } = app.server.address() as { port: number };
  return {
    ...opened,
    port,
    origin: localOrigin(options.listen, port),
    async close() {
      isReady = false;
      await console?.stop();
      const impatience = setTimeout(() => app.server.closeAllConnections(), drainMs);
      await app.close();
      await stopWebHooks();
      clearTimeout(impatience);
      await opened.close();
    },
  };
}

/** Where this machine reaches a server that listens on the address. */
function localOrigin(listen: string, port: number): string {
  const address = listen === '0.0.0.0' ? '127.0.0.1' : listen === '::' ? '::1' : listen;
  return `http://${address.includes(':') ? `[${address}]` : address}:${port}`;
}
