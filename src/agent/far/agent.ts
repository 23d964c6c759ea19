import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { realEnv } from '../../env/real.ts';
import { openQemuHost } from '../hypervisor/qemu/qemu-host.ts';
import { type NetworkKind, openNetworkDriver } from '../network/open-network.ts';
import { openAgentLog } from './agent-log.ts';
import { identityIn } from './identity.ts';
import { listenForOwner } from './listen-for-owner.ts';
import { OwnMachine } from './own-machine.ts';
import { serveHost } from './serve-host.ts';

/**
 * The program that owns the QEMU host of a machine for control planes elsewhere, who put it there and start it. It has
 * ears for a unix socket only, and for those who know the host's identity. Guests outlive it.
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

async function run(folder: string): Promise<void> {
  const env = realEnv();
  mkdirSync(folder, { recursive: true, mode: 0o711 });
  const log = openAgentLog(join(folder, 'agent.log'));
  const identity = identityIn(readFileSync(join(folder, 'identity'), 'utf8'));
  if (!identity) throw new Error('the file identity does not say whose host this is');
  const directory = join(folder, 'host');
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const tunnel = values.address === undefined ? undefined : { address: values.address };
  const network = await openNetworkDriver(env, log, directory, values.network as NetworkKind | undefined, tunnel);
  const host = await openQemuHost({ directory, env, log, network });
  const machine = await OwnMachine.open(env, join(folder, 'lent'));
  const server = await listenForOwner(
    join(folder, 'agent.sock'),
    values.owner === undefined ? undefined : Number(values.owner),
  );
  const stopped = Promise.withResolvers<string>();
  const stop = serveHost(env, server, {
    host,
    machine,
    identity,
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
