/**
 * Folds indexed keys of a query string (`backupStorageUuids.0=a&backupStorageUuids.1=b`) into the list that they spell
 * (`backupStorageUuids=[a, b]`), in place. Keys that simply repeat are lists already.
 */
export function foldIndexedKeys(query: Record<string, unknown>): void {
  const lists = new Map<string, Array<[number, unknown]>>();
  for (const [key, value] of Object.entries(query)) {
    const indexed = /^(\w+)\.(\d{1,4})$/.exec(key);
    if (!indexed) continue;
    const name = indexed[1]!;
    lists.set(name, [...(lists.get(name) ?? []), [Number(indexed[2]), value]]);
    delete query[key];
  }
  for (const [name, elements] of lists) {
    const own = query[name] === undefined ? [] : [query[name]].flat();
    query[name] = [...own, ...elements.sort(([a], [b]) => a - b).map(([, value]) => value)];
  }
}
