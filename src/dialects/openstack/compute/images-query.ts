import { Type } from 'typebox';
import { CloudError } from '../../../cloud/errors.ts';
import type { ImageFilter, ImageList } from '../../../cloud/images/listing.ts';
import type { ImageStatus } from '../../../cloud/images/model.ts';
import { parseId, withDashes } from '../../../env/env.ts';
import { badMarker, type Page, pageOf } from '../common/pagination.ts';
import { parseTime } from '../common/time.ts';

const text = (description: string) => Type.Optional(Type.String({ description }));

export const ImageQuery = Type.Object(
  {
    'changes-since': text('Only images that were changed at this time or later.'),
    server: text('Only images of this server, given by its URL or id.'),
    name: text('Exactly this name.'),
    status: text('As ACTIVE.'),
    type: text('BASE for images that are not of a server, SERVER for snapshots and backups, or ALL.'),
    minRam: text('MiB, exactly.'),
    minDisk: text('GiB, exactly.'),
    limit: text('How many at most.'),
    marker: text('The id of the last image of the page before.'),
  },
  { additionalProperties: true },
);

type Query = Record<string, string | undefined>;

/** Reads the query of the proxy's lists. Throws `invalid`. */
export function proxyList(query: Query): { list: ImageList; page: Page } {
  const page = pageOf('compute', { limit: query['limit'] ?? query['page_size'], marker: query['marker'] });
  const marker = page.marker === undefined ? undefined : parseId(page.marker);
  if (page.marker !== undefined && marker === undefined) throw badMarker('compute', page.marker);
  return { page, list: { isHidden: false, ...filterOf(query), limit: page.limit, marker } };
}

function filterOf(query: Query): ImageFilter {
  const properties: Record<string, string> = {};
  for (const [key, value] of Object.entries(query)) {
    if (key.startsWith('property-') && value !== undefined) properties[key.slice('property-'.length)] = String(value);
  }
  if (query['server'] !== undefined) properties['instance_uuid'] = serverId(query['server']);
  const type = typeFilter(query['type']);
  return {
    ...type,
    properties: { ...properties, ...type.properties },
    ...(query['name'] === undefined ? {} : { names: [query['name']] }),
    ...(query['status'] === undefined ? {} : { statuses: statusesOf(query['status']) }),
    ...(query['changes-since'] === undefined ? {} : { updatedAt: [since(query['changes-since'])] }),
    ...(query['minRam'] === undefined ? {} : { minMemoryMb: wholeNumber('minRam', query['minRam']) }),
    ...(query['minDisk'] === undefined ? {} : { minDiskGb: wholeNumber('minDisk', query['minDisk']) }),
  };
}

/** K5 tells a server's images from others; Nova names what kind of a server's image it is. */
function typeFilter(type: string | undefined): ImageFilter {
  const word = type?.toLowerCase();
  if (word === undefined || word === 'all') return {};
  if (word === 'base') return { withoutProperty: 'image_type' };
  if (word === 'server') return { withProperty: 'image_type' };
  return { properties: { image_type: word } };
}

/** The URL's last element, in the form in which snapshots name their server. */
function serverId(reference: string): string {
  const last = reference.replace(/\/+$/, '').split('/').at(-1)!;
  return withDashes(parseId(last) ?? last);
}

const statuses: Record<string, ImageStatus[]> = {
  active: ['active'],
  saving: ['queued', 'saving'],
  queued: ['queued'],
  error: ['error'],
  unknown: ['uploading', 'importing', 'deactivated'],
};

function statusesOf(status: string): ImageStatus[] {
  return statuses[status.toLowerCase()] ?? [];
}

function since(value: string) {
  const time = parseTime(value);
  if (time === undefined) {
    throw new CloudError('invalid', `Invalid changes-since value: ${value}`, { field: 'changes-since' });
  }
  return { operator: '>=' as const, time };
}

function wholeNumber(name: string, value: string): number {
  if (/^\d{1,9}$/.test(value)) return Number(value);
  throw new CloudError('invalid', `Invalid ${name} value: ${value}`, { field: name });
}
