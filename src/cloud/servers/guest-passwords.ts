import type { Tx } from '../../database/database.ts';
import type { Cloud } from '../cloud.ts';
import { CloudError } from '../errors.ts';
import type { Subject } from '../identity/subject.ts';

/** As Nova keeps it: four values of 255 characters. */
const maxLength = 1020;

/**
 * The password that a guest made itself, encrypted with its owner's public key, and told its metadata service: once, until
 * a user clears it.
 */
export class GuestPasswords {
  readonly #cloud: Cloud;

  constructor(cloud: Cloud) {
    this.#cloud = cloud;
  }

  /** Undefined where the guest told none. Who may see the server may see it. */
  async get(subject: Subject, serverId: string): Promise<string | undefined> {
    await this.#cloud.servers.get(subject, serverId);
    return await this.told(serverId);
  }

  async clear(subject: Subject, serverId: string): Promise<void> {
    await this.#cloud.servers.get(subject, serverId);
    await this.#cloud.db.write((tx) => forgetGuestPassword(tx, serverId));
  }

  /** What the guest itself is told when it asks. */
  async told(serverId: string): Promise<string | undefined> {
    const rows = this.#cloud.db.read.selectFrom('guest_passwords').select('password');
    return (await rows.where('server_id', '=', serverId).executeTakeFirst())?.password;
  }

  /** The guest tells it. Throws `conflict` where it has done so before, and `invalid` for what is too long. */
  async tell(serverId: string, password: string): Promise<void> {
    if (password.length > maxLength) throw new CloudError('invalid', 'Request is too large.', { field: 'password' });
    const row = { server_id: serverId, password, created_at: this.#cloud.env.now() };
    await this.#cloud.db.write(async (tx) => {
      const known = tx.selectFrom('guest_passwords').select('server_id').where('server_id', '=', serverId);
      if (await known.executeTakeFirst()) throw new CloudError('conflict', 'The password has been told already.');
      await tx.insertInto('guest_passwords').values(row).execute();
    });
  }
}

export async function forgetGuestPassword(tx: Tx, serverId: string): Promise<void> {
  await tx.deleteFrom('guest_passwords').where('server_id', '=', serverId).execute();
}
