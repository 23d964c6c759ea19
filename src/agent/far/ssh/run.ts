import type { Client } from 'ssh2';
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
    client.exec(command, (error, channel) => {
      if (error) return reject(new AgentError('unreachable', `the machine runs nothing: ${error.message}`));
      const said = { stdout: '', stderr: '' };
      let code = -1;
      const limit = setTimeout(() => {
        reject(
          new AgentError('unreachable', `the machine did not end in ${limitMs / 1000} seconds what it was told to do`),
        );
        channel.destroy();
      }, limitMs);
      const hear = (kind: 'stdout' | 'stderr') => (text: Buffer) => {
        if (said[kind].length < mostOutput) said[kind] += text.toString('utf8');
      };
      channel.on('data', hear('stdout'));
      channel.stderr.on('data', hear('stderr'));
      channel.on('exit', (ended: number | null) => {
        code = ended ?? -1;
      });
      channel.on('error', () => {}); // told by `close`
      channel.on('close', () => {
        clearTimeout(limit);
        resolve({ code, ...said });
      });
      channel.end(input);
    });
  });
}
