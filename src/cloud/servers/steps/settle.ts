import type { ActionFailure } from '../../../actions/definition.ts';
import type { Tx } from '../../../database/database.ts';
import type { ServersTable } from '../../../database/schema.ts';
import type { ServerFault } from '../model.ts';

/** The fault that a server shows: the first cause of what went wrong, in the words it was first told. */
export function faultOf(failure: ActionFailure, now: number): Pick<ServersTable, 'fault'> {
  const fault: ServerFault = { code: 500, message: failure.message, details: failure.traceback, createdAt: now };
  return { fault: JSON.stringify(fault) };
}

/** Passwords are needed until the guest has them, and no longer. */
export async function forgetPassword(tx: Tx, actionId: string, input: object): Promise<void> {
  if (!('adminPass' in input) || input.adminPass === undefined) return;
  const { adminPass: _forgotten, ...rest } = input;
  await tx
    .updateTable('actions')
    .set({ input: JSON.stringify(rest) })
    .where('id', '=', actionId)
    .execute();
}
