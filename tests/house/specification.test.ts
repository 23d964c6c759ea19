import { globSync, readFileSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '../..');
const text = readFileSync(resolve(root, 'SPECIFICATION.md'), 'utf8');
const tests = globSync('{src,tests,console,guest,bench}/**/*.test.ts', {
  cwd: root,
  exclude: (name) => name.includes('node_modules'),
});

/** The tests that the text names, by their path or, where there is one of that name only, by that. */
const named = [...new Set([...text.matchAll(/`([\w./-]+\.test\.ts)`/g)].map(([, name]) => name!))];
/** Rows of the tables: number, promise, … */
const rows = text.split('\n').filter((line) => /^\| [A-Z]\d+ +\|/.test(line));

it('names tests that exist', () => {
  expect(tests.length).toBeGreaterThan(100);
  expect(named.length).toBeGreaterThan(10);
  const unknown = named.filter((name) =>
    name.includes('/') ? !tests.includes(name) : tests.filter((path) => basename(path) === name).length !== 1,
  );
  expect(unknown).toEqual([]);
});

it('says of each promise what holds it, or that nothing does', () => {
  expect(rows.length).toBeGreaterThan(20);
  const heldByAudit = /^\| I\d+ /;
  const silent = rows.filter((row) => !heldByAudit.test(row) && !/\.test\.ts`|untested|the same|simulation/.test(row));
  expect(silent).toEqual([]);
});

it('gives each promise a number of its own', () => {
  const numbers = rows.map((row) => row.split('|')[1]!.trim());
  expect(numbers).toEqual([...new Set(numbers)]);
});
