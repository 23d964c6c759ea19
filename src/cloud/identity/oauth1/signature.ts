import { createHmac, timingSafeEqual } from 'node:crypto';

/** A request that is signed by OAuth 1.0 (RFC 5849), with the signature in its header. */
export interface SignedRequest {
  method: string;
  /** Where its sender may have sent it: how a request reaches the cloud is not always what the cloud sees of it. */
  urls: readonly string[];
  /** Its header `Authorization`. */
  authorization: string | undefined;
}

/** What keys sign with. Others than these are not offered: `PLAINTEXT` would show the secrets to whoever looks on. */
const algorithms: Record<string, string> = {
  'HMAC-SHA1': 'sha1',
  'HMAC-SHA256': 'sha256',
  'HMAC-SHA512': 'sha512',
};

/** No honest header is longer, characters. */
const maxHeader = 8192;

/** Letters, digits and `-._~` stay; everything else is written as the bytes of its UTF-8 form (RFC 5849, 3.6). */
export function percentEncoded(text: string): string {
  return encodeURIComponent(text).replaceAll(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}

/**
 * The parameters of a header `OAuth name="value", …` (RFC 5849, 3.5.1), without its realm. Undefined for any other
 * header, and for one that names something twice.
 */
export function oauthParameters(header: string | undefined): Map<string, string> | undefined {
  if (header === undefined || header.length > maxHeader || !/^oauth\s/i.test(header)) return undefined;
  const parameters = new Map<string, string>();
  for (const part of header.slice('OAuth'.length).split(',')) {
    const [, name, value] = /^\s*([^\s="]+)="([^"]*)"\s*$/.exec(part) ?? [];
    if (name === undefined || value === undefined) return undefined;
    if (name.toLowerCase() === 'realm') continue;
    const [key, text] = [decoded(name), decoded(value)];
    if (key === undefined || text === undefined || parameters.has(key)) return undefined;
    parameters.set(key, text);
  }
  return parameters;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/**
 * What is signed (RFC 5849, 3.4.1): the method, the address without its query, and all parameters in order.
 * @param parameters those of the header, without the signature itself
 */
export function signatureBase(
  method: string,
  address: string,
  parameters: Iterable<readonly [string, string]>,
): string {
  const url = new URL(address);
  const pairs = [...url.searchParams, ...parameters]
    .map(([name, value]) => [percentEncoded(name), percentEncoded(value)] as const)
    .sort((a, b) => compare(a[0], b[0]) || compare(a[1], b[1]))
    .map(([name, value]) => `${name}=${value}`);
  const place = `${url.protocol}//${url.host}${url.pathname}`;
  return [method.toUpperCase(), place, pairs.join('&')].map(percentEncoded).join('&');
}

/** By the bytes, which is not how languages order letters. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The signature by both secrets (RFC 5849, 3.4.2), in base64. Undefined for a way of signing that is not offered. */
export function signatureOf(
  algorithm: string,
  base: string,
  consumerSecret: string,
  tokenSecret: string,
): string | undefined {
  const hash = Object.hasOwn(algorithms, algorithm) ? algorithms[algorithm] : undefined;
  if (hash === undefined) return undefined;
  const key = `${percentEncoded(consumerSecret)}&${percentEncoded(tokenSecret)}`;
  return createHmac(hash, key).update(base).digest('base64');
}

/** Whether the request was signed with both secrets; with no token, its secret is empty. */
export function isSignedWith(
  { method, urls, authorization }: SignedRequest,
  consumerSecret: string,
  tokenSecret: string,
): boolean {
  const parameters = oauthParameters(authorization);
  const given = parameters?.get('oauth_signature');
  if (!parameters || given === undefined) return false;
  parameters.delete('oauth_signature');
  const algorithm = parameters.get('oauth_signature_method') ?? '';
  return urls.some((url) => {
    const base = signatureBase(method, url, parameters);
    const expected = signatureOf(algorithm, base, consumerSecret, tokenSecret);
    return expected !== undefined && isSame(expected, given);
  });
}

/** In a time that says nothing about where two texts differ. */
export function isSame(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
