import { createCipheriv } from 'node:crypto';

/** What a VNC client answers to the challenge: DES (three times with one key), whose key has each byte's bits turned round. */
export function vncResponse(password: string, challenge: Buffer): Buffer {
  const padded = Buffer.alloc(8);
  padded.write(password, 'latin1');
  const key = padded.map((byte) => Number.parseInt(byte.toString(2).padStart(8, '0').split('').reverse().join(''), 2));
  const cipher = createCipheriv('des-ede3', Buffer.concat([key, key, key]), null).setAutoPadding(false);
  return Buffer.concat([cipher.update(challenge), cipher.final()]);
}
