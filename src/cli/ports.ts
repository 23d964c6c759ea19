import { once } from 'node:events';
import { createServer } from 'node:net';
import { UserError } from './user-error.ts';

/** Why the port can't be listened on, or undefined when it can. */
export async function portProblem(listen: string, port: number): Promise<string | undefined> {
  const server = createServer();
  try {
    server.listen({ host: listen, port, exclusive: true });
    await once(server, 'listening');
    server.close();
    return undefined;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE') return `port ${port} on ${listen} is in use by another program`;
    if (code === 'EACCES') return `port ${port} is for root only`;
    if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') return `${listen} is no address of this machine`;
    return message;
  }
}

/** Throws what to do when the port can't be listened on: before work is done that would be in vain. */
export async function requireFreePort(listen: string, port: number): Promise<void> {
  const problem = await portProblem(listen, port);
  if (problem)
    throw new UserError(`${problem}. Choose another with --port N (0 for any free one) or --listen ADDRESS.`);
}
