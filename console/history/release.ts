import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { snapshotOf, writeHistory, writeSnapshot } from './snapshots.ts';

// node console/history/release.ts <version> [--date 2026-11-21] [--checkout <folder>]
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { date: { type: 'string' }, checkout: { type: 'string' } },
});
const [version] = positionals;
if (!version) throw new Error('Which version? As: node console/history/release.ts 1.2.0');
const checkout = resolve(values.checkout ?? resolve(import.meta.dirname, '../..'));
writeSnapshot(await snapshotOf(checkout, version, values.date ?? new Date().toISOString().slice(0, 10)));
const [newest] = writeHistory();
console.log(`${version} is kept. ${newest?.changes.length ?? 0} operations differ from the release before.`);
