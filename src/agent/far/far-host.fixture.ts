import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { type Env, newId } from '../../env/env.ts';
import type { HostAgent } from '../contract.ts';
import { connectUnixSocket } from '../hypervisor/qemu/unix-socket.ts';
import { acrossMachines, type FindMachine } from './across-machines.ts';
import { type FarHost, farHost } from './far-host.ts';
import { OwnMachine } from './own-machine.ts';
import { serveHost } from './serve-host.ts';

const socket = 'agent.sock';

/** A host that is reached through its agent's socket, as one on another machine is. */
export interface ServedHost {
  /** What a control plane has of it. */
  far: FarHost;
  /** The same, which takes things from other machines too. */
  agent: HostAgent;
  /** How often it has been connected to: it takes a moment only to be connected again. */
  readonly connections: number;
  /** Cuts all connections; they are made again. */
  cut(): void;
  close(): Promise<void>;
}

/** Serves the host, and connects to it. `find` knows the other machines; this one is found by its name. */
export async function serveAndConnect(
  env: Env,
  host: HostAgent,
  { folder, name = 'far', find }: { folder: string; name?: string; find: FindMachine },
): Promise<ServedHost> {
  await mkdir(folder, { recursive: true });
  const machine = await OwnMachine.open(env, join(folder, 'lent'));
  const server = createServer();
  const identity = { hostId: name, key: newId(env) };
  const stop = serveHost(env, server, { host, machine, identity, program: 'test', stop() {} });
  server.listen({ path: join(folder, socket) });
  await once(server, 'listening');
  const streams = new Set<Socket>();
  let connections = 0;
  const onChange = (state: object) => {
    if ('description' in state) connections += 1;
  };
  const connect = async () => ({
    identity,
    async open() {
      const stream = await connectUnixSocket(folder, socket);
      streams.add(stream);
      stream.on('close', () => streams.delete(stream));
      return stream;
    },
    close() {},
  });
  const far = farHost({ env, name, connect, onChange });
  await far.connection.connect();
  return {
    far,
    agent: acrossMachines(env, far, far.connection, (wanted) => (wanted === name ? far.connection : find(wanted))),
    get connections() {
      return connections;
    },
    cut() {
      for (const stream of streams) stream.destroy();
    },
    async close() {
      await far.close();
      stop();
      await new Promise((closed) => server.close(closed));
      await host.close();
    },
  };
}
