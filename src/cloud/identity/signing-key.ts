import { createHash } from 'node:crypto';
import type { CloudCore } from '../core.ts';
import { opened, sealed } from '../secrets/kept-secrets.ts';

const settingKey = 'identity.token_signing_key';

/**
 * The key that signs tokens, the same for every control plane process of the cloud: what the operator says, from then on;
 * else it is made at the first start.
 */
export async function signingKey(core: CloudCore): Promise<Buffer> {
  const { tokenKey } = core.settings;
  const given = tokenKey === undefined ? undefined : createHash('sha256').update(tokenKey).digest('base64url');
  const kept = sealed(core, 'setting', settingKey, given ?? core.env.randomBytes(32).toString('base64url'));
  const value = await core.db.write(async (tx) => {
    await tx
      .insertInto('settings')
      .values({ key: settingKey, value: kept })
      .onConflict((conflict) =>
        given === undefined ? conflict.doNothing() : conflict.column('key').doUpdateSet({ value: kept }),
      )
      .execute();
    const row = await tx.selectFrom('settings').select('value').where('key', '=', settingKey).executeTakeFirstOrThrow();
    return opened(core, 'setting', settingKey, row.value);
  });
  return Buffer.from(value, 'base64url');
}
