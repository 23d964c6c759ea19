import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { compare, type Release } from './compare.ts';
import { type ApiSnapshot, operationsOf } from './snapshot.ts';

const folder = join(import.meta.dirname, 'releases');
const made = join(import.meta.dirname, '../src/explorer/history.json');

/** The snapshots of all releases that are kept, the oldest first. */
export function readSnapshots(): ApiSnapshot[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.json.gz'))
    .map((name) => JSON.parse(gunzipSync(readFileSync(join(folder, name))).toString()) as ApiSnapshot)
    .sort((a, b) => a.version.localeCompare(b.version, 'en', { numeric: true }));
}

export function writeSnapshot(snapshot: ApiSnapshot): void {
  writeFileSync(join(folder, `${snapshot.version}.json.gz`), gzipSync(JSON.stringify(snapshot), { level: 9 }));
}

/** What the explorer shows: each release against the one before, the newest first. */
export function historyOf(snapshots: readonly ApiSnapshot[]): Release[] {
  return snapshots
    .slice(1)
    .map((snapshot, index) => compare(snapshots[index]!, snapshot))
    .reverse();
}

export function writeHistory(): Release[] {
  const history = historyOf(readSnapshots());
  writeFileSync(made, `${JSON.stringify(history)}\n`);
  return history;
}

/** The snapshot of what a checkout serves, from its own definitions. */
export async function snapshotOf(checkout: string, version: string, date: string): Promise<ApiSnapshot> {
  const { allDialects } = (await import(
    join(checkout, 'src/assembly/dialects.ts')
  )) as typeof import('../../src/assembly/dialects.ts');
  const { openApiDocument } = (await import(
    join(checkout, 'src/api/openapi.ts')
  )) as typeof import('../../src/api/openapi.ts');
  const dialects = await allDialects();
  const products: ApiSnapshot['products'] = {};
  for (const name of new Set(dialects.map((dialect) => dialect.name))) {
    const document = openApiDocument(dialects.filter((dialect) => dialect.name === name));
    // What a document says is what stands in its JSON.
    products[name] = operationsOf(JSON.parse(JSON.stringify(document)) as object);
  }
  return { version, date, products };
}
