import { spawn } from 'node:child_process';
import { Server } from 'node:net';
import { programEnvironment } from '../../env/program-environment.ts';
import { AgentError } from '../contract.ts';
import { entering } from '../network/bridge/commands.ts';

const startLimitMs = 15_000;

/** A server that listens inside of a network namespace, while this process is outside of it. */
export async function listenInNamespace(namespace: string, address: string, port: number): Promise<Server> {
  const script = `${import.meta.dirname}/listen.ts`;
  const [program, ...args] = [...entering(namespace), process.execPath, script, address, String(port)];
  const child = spawn(program!, args, {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    timeout: startLimitMs,
    env: programEnvironment(),
  });
  let words = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    words += words.length < 2000 ? text : '';
  });
  return await new Promise<Server>((resolve, reject) => {
    let received: Server | undefined;
    child.on('message', (_message, handle) => {
      if (handle instanceof Server) received = handle;
    });
    child.once('error', (error) => reject(new AgentError('hypervisor_failed', error.message, { cause: error })));
    child.once('close', (code) => {
      if (received) return resolve(received);
      const why = words.trim().split('\n').at(-1) || `exit code ${code}`;
      reject(new AgentError('hypervisor_failed', `nobody can listen in ${namespace}: ${why}`, { retryable: true }));
    });
  });
}
