import { CloudError } from '../../../cloud/errors.ts';
import type { ImageFilter, ImageList, ImageSortKey, TimeCondition } from '../../../cloud/images/listing.ts';
import type { ImageStatus } from '../../../cloud/images/model.ts';
import { parseId } from '../../../env/env.ts';
import { pageOf } from '../common/pagination.ts';
import { parseTime } from '../common/time.ts';
import { visibilities } from './schemas.ts';

type Query = Record<string, unknown>;

/** Reads the query of an image list. Throws `invalid` in Glance's words. */
export function imageList(query: Query): ImageList & { limit: number } {
  const page = pageOf('image', query);
  const marker = page.marker === undefined ? undefined : parseId(page.marker);
  if (page.marker !== undefined && marker === undefined) throw bad('Invalid marker format');
  return { isHidden: false, ...filterOf(query), sort: sortOf(query), limit: page.limit ?? 25, marker };
}

type Reader = (text: string, name: string) => ImageFilter;

const readers: Record<string, Reader> = {
  id: (text) => ({ ids: oneOrMore(text).map((id) => parseId(id) ?? id) }),
  name: (text) => ({ names: oneOrMore(text) }),
  status: (text) => ({ statuses: oneOrMore(text).flatMap(statusOf) }),
  container_format: (text) => ({ containerFormats: oneOrMore(text) }),
  disk_format: (text) => ({ diskFormats: oneOrMore(text) }),
  visibility: (text) => ({ visibility: visibilityOf(text) }),
  owner: (text) => ({ projectId: parseId(text) ?? text }),
  protected: (text, name) => ({ isProtected: flagOf(text, name) }),
  os_hidden: (text, name) => ({ isHidden: flagOf(text, name) }),
  min_ram: (text, name) => ({ minMemoryMb: numberOf(text, name) }),
  min_disk: (text, name) => ({ minDiskGb: numberOf(text, name) }),
  size: (text, name) => ({ size: numberOf(text, name) }),
  size_min: (text, name) => ({ sizeMin: numberOf(text, name) }),
  size_max: (text, name) => ({ sizeMax: numberOf(text, name) }),
  checksum: (text) => ({ checksum: text }),
  os_hash_value: (text) => ({ hashValue: text }),
  created_at: (text, name) => ({ createdAt: [timeOf(text, name)] }),
  updated_at: (text, name) => ({ updatedAt: [timeOf(text, name)] }),
  member_status: (text) => {
    const known = (['pending', 'accepted', 'rejected', 'all'] as const).find((one) => one === text);
    if (known) return { memberStatus: known };
    throw bad(`Invalid status: ${text}`);
  },
};

const ofTheList = new Set(['limit', 'marker', 'sort', 'sort_key', 'sort_dir', 'tag']);

function filterOf(query: Query): ImageFilter {
  const filter: ImageFilter = {};
  const properties: Record<string, string> = {};
  for (const [name, value] of Object.entries(query)) {
    if (ofTheList.has(name)) continue;
    if (name === 'changes-since') throw bad('The "changes-since" filter is no longer available on v2.');
    const text = String(Array.isArray(value) ? value.at(-1) : value);
    if (Object.hasOwn(readers, name)) Object.assign(filter, readers[name]!(text, name));
    else properties[name] = text;
  }
  const tags = texts(query['tag']);
  if (tags.some((tag) => tag.length > 255)) throw bad('Invalid tag filter: a tag has 255 characters at most.');
  return { ...filter, ...(tags.length > 0 ? { tags } : {}), properties };
}

const statuses: Record<string, ImageStatus[]> = {
  queued: ['queued'],
  saving: ['saving'],
  importing: ['importing'],
  active: ['active'],
  deactivated: ['deactivated'],
  killed: ['error'],
  uploading: ['uploading'],
  pending_delete: [],
  deleted: [],
};

function statusOf(text: string): ImageStatus[] {
  if (Object.hasOwn(statuses, text)) return statuses[text]!;
  throw bad(`Invalid status: ${text}`);
}

function visibilityOf(text: string): ImageFilter['visibility'] {
  const known = [...visibilities, 'all' as const].find((one) => one === text);
  if (known) return known;
  throw bad(`Invalid visibility value: ${text}`);
}

function flagOf(text: string, name: string): boolean {
  const word = text.toLowerCase();
  if (['true', '1', 'yes', 'on', 't', 'y'].includes(word)) return true;
  if (['false', '0', 'no', 'off', 'f', 'n'].includes(word)) return false;
  throw bad(`Invalid value '${text}' for '${name}' filter. Valid values are case sensitive: 'true' and 'false'.`);
}

function numberOf(text: string, name: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw bad(`Filter ${name} must be an integer 0 or greater and not '${text}'`);
}

const operators: Record<string, TimeCondition['operator']> = {
  gt: '>',
  gte: '>=',
  lt: '<',
  lte: '<=',
  eq: '=',
  neq: '!=',
};

function timeOf(text: string, name: string): TimeCondition {
  const match = /^(\w+):(.*)$/s.exec(text);
  const isOperator = match !== null && !/^\d+$/.test(match[1]!) && !/^\d{4}/.test(match[1]!);
  const operator = isOperator ? operators[match[1]!] : '=';
  const time = parseTime(isOperator ? match[2]! : text);
  if (operator === undefined) throw bad(`Unable to filter on an unknown operator '${match![1]}'.`);
  if (time === undefined) throw bad(`Invalid time format for ${name}: ${text}`);
  return { operator, time };
}

/** `in:a,"b,c"` as its values; anything else is one value. */
function oneOrMore(text: string): string[] {
  if (!text.startsWith('in:')) return [text];
  const list = text.slice(3);
  const values: string[] = [];
  let rest = list;
  while (rest !== '') {
    const match = /^(?:"([^"]*)"|([^",]*))(?:,|$)/.exec(rest);
    if (!match) throw bad(`Invalid filter value ${list}. The quote is not closed, or not where a value begins.`);
    values.push(match[1] ?? match[2]!);
    rest = rest.slice(match[0].length);
  }
  return values;
}

const sortKeys: Record<string, ImageSortKey> = {
  name: 'name',
  status: 'status',
  container_format: 'containerFormat',
  disk_format: 'diskFormat',
  size: 'size',
  id: 'id',
  created_at: 'createdAt',
  updated_at: 'updatedAt',
};

/** `sort=name:asc,size`, or the older `sort_key` and `sort_dir`, which may be repeated. */
function sortOf(query: Query): ImageList['sort'] {
  const keys = texts(query['sort_key']);
  const dirs = texts(query['sort_dir']);
  const [sort] = texts(query['sort']).slice(-1);
  if (sort !== undefined) {
    if (keys.length > 0 || dirs.length > 0) throw bad('Old and new sorting syntax cannot be combined');
    return sort.split(',').map((part) => {
      const [key, dir = 'desc'] = part.trim().split(':') as [string, string?];
      return { key: sortKey(key), descending: isDescending(dir) };
    });
  }
  if (keys.length === 0 && dirs.length === 1) keys.push('created_at');
  if (dirs.length > 1 && dirs.length !== keys.length)
    throw bad('Number of sort dirs does not match the number of sort keys');
  return keys.map((key, index) => ({
    key: sortKey(key),
    descending: isDescending(dirs[index] ?? dirs[0] ?? 'desc'),
  }));
}

function sortKey(text: string): ImageSortKey {
  if (Object.hasOwn(sortKeys, text)) return sortKeys[text]!;
  const known = Object.keys(sortKeys).join(', ');
  throw bad(`Invalid sort key: ${text}. It must be one of the following: ${known}.`);
}

function isDescending(text: string): boolean {
  if (text === 'asc' || text === 'desc') return text === 'desc';
  throw bad(`Invalid sort direction: ${text}. It must be one of the following: asc, desc.`);
}

function texts(value: unknown): string[] {
  if (value === undefined || value === null) return [];
  return (Array.isArray(value) ? value : [value]).map(String);
}

function bad(message: string): CloudError {
  return new CloudError('invalid', message, { reason: 'bad_query' });
}
