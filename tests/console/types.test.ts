import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { answersFile, answerTypes } from '../../console/openapi/answers.ts';

/** Reading every dialect takes its time on a machine that does much else. */
const limit = 120_000;

test(
  'the types of what the console reads are those of the OpenAPI documents',
  async () => {
    const kept = readFileSync(answersFile, 'utf8');
    expect(kept.length).toBeGreaterThan(10_000);
    // Where this fails: `node console/openapi/answers.ts`, then see what no longer fits.
    expect(await answerTypes()).toBe(kept);
  },
  limit,
);
