import { CloudError } from '../../../cloud/errors.ts';
import type { OpenStackService } from './service.ts';

/** The piece of a list that a request asks for. */
export interface Page {
  /** Items at most. Undefined: all (of services that do not page by themselves). */
  limit: number | undefined;
  /** The id of the last item of the piece before, as the client sent it. */
  marker: string | undefined;
}

/** How many items a service gives where none, or too many, are asked for. */
const limits: Record<OpenStackService, { usual: number | undefined; most: number | undefined }> = {
  compute: { usual: 1000, most: 1000 },
  volume: { usual: 1000, most: 1000 },
  image: { usual: 25, most: 1000 },
  network: { usual: undefined, most: undefined },
  identity: { usual: undefined, most: undefined },
  placement: { usual: undefined, most: undefined },
};

/** Reads `limit` and `marker` of a query. Throws `invalid` in the service's words for a limit that is no number. */
export function pageOf(service: OpenStackService, query: { limit?: unknown; marker?: unknown }): Page {
  const limit = limitOf(service, last(query.limit));
  const marker = last(query.marker);
  return { limit, marker: marker === undefined || marker === '' ? undefined : marker };
}

function limitOf(service: OpenStackService, text: string | undefined): number | undefined {
  const { usual, most } = limits[service];
  if (text === undefined || text === '') return usual;
  if (!/^\d+$/.test(text)) throw new CloudError('invalid', badLimit(service, text), { field: 'limit' });
  // Nobody has so many items, and no database counts further.
  const limit = Math.min(Number(text), 10 ** 15);
  // Cinder and Neutron read 0 as "no limit of mine"; Glance and Nova give an empty list.
  if (limit === 0 && service !== 'image' && service !== 'compute') return usual;
  return most === undefined ? limit : Math.min(limit, most);
}

function badLimit(service: OpenStackService, text: string): string {
  switch (service) {
    case 'compute':
      return `Invalid input for query parameters limit. Value: ${text}. '${text}' does not match '^[0-9]*$'`;
    case 'volume':
      return /^-\d+$/.test(text) ? 'limit must be >= 0' : 'limit must be an integer';
    case 'network':
      return `Limit must be an integer 0 or greater and not '${text}'`;
    default:
      return /^-\d+$/.test(text) ? 'limit param must be positive' : 'limit param must be an integer';
  }
}

/** The failure for a marker that names nothing in the list. */
export function badMarker(service: OpenStackService, marker: string): CloudError {
  const words = service === 'image' ? 'Invalid marker. Image could not be found.' : `marker [${marker}] not found`;
  return new CloudError('invalid', words, { field: 'marker' });
}

/**
 * The URL of the next piece: the request's own, with `marker` at the last item given.
 * @param url path and query of the request, as `request.url`
 * @param origin what to put before it; empty for Glance, whose links are relative
 */
export function nextPageUrl(origin: string, url: string, marker: string, key = 'marker'): string {
  const [path, search = ''] = url.split('?', 2);
  const query = new URLSearchParams(search);
  query.delete(key);
  query.append(key, marker);
  return `${origin}${path}?${query}`;
}

/**
 * `servers_links` and its like: present when the piece is as long as asked for, as Nova decides it. To be spread into
 * the answer's body.
 */
export function nextLinks(
  collection: string,
  items: readonly { id: string }[],
  page: Page,
  request: { origin: string; url: string },
): Record<string, Array<{ rel: 'next'; href: string }>> {
  const end = items.at(-1);
  if (!end || page.limit === undefined || items.length < page.limit) return {};
  return { [`${collection}_links`]: [{ rel: 'next', href: nextPageUrl(request.origin, request.url, end.id) }] };
}

/** Of a query key given several times the last counts. */
function last(value: unknown): string | undefined {
  const one = Array.isArray(value) ? value.at(-1) : value;
  return one === undefined || one === null ? undefined : String(one);
}
