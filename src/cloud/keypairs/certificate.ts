import { generateKeyPair, type KeyObject, randomBytes, sign, X509Certificate } from 'node:crypto';

const rsaBits = 2048;
const tenYears = 10 * 365 * 86_400 * 1000;
const oid = {
  commonName: '2.5.4.3',
  sha256WithRsa: '1.2.840.113549.1.1.11',
  extendedKeyUsage: '2.5.29.37',
  clientAuthentication: '1.3.6.1.5.5.7.3.2',
  subjectAltName: '2.5.29.17',
  userPrincipalName: '1.3.6.1.4.1.311.20.2.3',
};

/**
 * A new RSA key with a certificate signed by itself (RFC 5280), with which the user can sign in to Windows guests over
 * WinRM: as Nova makes them, for client authentication and with `<user>@localhost` as the user's principal name.
 * @param now milliseconds
 */
export async function generateCertificate(
  userId: string,
  now: number,
): Promise<{ publicKey: string; privateKey: string }> {
  const { publicKey, privateKey } = await newRsaKey();
  const algorithm = sequence(objectId(oid.sha256WithRsa), der(0x05));
  const name = sequence(set(sequence(objectId(oid.commonName), utf8(userId))));
  const toBeSigned = sequence(
    der(0xa0, integer(Buffer.from([2]))),
    integer(serialNumber()),
    algorithm,
    name,
    sequence(time(now), time(now + tenYears)),
    name,
    publicKey.export({ format: 'der', type: 'spki' }),
    der(0xa3, sequence(...extensions(userId))),
  );
  const certificate = sequence(toBeSigned, algorithm, bitString(sign('sha256', toBeSigned, privateKey)));
  return {
    publicKey: new X509Certificate(certificate).toString(),
    privateKey: privateKey.export({ format: 'pem', type: 'pkcs8' }) as string,
  };
}

function newRsaKey(): Promise<{ publicKey: KeyObject; privateKey: KeyObject }> {
  return new Promise((resolve, reject) =>
    generateKeyPair('rsa', { modulusLength: rsaBits }, (error, publicKey, privateKey) =>
      error ? reject(error) : resolve({ publicKey, privateKey }),
    ),
  );
}

/** Positive, and of up to 20 octets (RFC 5280, 4.1.2.2). */
function serialNumber(): Buffer {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0]! & 0x3f) | 0x40;
  return bytes;
}

function extensions(userId: string): Buffer[] {
  const otherName = der(0xa0, objectId(oid.userPrincipalName), der(0xa0, utf8(`${userId}@localhost`)));
  return [
    sequence(objectId(oid.extendedKeyUsage), octets(sequence(objectId(oid.clientAuthentication)))),
    sequence(objectId(oid.subjectAltName), octets(sequence(otherName))),
  ];
}

/** A value in DER (X.690): tag, length, content. */
function der(tag: number, ...content: Buffer[]): Buffer {
  const body = Buffer.concat(content);
  if (body.length < 0x80) return Buffer.concat([Buffer.from([tag, body.length]), body]);
  const length = minimal(body.length);
  return Buffer.concat([Buffer.from([tag, 0x80 | length.length]), length, body]);
}

const sequence = (...content: Buffer[]) => der(0x30, ...content);
const set = (...content: Buffer[]) => der(0x31, ...content);
const integer = (value: Buffer) => der(0x02, value);
const octets = (value: Buffer) => der(0x04, value);
const utf8 = (text: string) => der(0x0c, Buffer.from(text));
const bitString = (value: Buffer) => der(0x03, Buffer.from([0]), value);

/** Of four digits of the year where two don't suffice (RFC 5280, 4.1.2.5). */
function time(milliseconds: number): Buffer {
  const digits = new Date(milliseconds).toISOString().replaceAll(/[-:T]|\.\d+/g, '');
  const isLate = Number(digits.slice(0, 4)) >= 2050;
  return der(isLate ? 0x18 : 0x17, Buffer.from(isLate ? digits : digits.slice(2)));
}

function objectId(dotted: string): Buffer {
  const [first, second, ...rest] = dotted.split('.').map(Number) as [number, number, ...number[]];
  return der(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

/** Seven bits an octet, the highest first; all but the last have their first bit set. */
function base128(value: number): number[] {
  const octetsOfValue = [value & 0x7f];
  for (let left = value >>> 7; left > 0; left >>>= 7) octetsOfValue.unshift(0x80 | (left & 0x7f));
  return octetsOfValue;
}

function minimal(value: number): Buffer {
  const bytes: number[] = [];
  for (let left = value; left > 0; left >>>= 8) bytes.unshift(left & 0xff);
  return Buffer.from(bytes);
}
