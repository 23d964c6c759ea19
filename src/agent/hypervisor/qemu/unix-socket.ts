import { once } from 'node:events';
import { constants } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';

/**
 * Connects to a unix socket by the folder it is in. A socket's address has at most 107 bytes and a data folder may lie
 * deeper, so the way goes through a descriptor of the folder. Rejects with the system's error (`ECONNREFUSED`, `ENOENT`).
 * A connection that breaks later tells it by `close`; its `error` is listened to from the start, since the other side may
 * end before the caller has the socket.
 */
export async function connectUnixSocket(folder: string, name: string): Promise<Socket> {
  const directory = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    return await new Promise((resolve, reject) => {
      const socket = connect({ path: `/proc/self/fd/${directory.fd}/${name}` });
      socket.on('error', reject);
      socket.once('connect', () => resolve(socket));
    });
  } finally {
    await directory.close();
  }
}

/** A unix socket that waits for one connection. Disposing of it ends the waiting and the connection. */
export interface ListeningSocket extends AsyncDisposable {
  connection: Promise<Socket>;
}

/** Listens on a unix socket in the folder, which may lie deep as well; replaces one that an earlier process left. */
export async function listenOnUnixSocket(folder: string, name: string): Promise<ListeningSocket> {
  await rm(join(folder, name), { force: true });
  const directory = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  const server = createServer();
  const { promise: connection, resolve, reject } = Promise.withResolvers<Socket>();
  connection.catch(() => {});
  const connected: Socket[] = [];
  server.once('connection', (socket) => {
    socket.on('error', () => {}); // told by `close`, whether somebody has the socket yet or not
    connected.push(socket);
    resolve(socket);
  });
  try {
    server.listen({ path: `/proc/self/fd/${directory.fd}/${name}` });
    await once(server, 'listening');
  } catch (error) {
    await directory.close();
    throw error;
  }
  return {
    connection,
    async [Symbol.asyncDispose]() {
      reject(new Error('nobody connected'));
      for (const socket of connected) socket.destroy();
      // Closing removes the socket's file by the path it was made with, which leads through the folder's descriptor.
      await new Promise((closed) => server.close(closed));
      await directory.close();
    },
  };
}
