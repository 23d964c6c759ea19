import { sql } from 'kysely';
import type { CloudCore } from '../core.ts';
import { isCurrent, SecretsLocked, seal, unseal } from './sealing.ts';

/** Where secrets are kept: what is added here is encrypted at the next start, and again when there is another key. */
const places = {
  accessKey: { table: 'access_keys', column: 'secret', id: 'access_key_id' },
  certificateKey: { table: 'certificates', column: 'private_key', id: 'id' },
  consolePassword: { table: 'console_passwords', column: 'password', id: 'server_id' },
  credential: { table: 'credentials', column: 'blob', id: 'id' },
  farHostKey: { table: 'far_hosts', column: 'machine_key', id: 'host_id' },
  farHostPassword: { table: 'far_hosts', column: 'password', id: 'host_id' },
  oauthConsumer: { table: 'oauth_consumers', column: 'secret', id: 'id' },
  oauthRequestToken: { table: 'oauth_request_tokens', column: 'secret', id: 'id' },
  oauthAccessToken: { table: 'oauth_access_tokens', column: 'secret', id: 'id' },
  storePassword: { table: 'image_store_logins', column: 'password', id: 'store_id' },
} as const;

/** Settings that are secrets: what tokens and links are signed with. */
const secretSettings = ['identity.token_signing_key', 'images.link_key'] as const;

export type SecretPlace = keyof typeof places | 'setting';

type Core = Pick<CloudCore, 'db' | 'env' | 'settings'>;

function aboutOf(place: SecretPlace, id: string): string {
  if (place === 'setting') return `settings.value/${id}`;
  const { table, column } = places[place];
  return `${table}.${column}/${id}`;
}

/** Whether what stands in the column is encrypted. */
export function isSealedColumn(table: string, column: string): boolean {
  return Object.values(places).some((place) => place.table === table && place.column === column);
}

/** A secret as the database keeps it, in the row of that id. */
export function sealed(core: Pick<CloudCore, 'env' | 'settings'>, place: SecretPlace, id: string, secret: string) {
  return seal(core, secret, aboutOf(place, id));
}

/** The secret of the row. */
export function opened(core: Pick<CloudCore, 'settings'>, place: SecretPlace, id: string, stored: string): string {
  return unseal(core, stored, aboutOf(place, id));
}

const checkKey = 'secrets.check';

/**
 * Refuses to start where the keys are not those of the database (`SecretsLocked`), and encrypts with the current key what
 * is not: secrets from before there were keys, or of an older key. May be interrupted anywhere, and run by several
 * processes at once.
 */
export async function keepSecretsSealed(core: Core): Promise<void> {
  await requireKeys(core);
  if (core.settings.secretKeys.length === 0) return;
  for (const place of Object.keys(places) as Array<keyof typeof places>) await sealAll(core, place);
  for (const key of [...secretSettings, checkKey]) await sealSetting(core, key);
}

/** The first process that has keys leaves a mark that they open. */
async function requireKeys(core: Core): Promise<void> {
  const { db, settings } = core;
  const value = await db.write(async (tx) => {
    if (settings.secretKeys.length > 0) {
      await tx
        .insertInto('settings')
        .values({ key: checkKey, value: sealed(core, 'setting', checkKey, 'unkai') })
        .onConflict((conflict) => conflict.doNothing())
        .execute();
    }
    const row = await tx.selectFrom('settings').select('value').where('key', '=', checkKey).executeTakeFirst();
    return row?.value;
  });
  if (value === undefined) return;
  try {
    opened(core, 'setting', checkKey, value);
  } catch (error) {
    const words =
      'The secrets in this database are encrypted with a key that this process has not got: say the file with ' +
      '--secret-keys, the same for every process of the cloud.';
    throw new SecretsLocked(words, { cause: error });
  }
}

async function sealAll(core: Core, place: keyof typeof places): Promise<void> {
  const { table, column, id } = places[place];
  const [secret, key] = [sql.ref<string | null>(column), sql.ref<string>(id)];
  const read = sql<{ id: string; secret: string }>`
    select ${key} as id, ${secret} as secret from ${sql.table(table)} where ${secret} is not null`;
  for (const row of (await read.execute(core.db.read)).rows) {
    if (isCurrent(core, row.secret)) continue;
    const now = sealed(core, place, row.id, opened(core, place, row.id, row.secret));
    await core.db.write((tx) =>
      sql`update ${sql.table(table)} set ${sql.ref(column)} = ${now} where ${key} = ${row.id} and ${secret} = ${row.secret}`.execute(
        tx,
      ),
    );
  }
}

async function sealSetting(core: Core, key: string): Promise<void> {
  const query = core.db.read.selectFrom('settings').select('value').where('key', '=', key);
  const row = await query.executeTakeFirst();
  if (!row || isCurrent(core, row.value)) return;
  const value = sealed(core, 'setting', key, opened(core, 'setting', key, row.value));
  await core.db.write((tx) =>
    tx.updateTable('settings').set({ value }).where('key', '=', key).where('value', '=', row.value).execute(),
  );
}
