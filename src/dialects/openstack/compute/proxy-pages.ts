import { Type } from 'typebox';
import type { StoragePage } from '../../../cloud/volumes/listing.ts';
import { integerOf, lastOf, queryText } from './wire.ts';

/** Most items of a page, as everywhere in Nova. */
const maxLimit = 1000;

/** What Nova's lists of other services' things take. */
export const ProxyPage = Type.Object({
  limit: queryText('Items at most.'),
  offset: queryText('Items that are left out before the first.'),
});

/** The page that the query asks for, newest first. Throws `invalid` for what is no whole number. */
export function pageOfProxy(query: { limit?: string | string[]; offset?: string | string[] }): StoragePage {
  const limit = lastOf(query.limit);
  const offset = lastOf(query.offset);
  return {
    limit: limit === undefined ? maxLimit : Math.min(integerOf('limit', limit, 0), maxLimit),
    offset: offset === undefined ? undefined : integerOf('offset', offset, 0),
    sort: [{ key: 'created_at', direction: 'desc' }],
  };
}
