import { createHmac, timingSafeEqual } from 'node:crypto';

/** A passcode lives this long, microseconds. */
const period = 30_000_000;
const digits = 6;
/** Bytes of the shortest secret that is any good (RFC 4226, section 4). */
const shortest = 16;

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** The bytes of a secret in base32, as authenticator apps take it. Undefined for what is none, or is too short. */
export function totpSecret(text: string): Buffer | undefined {
  const letters = text.trim().replace(/=+$/, '').toUpperCase();
  const bytes: number[] = [];
  let bits = 0;
  let value = 0;
  for (const letter of letters) {
    const at = alphabet.indexOf(letter);
    if (at === -1) return undefined;
    value = ((value << 5) | at) & 0xfff;
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    bytes.push((value >> bits) & 0xff);
  }
  return bytes.length < shortest ? undefined : Buffer.from(bytes);
}

/** The passcode of a moment (RFC 6238, with HMAC-SHA-1 and steps of 30 seconds). */
export function passcodeAt(secret: Buffer, micros: number, length = digits): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(micros / period)));
  const mac = createHmac('sha1', secret).update(counter).digest();
  const number = mac.readUInt32BE(mac.at(-1)! & 0xf) & 0x7fffffff;
  return String(number % 10 ** length).padStart(length, '0');
}

/**
 * The step of time whose passcode it is: that of now, or the one before, because clocks differ and typing takes its time.
 * Undefined for a wrong one.
 */
export function stepOfPasscode(secret: Buffer, given: string, now: number): number | undefined {
  const bytes = Buffer.from(given);
  const moment = [now, now - period].find((one) => {
    const right = Buffer.from(passcodeAt(secret, one));
    return right.length === bytes.length && timingSafeEqual(right, bytes);
  });
  return moment === undefined ? undefined : Math.floor(moment / period);
}
