import type { Tx } from '../../database/database.ts';
import type { ConsolePasswordsTable } from '../../database/schema.ts';
import type { Cloud } from '../cloud.ts';
import type { Subject } from '../identity/subject.ts';
import { opened, sealed } from '../secrets/kept-secrets.ts';
import { lockServer } from './transition.ts';

/**
 * What VNC asks for before it shows the screen of a server, whoever gave the way in. VNC compares eight characters. A
 * guest asks for what there was when it was last started or rebooted.
 */
export class ConsolePasswords {
  readonly #cloud: Cloud;
  readonly #of;

  constructor(cloud: Cloud) {
    this.#cloud = cloud;
    this.#of = cloud.db.prepare<{ serverId: string }, Pick<ConsolePasswordsTable, 'password'>>((q, p) =>
      q.selectFrom('console_passwords').select('password').where('server_id', '=', p.serverId),
    );
  }

  /** Undefined where VNC asks for none. */
  async get(subject: Subject, serverId: string): Promise<string | undefined> {
    await this.#cloud.servers.get(subject, serverId);
    return await this.of(serverId);
  }

  /** Whoever asks. */
  async of(serverId: string): Promise<string | undefined> {
    const row = await this.#of.first({ serverId });
    return row && opened(this.#cloud, 'consolePassword', serverId, row.password);
  }

  /** Holds from the next start or reboot on. Undefined for none. */
  async set(subject: Subject, serverId: string, password: string | undefined): Promise<void> {
    await this.#cloud.db.write(async (tx) => {
      await lockServer(tx, subject, serverId);
      await keepConsolePassword(this.#cloud, tx, serverId, password);
    });
  }
}

/** Of a server that is being made, or goes. */
export async function keepConsolePassword(
  cloud: Cloud,
  tx: Tx,
  serverId: string,
  password: string | undefined,
): Promise<void> {
  await tx.deleteFrom('console_passwords').where('server_id', '=', serverId).execute();
  if (password === undefined) return;
  const kept = sealed(cloud, 'consolePassword', serverId, password);
  await tx.insertInto('console_passwords').values({ server_id: serverId, password: kept }).execute();
}
