import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';

/**
 * Connects to a unix socket by the folder it is in. A socket's address has at most 107 bytes and a data folder may lie
 * deeper, so the way goes through a descriptor of the folder. Rejects with the system's error (`ECONNREFUSED`, `ENOENT`).
 */
export async function connectUnixSocket(folder: string, name: string): Promise<Socket> {
  const directory = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    return await new Promise((resolve, reject) => {
      const socket = connect({ path: `/proc/self/fd/${directory.fd}/${name}` });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(socket);
      });
    });
  } finally {
    await directory.close();
  }
}
