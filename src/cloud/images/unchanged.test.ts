import { beforeEach, expect, test } from 'vitest';
import { Unchanged } from './unchanged.ts';

let looks: number;
const look = async () => void looks++;

beforeEach(() => {
  looks = 0;
});

test.each([
  ['the same version is looked at once', ['1', '1'], 1],
  ['another version is looked at', ['1', '2'], 2],
  ['so is one that comes back', ['1', '2', '1'], 3],
  ['and whatever has no version', [undefined, undefined], 2],
])('%s', async (_, versions, expected) => {
  const unchanged = new Unchanged();
  for (const version of versions) await unchanged.once('image', version, look);
  expect(looks).toBe(expected);
});

test('what was found bad is looked at again', async () => {
  const unchanged = new Unchanged();
  await expect(unchanged.once('image', '1', () => Promise.reject(new Error('bad')))).rejects.toThrow('bad');
  await unchanged.once('image', '1', look);
  expect(looks).toBe(1);
});

test('what was looked at long ago is forgotten', async () => {
  const unchanged = new Unchanged();
  for (let index = 0; index <= 1000; index += 1) await unchanged.once(`image ${index}`, '1', look);
  await unchanged.once('image 1000', '1', look);
  expect(looks).toBe(1001);
  await unchanged.once('image 0', '1', look);
  expect(looks).toBe(1002);
});
