import { ConstraintViolation } from '../../database/database.ts';
import type { FarHostsTable } from '../../database/schema.ts';
import type { CloudCore } from '../core.ts';
import { CloudError } from '../errors.ts';
import { opened, sealed } from '../secrets/kept-secrets.ts';

/** Where a host on another machine is, and how it is logged in to. */
export type LoginColumns = Pick<FarHostsTable, 'address' | 'port' | 'username' | 'password' | 'host_key'>;

/** The host's row, its secrets opened; undefined for a host of this machine. */
export async function farHostRow(core: CloudCore, id: string): Promise<FarHostsTable | undefined> {
  const query = core.db.read.selectFrom('far_hosts').selectAll().where('host_id', '=', id);
  const row = await query.executeTakeFirst();
  if (!row) return undefined;
  const password = opened(core, 'farHostPassword', id, row.password);
  return { ...row, password, machine_key: opened(core, 'farHostKey', id, row.machine_key) };
}

/** Keeps how the host is logged in to from now on. Throws `duplicate` where another one has the address. */
export async function keepLogin(core: CloudCore, id: string, login: LoginColumns): Promise<void> {
  const { address } = login;
  const kept = { ...login, password: sealed(core, 'farHostPassword', id, login.password) };
  try {
    await core.db.write(async (tx) => {
      await tx.updateTable('far_hosts').set(kept).where('host_id', '=', id).execute();
      const changed = { management_address: address, updated_at: core.env.now() };
      await tx.updateTable('hosts').set(changed).where('id', '=', id).execute();
    });
  } catch (error) {
    if (error instanceof ConstraintViolation)
      throw new CloudError('duplicate', 'There is a host of this address.', { cause: error });
    throw error;
  }
}
