import type { Client, ClientChannel } from 'ssh2';
import { AgentError } from '../../contract.ts';

export interface Ran {
  code: number;
  stdout: string;
  stderr: string;
}

const mostOutput = 1024 * 1024;

/** Runs a command line on the other machine, with bytes for it to read; it may take so long, milliseconds. */
export async function run(client: Client, command: string, input: Buffer | string, limitMs: number): Promise<Ran> {
  return await new Promise<Ran>((resolve, reject) => {
    let channel: ClientChannel | undefined;
    // Also who keeps the connection up, and runs nothing on it, is not waited for.
    const limit = setTimeout(() => {
      const words = `the machine did not end in ${limitMs / 1000} seconds what it was told to do`;
      reject(new AgentError('unreachable', words));
      channel?.destroy();
    }, limitMs);
    client.exec(command, (error, begun) => {
      if (error) {
        clearTimeout(limit);
        return reject(new AgentError('unreachable', `the machine runs nothing: ${error.message}`));
      }
      channel = begun;
      const said = { stdout: '', stderr: '' };
      let code = -1;
      const hear = (kind: 'stdout' | 'stderr') => (text: Buffer) => {
        if (said[kind].length < mostOutput) said[kind] += text.toString('utf8');
      };
      begun.on('data', hear('stdout'));
      begun.stderr.on('data', hear('stderr'));
      begun.on('exit', (ended: number | null) => {
        code = ended ?? -1;
      });
      begun.on('error', () => {}); // told by `close`
      begun.on('close', () => {
        clearTimeout(limit);
        resolve({ code, ...said });
      });
      begun.end(input);
    });
  });
}
