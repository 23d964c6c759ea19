import type { Cloud } from '../../../cloud/cloud.ts';
import type { InventoryDefinition, Viewer } from '../../../cloud/query/inventory.ts';
import type { Query, TimeText } from '../../../cloud/query/query.ts';
import * as queries from '../../../cloud/query/run-query.ts';
import { formatTimestamp, parseTimestamp } from '../protocol/timestamp.ts';

const times: TimeText = { parse: parseTimestamp, format: formatTimestamp };

/** Answers a query, with times as the dialect writes them. */
export function runQuery(cloud: Cloud, definition: InventoryDefinition, viewer: Viewer, query: Query) {
  return queries.runQuery(cloud, definition, viewer, query, times);
}

/** One inventory by its uuid, whoever asks: for the answers of operations that were allowed already. */
export function readInventory(cloud: Cloud, definition: InventoryDefinition, uuid: string) {
  return queries.readInventory(cloud, definition, uuid, times);
}
