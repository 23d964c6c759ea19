import { type TObject, Type } from 'typebox';
import { CloudError } from '../../../cloud/errors.ts';
import type { FilterValue, ListRequest, TagFilter } from '../../../cloud/networks/listing.ts';
import { parseId } from '../../../env/env.ts';
import { pageOf } from '../common/pagination.ts';

/** A query as it came: Neutron lets any attribute be a key, and any key come several times. */
export type Query = Record<string, unknown>;

/** How a filter's text is read. */
export type FilterKind = 'text' | 'id' | 'boolean' | 'integer' | 'mac';

/** Attribute → the engine's field, and how its values are read. Lists can be filtered and sorted by these. */
export type Attributes<Field extends string> = Record<string, readonly [Field, FilterKind]>;

const pageKeys = ['fields', 'limit', 'marker', 'page_reverse', 'sort_key', 'sort_dir'] as const;

/** Keys by which lists of resources with tags can be filtered. */
export const tagFilters = ['tags', 'tags-any', 'not-tags', 'not-tags-any'];

/** The schema of a list's query, for documents: repeated keys are alternatives. */
export function listQuery(attributes: readonly string[]): TObject {
  const names = [...attributes, ...pageKeys];
  return Type.Object(Object.fromEntries(names.map((name) => [name, Type.Optional(Type.Any())])));
}

/**
 * Reads a list's query. `special` names keys that the resource reads by itself. Throws `invalid` for attributes that
 * lists can't be filtered by: a filter that is not understood would give more than was asked for.
 */
export function listRequest<Field extends string>(
  query: Query,
  attributes: Attributes<Field>,
  special: readonly string[] = [],
): ListRequest<Field> {
  const known = new Set<string>([...pageKeys, ...tagFilters, ...special]);
  const filters: { [F in Field]?: FilterValue[] } = {};
  for (const key of Object.keys(query)) {
    if (known.has(key)) continue;
    const [field, kind] = attributes[key] ?? [];
    if (field === undefined || kind === undefined) throw bad(`['${key}'] is invalid attribute for filtering`);
    filters[field] = [...(filters[field] ?? []), ...valuesOf(query, key).map((text) => readValue(key, text, kind))];
  }
  const { limit, marker } = pageOf('network', query);
  return {
    filters,
    tags: tagFilterOf(query),
    sort: sortOf(query, attributes),
    limit,
    marker: marker === undefined ? undefined : (parseId(marker) ?? marker),
    reverse: valuesOf(query, 'page_reverse').some(isTrue),
  };
}

/** Tags stand side by side in one value, with commas between them. */
function tagFilterOf(query: Query): TagFilter | undefined {
  if (!tagFilters.some((key) => key in query)) return undefined;
  const tagsOf = (key: string) => {
    const tags = valuesOf(query, key).flatMap((text) => text.split(',').filter((tag) => tag !== ''));
    return tags.length === 0 ? undefined : tags;
  };
  return {
    all: tagsOf('tags'),
    any: tagsOf('tags-any'),
    notAll: tagsOf('not-tags'),
    notAny: tagsOf('not-tags-any'),
  };
}

/** All values of a key. */
export function valuesOf(query: Query, key: string): string[] {
  const value = query[key];
  return value === undefined ? [] : [value].flat().map(String);
}

/** Whether a member is one of those that are asked for; any is, where none are. */
export function matches(value: unknown, wanted: readonly string[]): boolean {
  return wanted.length === 0 || wanted.some((text) => text.toLowerCase() === String(value).toLowerCase());
}

/** Keeps only the members that `fields` names; all, where it names none. */
export function selected(view: Record<string, unknown>, query: Query): Record<string, unknown> {
  const fields = valuesOf(query, 'fields').filter((field) => field !== '');
  if (fields.length === 0) return view;
  return Object.fromEntries(fields.filter((field) => field in view).map((field) => [field, view[field]]));
}

/** `networks_links` and its like, to be spread into a list's answer. A page that may not be the last has a `next`. */
export function pageLinks(
  collection: string,
  ids: readonly string[],
  query: Query,
  request: { origin: string; url: string },
): Record<string, unknown> {
  const { limit } = pageOf('network', query);
  const first = ids[0];
  const last = ids.at(-1);
  if (limit === undefined || first === undefined || last === undefined) return {};
  const isFull = ids.length >= limit;
  const isReverse = valuesOf(query, 'page_reverse').some(isTrue);
  const links: Array<{ rel: string; href: string }> = [];
  if (isFull || isReverse) links.push({ rel: 'next', href: pageUrl(request, last, false) });
  if (isFull || !isReverse) links.push({ rel: 'previous', href: pageUrl(request, first, true) });
  return { [`${collection}_links`]: links };
}

function pageUrl({ origin, url }: { origin: string; url: string }, marker: string, isReverse: boolean): string {
  const [path, search = ''] = url.split('?', 2);
  const query = new URLSearchParams(search);
  query.delete('page_reverse');
  query.set('marker', marker);
  if (isReverse) query.set('page_reverse', 'True');
  return `${origin}${path}?${query}`;
}

function sortOf<Field extends string>(query: Query, attributes: Attributes<Field>) {
  const keys = valuesOf(query, 'sort_key');
  const directions = valuesOf(query, 'sort_dir');
  if (keys.length !== directions.length) throw bad('The number of sort_keys and sort_dirs must be same');
  return keys.map((key, index) => {
    const [field] = attributes[key] ?? [];
    if (field === undefined) throw bad(`['${key}'] is invalid attribute for sort keys`);
    const direction = directions[index]!;
    if (direction !== 'asc' && direction !== 'desc') throw bad("'sort_dir' must be 'asc' or 'desc'");
    return { field, descending: direction === 'desc' };
  });
}

function readValue(key: string, text: string, kind: FilterKind): FilterValue {
  switch (kind) {
    case 'id':
      return parseId(text) ?? text;
    case 'mac':
      return text.toLowerCase();
    case 'boolean':
      return readBoolean(key, text);
    case 'integer':
      if (text === '' || text === 'None') return null;
      if (!/^-?\d{1,15}$/.test(text)) throw bad(`Invalid input for ${key}. Reason: '${text}' is not an integer.`);
      return Number(text);
    default:
      return text === 'None' ? null : text;
  }
}

function readBoolean(key: string, text: string): boolean {
  if (isTrue(text)) return true;
  if (/^(false|0)$/i.test(text)) return false;
  throw bad(`Invalid input for ${key}. Reason: '${text}' cannot be converted to boolean.`);
}

function isTrue(text: string): boolean {
  return /^(true|1)$/i.test(text);
}

function bad(message: string): CloudError {
  return new CloudError('invalid', message, { reason: 'HTTPBadRequest' });
}
