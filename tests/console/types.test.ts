import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { answersFile, answerTypes } from '../../console/openapi/answers.ts';
import { bodiesFile, bodyTypes } from '../../console/openapi/bodies.ts';

/** Reading every dialect takes its time on a machine that does much else. */
const limit = 300_000;

// Where one of these fails: `node console/openapi/<name>.ts`, then see what no longer fits.
test.each([
  ['answers', answersFile, answerTypes],
  ['bodies', bodiesFile, bodyTypes],
] as const)(
  'the types of %s are those of the OpenAPI documents',
  async (_, file, types) => {
    const kept = readFileSync(file, 'utf8');
    expect(kept.length).toBeGreaterThan(10_000);
    expect(await types()).toBe(kept);
  },
  limit,
);

/** Where the literal that begins at `start` ends: what follows it. */
function after(text: string, start: number): string {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    if ('{['.includes(text[at]!)) depth++;
    if ('}]'.includes(text[at]!) && --depth === 0) return text.slice(at + 1, at + 80);
  }
  return '';
}

test('every body that the console sends is held against the type of its operation', () => {
  const source = resolve(import.meta.dirname, '../../console/src');
  const files = readdirSync(source, { recursive: true, withFileTypes: true })
    // The explorer sends what its user writes.
    .filter(({ name, parentPath }) => /\.tsx?$/.test(name) && !/explorer$/.test(parentPath));
  const bodies = files.flatMap(({ name, parentPath }) => {
    const text = readFileSync(join(parentPath, name), 'utf8');
    return [...text.matchAll(/\bbody: [{[]/g)].map(({ 0: { length }, index }) => ({
      at: `${name}:${text.slice(0, index).split('\n').length}`,
      next: after(text, index + length - 1),
    }));
  });
  expect(bodies.length).toBeGreaterThan(45);
  expect(bodies.filter(({ next }) => !/^ satisfies \w+Body\b/.test(next)).map(({ at }) => at)).toEqual([]);
});
