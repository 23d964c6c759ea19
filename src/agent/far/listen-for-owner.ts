import { once } from 'node:events';
import { chmod, chown, mkdir, rename, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';

/**
 * Listens on a unix socket that nobody may connect to but root and the owner: not for a moment, as it gets its name last.
 *
 * @param owner a user by number; root alone where there is none
 */
export async function listenForOwner(path: string, owner: number | undefined): Promise<Server> {
  const folder = `${path}.new`;
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { mode: 0o700 });
  const server = createServer();
  server.listen({ path: `${folder}/s` });
  await once(server, 'listening');
  await chmod(`${folder}/s`, 0o600);
  if (owner !== undefined) await chown(`${folder}/s`, owner, -1);
  await rename(`${folder}/s`, path);
  await rm(folder, { recursive: true });
  return server;
}
