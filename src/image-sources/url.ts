import { isIP } from 'node:net';
import { isInternalAddress } from './addresses.ts';
import { SourceError } from './source.ts';

const usualPorts: Record<string, number> = { 'http:': 80, 'https:': 443 };
const allowedPorts = [80, 443];
/** What a host name may be made of; one of digits alone would be read as an IPv4 address by some. */
const hostName = /^(?=.*[a-z])[a-z0-9-]+(\.[a-z0-9-]+)*\.?$/;

/**
 * Checks a URL for images before anything is resolved or connected to. Throws `SourceError` (`refused`) for schemes
 * other than http and https, credentials, odd spellings of addresses, and unless inner networks are allowed ports other than
 * 80 and 443 and inner addresses. To what address a name leads is looked at when it is connected to.
 */
export function checkImageUrl(text: string, { allowInternal }: { allowInternal: boolean }): URL {
  let url: URL;
  try {
    url = new URL(text);
  } catch (error) {
    throw refused(text, error);
  }
  const usual = usualPorts[url.protocol];
  if (usual === undefined || url.username !== '' || url.password !== '') throw refused(text);
  if (!isPlainlySpelt(text, url)) throw refused(text);
  const port = url.port === '' ? usual : Number(url.port);
  if (!allowInternal && (!allowedPorts.includes(port) || isInternalHost(url))) throw refused(text);
  return url;
}

/**
 * The URL parser turns `0x7f.1` and `2130706433` into 127.0.0.1. The address is checked once more when it is connected
 * to, but whoever writes such things does not mean well.
 */
function isPlainlySpelt(text: string, url: URL): boolean {
  const written = /^[a-z]+:\/\/(\[[^\]]*\]|[^/:?#]*)/i.exec(text)?.[1]?.toLowerCase();
  if (!written) return false;
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (isIP(host) === 4) return written === host;
  return isIP(host) === 6 || hostName.test(host);
}

function isInternalHost({ hostname }: URL): boolean {
  const host = hostname.replace(/^\[|\]$/g, '');
  return isIP(host) !== 0 ? isInternalAddress(host) : /^(.*\.)?localhost\.?$/.test(host);
}

/** Glance's words. */
export function refused(url: string, cause?: unknown): SourceError {
  return new SourceError('refused', `URI for web-download does not pass filtering: ${url}`, cause);
}
