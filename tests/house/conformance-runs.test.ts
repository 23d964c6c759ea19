import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, it } from 'vitest';
import { parseRecords } from '../../src/cli/conformance/run-records.ts';
import { runsTable, withTable } from '../../src/cli/conformance/runs-table.ts';

const read = (name: string) => readFileSync(resolve(import.meta.dirname, '../..', name), 'utf8');
const records = parseRecords(read('docs/conformance-runs.tsv'));

it.each(['README.md', 'docs/conformance.md'])('%s has the table of the last runs', (name) => {
  expect(records.length).toBeGreaterThan(3);
  const text = read(name);
  expect(withTable(text, runsTable(records)), '`unkai conformance --table <reports>` writes it').toBe(text);
});

it('says of each test that failed why it does', () => {
  const text = read('docs/conformance.md');
  const known = [...text.matchAll(/`([\w.]+)`/g)].map(([, word]) => word!.split('.').at(-1)!);
  const failures = records.flatMap((record) => record.failures);
  const silent = failures.filter((name) => !name.split(/[.()]/).some((part) => known.includes(part)));
  expect(silent).toEqual([]);
});
