import type { DataFolder, RunRecord } from '../data-folder.ts';
import { UserError } from '../user-error.ts';
import { OpenStackClient } from './openstack-client.ts';

/** The administrator's client of the cloud that runs on the folder. Throws `UserError` where none does. */
export async function clientOf(folder: DataFolder): Promise<OpenStackClient> {
  const record = folder.running();
  if (!record) throw new UserError('The cloud does not run. Start it with: unkai up');
  return await signIn(folder, record);
}

/** Signs in with the administrator's password that the folder keeps. */
export async function signIn(folder: DataFolder, { origin }: RunRecord): Promise<OpenStackClient> {
  const password = folder.adminPassword();
  if (!password) throw new UserError(`The administrator's password is not in ${folder.passwordFile}.`);
  return await OpenStackClient.signIn(origin, { user: 'admin', password });
}
