import { lookup } from 'node:dns';
import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { LookupFunction } from 'node:net';
import { isInternalAddress } from './addresses.ts';
import { resumed } from './resumed.ts';
import { type ImageSource, SourceError, type SourceOptions } from './source.ts';
import { checkImageUrl, refused } from './url.ts';

const maxRedirects = 5;
/** A server that says nothing for so long is given up, milliseconds. */
const silenceLimitMs = 60_000;

/**
 * Begins to fetch an image. Every URL on the way is checked, names are resolved once and every address they have is
 * checked, and the connection goes to the address that was checked: so no name server can change its mind in between.
 * Nothing of the answer but its bytes reaches the user. Throws `SourceError`.
 */
export async function openHttpSource(address: string, options: SourceOptions): Promise<ImageSource> {
  let url = checkImageUrl(address, options);
  for (let hop = 0; ; hop += 1) {
    const response = await get(url, options);
    const status = response.statusCode ?? 0;
    if (status === 200) {
      const size = contentLength(response);
      const from = url;
      // The rest is asked for where the first bytes came from, and checked as they were.
      const stream = size === undefined ? response : resumed(response, size, (more) => get(from, options, more));
      return { stream, size, close: () => void response.destroy() };
    }
    response.destroy();
    const { location } = response.headers;
    if (![301, 302, 303, 307, 308].includes(status) || !location) {
      throw new SourceError('unreachable', `The image's server answered with status ${status}.`);
    }
    if (options.headers) throw new SourceError('refused', 'The image is at another place than its server.');
    if (hop === maxRedirects) throw new SourceError('refused', 'The image is behind too many redirects.');
    url = checkImageUrl(new URL(location, url).href, options);
  }
}

/** The size of the image's bytes; unknown where the server compresses or chunks them. */
function contentLength({ headers }: IncomingMessage): number | undefined {
  if (headers['content-encoding'] && headers['content-encoding'] !== 'identity') {
    throw new SourceError('refused', 'The image is sent compressed, which was not asked for.');
  }
  const text = headers['content-length'];
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

function get(
  url: URL,
  { allowInternal, signal, headers }: SourceOptions,
  more: Record<string, string> = {},
): Promise<IncomingMessage> {
  const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => {
      const own = error instanceof SourceError ? error : undefined;
      reject(own ?? new SourceError('unreachable', "The image's server could not be reached.", error));
    };
    let request: ClientRequest;
    try {
      request = send(url, {
        agent: false,
        headers: { accept: '*/*', 'accept-encoding': 'identity', 'user-agent': 'unkai', ...headers, ...more },
        lookup: allowInternal ? undefined : checkedLookup(url.href),
        signal,
        timeout: silenceLimitMs,
      });
    } catch (error) {
      return fail(error as Error);
    }
    request.on('timeout', () => request.destroy(new SourceError('unreachable', "The image's server fell silent.")));
    request.on('error', fail);
    request.on('response', (response) => {
      // Who reads it is told when they read; an error that comes before has nobody else to go to.
      response.on('error', () => {});
      resolve(response);
    });
    request.end();
  });
}

/** Resolves a name, and refuses it when any of its addresses is an inner one. */
function checkedLookup(url: string): LookupFunction {
  return (name, options, callback) => {
    lookup(name, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, '', 0);
      const [first] = addresses;
      if (!first || addresses.some(({ address }) => isInternalAddress(address))) return callback(refused(url), '', 0);
      if (options.all) return callback(null, addresses);
      callback(null, first.address, first.family);
    });
  };
}
