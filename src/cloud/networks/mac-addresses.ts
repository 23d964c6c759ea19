import type { Env } from '../../env/env.ts';
import { invalidInput } from './failures.ts';

/** What the addresses that the cloud makes up begin with: OpenStack's own prefix. */
const madeUp = [0xfa, 0x16, 0x3e];

/** Whether the cloud may have made the address up: what it did not was chosen by somebody. */
export function isMadeUp(mac: string): boolean {
  return madeUp.every((byte, index) => Number.parseInt(mac.slice(index * 3, index * 3 + 2), 16) === byte);
}

/** A MAC address of the cloud's own making. Unique only by chance: the caller tries again when it is not. */
export function randomMac(env: Pick<Env, 'randomBytes'>): string {
  const bytes = [...madeUp, ...env.randomBytes(3)];
  return bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}

const macPattern = /^([0-9a-f]{2})([:-]?)(?:[0-9a-f]{2}\2){4}[0-9a-f]{2}$/;

/** The address as `aa:bb:cc:dd:ee:ff`. Throws `invalid` for what is none, and for multicast addresses (IEEE 802). */
export function normalMac(text: string): string {
  const lower = text.toLowerCase();
  const match = macPattern.exec(lower);
  if (!match) throw invalidInput(`'${text}' is not a valid MAC address`, 'mac_address');
  const digits = lower.replaceAll(/[:-]/g, '');
  if (Number.parseInt(match[1]!, 16) & 1 || /^0+$/.test(digits)) {
    throw invalidInput(`'${text}' is not a MAC address that a port may have`, 'mac_address');
  }
  return digits.replaceAll(/(..)(?=.)/g, '$1:');
}
