import { once } from 'node:events';
import { appendFileSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { chown } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { realEnv } from '../../env/real.ts';
import { openQemuHost } from '../hypervisor/qemu/qemu-host.ts';
import type { AgentLog } from '../log.ts';
import { type NetworkKind, openNetworkDriver } from '../network/open-network.ts';
import { OwnMachine } from './own-machine.ts';
import { serveHost } from './serve-host.ts';

/**
 * The program that owns the QEMU host of a machine for control planes elsewhere, who put it there and start it. It has
 * ears for a unix socket only: who may use it is who may log in to the machine. Guests outlive it.
 */
const { values } = parseArgs({
  options: {
    /** Where everything of the host is kept. */
    folder: { type: 'string' },
    /** The name of this build, which control planes compare with theirs. */
    program: { type: 'string' },
    /** Where other hosts send frames of common networks. */
    address: { type: 'string' },
    network: { type: 'string' },
    /** The user whose connections it takes, by number. */
    owner: { type: 'string' },
  },
});

const largestLog = 16 * 1024 * 1024;

function openLog(path: string): AgentLog {
  const write = (level: string, fields: object, message: string) => {
    const { err, ...rest } = fields as { err?: unknown };
    const shown = err instanceof Error ? { ...rest, err: err.message } : fields;
    appendFileSync(path, `${JSON.stringify({ time: new Date().toISOString(), level, message, ...shown })}\n`);
  };
  if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) > largestLog) renameSync(path, `${path}.1`);
  return {
    debug() {},
    info: (fields, message) => write('info', fields, message),
    warn: (fields, message) => write('warn', fields, message),
  };
}

async function run(folder: string): Promise<void> {
  const env = realEnv();
  mkdirSync(folder, { recursive: true, mode: 0o711 });
  const log = openLog(join(folder, 'agent.log'));
  const directory = join(folder, 'host');
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const tunnel = values.address === undefined ? undefined : { address: values.address };
  const network = await openNetworkDriver(env, log, directory, values.network as NetworkKind | undefined, tunnel);
  const host = await openQemuHost({ directory, env, log, network });
  const machine = await OwnMachine.open(env, join(folder, 'lent'));
  const server = createServer();
  const socket = join(folder, 'agent.sock');
  rmSync(socket, { force: true });
  process.umask(0o177);
  server.listen({ path: socket });
  await once(server, 'listening');
  process.umask(0o022);
  if (values.owner !== undefined) await chown(socket, Number(values.owner), -1);
  const stopped = Promise.withResolvers<string>();
  const stop = serveHost(env, server, {
    host,
    machine,
    program: values.program ?? '',
    stop: () => stopped.resolve('a newer program takes its place'),
  });
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stopped.resolve(signal));
  log.info({ pid: process.pid, program: values.program }, 'the agent is ready');
  const reason = await stopped.promise;
  log.info({ reason }, 'the agent stops; virtual machines go on running');
  stop();
  server.close();
  await host.close();
  process.exit(0);
}

if (!values.folder) throw new Error('--folder is missing');
await run(values.folder);
