import { Server } from 'node:net';
import { AgentError } from '../contract.ts';
import { entering } from '../network/bridge/commands.ts';
import { launchForHandle } from '../programs/launcher.ts';

const startLimitMs = 15_000;

/** A server that listens inside of a network namespace, while this process is outside of it. */
export async function listenInNamespace(namespace: string, address: string, port: number): Promise<Server> {
  const script = `${import.meta.dirname}/listen.ts`;
  const [program, ...args] = [...entering(namespace), process.execPath, script, address, String(port)];
  const { handle, end } = await launchForHandle({ program: program!, args }, startLimitMs);
  if (handle instanceof Server) return handle;
  const why = end.stderr.trim().split('\n').at(-1) || `exit code ${end.exitCode}`;
  throw new AgentError('hypervisor_failed', `nobody can listen in ${namespace}: ${why}`, { retryable: true });
}
