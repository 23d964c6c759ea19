import type { Cloud } from '../../../cloud/cloud.ts';
import type { InventoryDefinition, Viewer } from '../../../cloud/query/inventory.ts';
import type { Query, TimeText } from '../../../cloud/query/query.ts';
import * as queries from '../../../cloud/query/run-query.ts';
import { formatTimestamp, parseTimestamp } from '../protocol/timestamp.ts';
import { maxRows, parseQuery } from './query-parameters.ts';

const times: TimeText = { parse: parseTimestamp, format: formatTimestamp };

/** Answers a query, with times as the dialect writes them. */
export function runQuery(cloud: Cloud, definition: InventoryDefinition, viewer: Viewer, query: Query) {
  return queries.runQuery(cloud, definition, viewer, query, times);
}

/** The inventories that meet these conditions, however many they are, as far as the viewer sees them. */
export async function inventoriesWith(
  cloud: Cloud,
  definition: InventoryDefinition,
  viewer: Viewer,
  conditions: readonly string[] = [],
): Promise<queries.Inventory[]> {
  const found: queries.Inventory[] = [];
  for (;;) {
    const query = parseQuery({ q: conditions, start: found.length });
    const { inventories = [] } = await runQuery(cloud, definition, viewer, query);
    found.push(...inventories);
    if (inventories.length < query.limit) return found;
  }
}

/** The inventories with these uuids, however many they are, as far as the viewer sees them. */
export async function inventoriesByUuid(
  cloud: Cloud,
  definition: InventoryDefinition,
  viewer: Viewer,
  uuids: readonly string[],
): Promise<queries.Inventory[]> {
  const found: queries.Inventory[] = [];
  for (let at = 0; at < uuids.length; at += maxRows) {
    const some = uuids.slice(at, at + maxRows).join();
    const query = parseQuery({ q: [`uuid?=${some}`] });
    found.push(...((await runQuery(cloud, definition, viewer, query)).inventories ?? []));
  }
  return found;
}

/** One inventory by its uuid, whoever asks: for the answers of operations that were allowed already. */
export function readInventory(cloud: Cloud, definition: InventoryDefinition, uuid: string) {
  return queries.readInventory(cloud, definition, uuid, times);
}
