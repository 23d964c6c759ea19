import { expect, test, vi } from 'vitest';
import type { Database, Tx } from './database.ts';
import { runDry, withDryRuns } from './dry-run.ts';

const write = vi.fn(async (work: (tx: Tx) => Promise<unknown>) => await work({} as Tx));
const db = withDryRuns({ kind: 'sqlite', write } as unknown as Database);

test('outside of dry runs a write is the one that was asked for, with its options', async () => {
  const options = { isRepeatable: true };
  expect(await db.write(async () => 1, options)).toBe(1);
  expect(write).toHaveBeenLastCalledWith(expect.any(Function), options);
});

test('a dry run looks at what its first write has done, and has it taken back', async () => {
  const seen: string[] = [];
  const inspect = async () => void seen.push('inspected');
  const outcome = await runDry(inspect, async () => {
    await db.write(async () => void seen.push('written'));
    seen.push('gone on');
  });
  expect(outcome).toBe('committed');
  expect(seen).toEqual(['written', 'inspected']);
  await expect(write.mock.results.at(-1)!.value).rejects.toThrow('dry run');
});
