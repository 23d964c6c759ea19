import { Type } from 'typebox';
import { CloudError } from '../../../cloud/errors.ts';
import { parseId, withDashes } from '../../../env/env.ts';
import { badMarker, nextLinks, pageOf } from '../common/pagination.ts';

/** What lists take that are read whole: of things of which a project has few. Other names are filters. */
export const ListQuery = Type.Object(
  {
    limit: Type.Optional(Type.String({ description: 'How many at most.' })),
    marker: Type.Optional(Type.String({ description: 'The id of the last item of the page before.' })),
    offset: Type.Optional(Type.String({ description: 'How many to pass over.' })),
    sort: Type.Optional(Type.String({ description: 'As `name:asc`.' })),
    sort_key: Type.Optional(Type.String({ description: 'The older way.' })),
    sort_dir: Type.Optional(Type.String({ description: 'asc or desc, beside sort_key.' })),
    all_tenants: Type.Optional(Type.String({ description: '1 for those of all projects, for administrators.' })),
    name: Type.Optional(Type.String({ description: 'Exact.' })),
    status: Type.Optional(Type.String({ description: 'As `available`.' })),
    volume_id: Type.Optional(Type.String({ description: 'Of this volume.' })),
    with_count: Type.Optional(Type.String({ description: 'true to be told how many there are without paging.' })),
  },
  { additionalProperties: true },
);

type Query = Record<string, string | undefined>;

/** One page of a list that was read whole, sorted as the query says, with the link to the next one. */
export function listed<Item extends { id: string; createdAt?: number }>(
  collection: string,
  all: readonly Item[],
  call: { query: Query; origin: string; raw: { url?: string } },
): { items: Item[]; links: object } {
  const sorted = sort(all, call.query);
  const { limit, marker } = pageOf('volume', call.query);
  const offset = Number(call.query['offset'] ?? 0);
  if (!Number.isSafeInteger(offset) || offset < 0) {
    throw new CloudError('invalid', `Invalid input received: offset must be an integer 0 or greater.`);
  }
  const at = marker === undefined ? -1 : sorted.findIndex(({ id }) => id === parseId(marker));
  if (marker !== undefined && at < 0) throw badMarker('volume', marker);
  const items = sorted.slice(at + 1 + offset, at + 1 + offset + limit!);
  const ends = items.map(({ id }) => ({ id: withDashes(id) }));
  const links = nextLinks(collection, ends, { limit, marker }, { origin: call.origin, url: call.raw.url! });
  return { items, links };
}

/** Cinder's names of members that have others here. */
const members: Record<string, string> = { created_at: 'createdAt', volume_id: 'volumeId', updated_at: 'updatedAt' };

function sort<Item extends object>(all: readonly Item[], query: Query): Item[] {
  const wanted = query['sort'] ?? (query['sort_key'] && `${query['sort_key']}:${query['sort_dir'] ?? 'desc'}`);
  if (!wanted) return [...all];
  const keys = wanted.split(',').map((part) => {
    const [name = '', direction = 'desc'] = part.trim().split(':');
    if (direction !== 'asc' && direction !== 'desc') {
      throw new CloudError('invalid', `Invalid input received: Unknown sort direction, must be one of: asc, desc.`);
    }
    return { key: members[name] ?? name, direction };
  });
  const value = (item: Item, key: string) => (item as Record<string, unknown>)[key] ?? '';
  return [...all].sort((a, b) => {
    for (const { key, direction } of keys) {
      const [one, other] = [value(a, key), value(b, key)] as [string, string];
      if (one === other) continue;
      return one < other === (direction === 'asc') ? -1 : 1;
    }
    return 0;
  });
}
