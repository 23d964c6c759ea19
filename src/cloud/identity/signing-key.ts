import type { CloudCore } from '../core.ts';

const settingKey = 'identity.token_signing_key';

/** The key that signs tokens: made at the first start, the same for every control plane process of the cloud. */
export async function signingKey(core: CloudCore): Promise<Buffer> {
  const value = await core.db.write(async (tx) => {
    await tx
      .insertInto('settings')
      .values({ key: settingKey, value: core.env.randomBytes(32).toString('base64url') })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
    const row = await tx.selectFrom('settings').select('value').where('key', '=', settingKey).executeTakeFirstOrThrow();
    return row.value;
  });
  return Buffer.from(value, 'base64url');
}
