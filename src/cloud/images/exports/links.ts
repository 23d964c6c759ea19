import { createHmac, timingSafeEqual } from 'node:crypto';
import type { CloudCore } from '../../core.ts';
import { opened, sealed } from '../../secrets/kept-secrets.ts';

const settingKey = 'images.link_key';

/** What a signed link says: of which export or upload it is, and until when (seconds since the epoch). */
export interface SignedLink {
  id: string;
  expires: number;
  signature: string;
}

/**
 * Links that let whoever has one fetch one export, or upload into one image, until a certain time: an HMAC-SHA256 over
 * purpose, id and time, with a key that is made once and is the same for every control-plane process of the cloud.
 */
export class Links {
  readonly #core: CloudCore;
  readonly #purpose: 'image-export' | 'image-upload';
  #key: Promise<Buffer> | undefined;

  constructor(core: CloudCore, purpose: 'image-export' | 'image-upload') {
    this.#core = core;
    this.#purpose = purpose;
  }

  /** @param expiresAt microseconds since the epoch */
  async sign(id: string, expiresAt: number): Promise<SignedLink> {
    const expires = Math.floor(expiresAt / 1_000_000);
    return { id, expires, signature: (await this.#digest(id, expires)).toString('base64url') };
  }

  /** Whether the link was signed here, and is still good. */
  async isGood({ id, expires, signature }: SignedLink): Promise<boolean> {
    const expected = await this.#digest(id, expires);
    const given = Buffer.from(signature, 'base64url');
    const isSigned = given.length === expected.length && timingSafeEqual(given, expected);
    return isSigned && expires * 1_000_000 > this.#core.env.now();
  }

  async #digest(id: string, expires: number): Promise<Buffer> {
    this.#key ??= this.#readKey();
    this.#key.catch(() => {
      this.#key = undefined;
    });
    return createHmac('sha256', await this.#key)
      .update(`${this.#purpose}\n${id}\n${expires}`)
      .digest();
  }

  async #readKey(): Promise<Buffer> {
    const { db, env } = this.#core;
    const made = sealed(this.#core, 'setting', settingKey, env.randomBytes(32).toString('base64url'));
    const { value } = await db.write(async (tx) => {
      await tx
        .insertInto('settings')
        .values({ key: settingKey, value: made })
        .onConflict((conflict) => conflict.doNothing())
        .execute();
      return await tx.selectFrom('settings').select('value').where('key', '=', settingKey).executeTakeFirstOrThrow();
    });
    return Buffer.from(opened(this.#core, 'setting', settingKey, value), 'base64url');
  }
}
