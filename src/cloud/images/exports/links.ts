import { createHmac, timingSafeEqual } from 'node:crypto';
import type { CloudCore } from '../../core.ts';

const settingKey = 'images.link_key';

/** What a signed link says: which export, and until when (seconds since the epoch). */
export interface SignedLink {
  exportId: string;
  expires: number;
  signature: string;
}

/**
 * Links that let whoever has one fetch one export until a certain time: an HMAC-SHA256 over both, with a key that is
 * made once and is the same for every control-plane process of the cloud.
 */
export class Links {
  readonly #core: CloudCore;
  #key: Promise<Buffer> | undefined;

  constructor(core: CloudCore) {
    this.#core = core;
  }

  /** @param expiresAt microseconds since the epoch */
  async sign(exportId: string, expiresAt: number): Promise<SignedLink> {
    const expires = Math.floor(expiresAt / 1_000_000);
    return { exportId, expires, signature: (await this.#digest(exportId, expires)).toString('base64url') };
  }

  /** Whether the link was signed here, and is still good. */
  async isGood({ exportId, expires, signature }: SignedLink): Promise<boolean> {
    const expected = await this.#digest(exportId, expires);
    const given = Buffer.from(signature, 'base64url');
    const isSigned = given.length === expected.length && timingSafeEqual(given, expected);
    return isSigned && expires * 1_000_000 > this.#core.env.now();
  }

  async #digest(exportId: string, expires: number): Promise<Buffer> {
    this.#key ??= this.#readKey();
    this.#key.catch(() => {
      this.#key = undefined;
    });
    return createHmac('sha256', await this.#key)
      .update(`image-export\n${exportId}\n${expires}`)
      .digest();
  }

  async #readKey(): Promise<Buffer> {
    const { db, env } = this.#core;
    const value = await db.write(async (tx) => {
      await tx
        .insertInto('settings')
        .values({ key: settingKey, value: env.randomBytes(32).toString('base64url') })
        .onConflict((conflict) => conflict.doNothing())
        .execute();
      return await tx.selectFrom('settings').select('value').where('key', '=', settingKey).executeTakeFirstOrThrow();
    });
    return Buffer.from(value.value, 'base64url');
  }
}
