import type { Client } from 'ssh2';
import { AgentError } from '../../contract.ts';
import { type Ran, run } from './run.ts';

/** Runs scripts on a machine as its superuser: as whom one is logged in, or by `sudo`. */
export class Superuser {
  /** As whom one is logged in. */
  readonly uid: number;
  readonly #client: Client;
  /** What `sudo` asks for; undefined where it asks for nothing. */
  readonly #password: string | undefined;

  private constructor(client: Client, uid: number, password: string | undefined) {
    this.#client = client;
    this.uid = uid;
    this.#password = password;
  }

  static async of(client: Client, password: string | undefined): Promise<Superuser> {
    const { stdout } = await run(client, 'id -u', '', 30_000);
    const said = stdout.trim();
    if (!/^\d+$/.test(said)) throw new AgentError('unsupported', 'the machine does not say who is logged in there');
    const uid = Number(said);
    if (uid === 0 || password === undefined) return new Superuser(client, uid, password);
    // Where it asks for no password it reads none either: it would be the first line of what a script is given.
    const { code } = await run(client, `sudo -k -n sh -c :`, '', 30_000);
    return new Superuser(client, uid, code === 0 ? undefined : password);
  }

  /** Runs the script, with what follows it for its last command to read. Throws what it says when it fails. */
  async run(script: string, { input = '', limitMs = 60_000 }: { input?: Buffer | string; limitMs?: number } = {}) {
    const quoted = `sh -c '${`set -e; PATH=$PATH:/usr/sbin:/sbin; ${script}`.replaceAll("'", "'\\''")}'`;
    const ran = await (this.uid === 0
      ? run(this.#client, quoted, input, limitMs)
      : this.#bySudo(quoted, input, limitMs));
    if (ran.code === 0) return ran.stdout;
    const words = ran.stderr.trim().slice(-500) || `it ended with ${ran.code}`;
    throw new AgentError('hypervisor_failed', `the machine could not be made ready: ${words}`);
  }

  async #bySudo(command: string, input: Buffer | string, limitMs: number): Promise<Ran> {
    if (this.#password === undefined) return await run(this.#client, `sudo -n ${command}`, input, limitMs);
    const all = Buffer.concat([Buffer.from(`${this.#password}\n`), Buffer.from(input)]);
    // `-k`: it asks even where it would not have to.
    return await run(this.#client, `sudo -k -S -p '' ${command}`, all, limitMs);
  }
}
