import type { Tx } from '../../database/database.ts';
import { CloudError } from '../errors.ts';
import type { Options } from './model.ts';

/** As much as Keystone's own column holds, bytes. */
const most = 65_535;

/** The members that clients chose, as they are kept. Throws `invalid` where they are too many. */
export function extraText(extra: Options): string {
  const text = JSON.stringify(extra);
  if (Buffer.byteLength(text) <= most) return text;
  throw new CloudError('invalid', `Members beside those of the API may take up to ${most} bytes.`);
}

/** What there is with what is said now over it, as Keystone has it; undefined where nothing is said. */
export async function extraWith(
  tx: Tx,
  table: 'domains' | 'projects' | 'users' | 'groups' | 'roles' | 'policies',
  id: string,
  said: Options | undefined,
): Promise<string | undefined> {
  if (said === undefined) return undefined;
  const row = await tx.selectFrom(table).select('extra').where('id', '=', id).forUpdate().executeTakeFirst();
  return extraText({ ...(JSON.parse(row?.extra ?? '{}') as Options), ...said });
}
