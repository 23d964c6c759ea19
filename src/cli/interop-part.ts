import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { ConformanceReport } from './conformance/report.ts';
import { ensureTempest } from './conformance/tempest.ts';
import type { TestCount } from './test-report.ts';

/** A machine on which everything before took longer is too slow for them: with them, CI would take over an hour. */
const latestStartMinutes = 40;

const unkai = resolve(import.meta.dirname, '../../unkai');

/**
 * OpenStack's required tests on real guests, by two workers, as a part of `unkai test --interop`. What fails is tried once
 * more and told. They are skipped where Tempest can't be had, and in CI where there is no time left for them.
 * @param folder where the report goes
 */
export async function runInterop(folder: string, cacheDir: string): Promise<TestCount> {
  console.log("── OpenStack's required tests");
  const minutesGone = performance.now() / 60_000;
  if (process.env['CI'] && minutesGone > latestStartMinutes) {
    const reason = `${minutesGone.toFixed(0)} minutes have passed, and CI is to end within an hour`;
    console.log(`── OpenStack's required tests: skipped. ${reason}. By hand: ./unkai conformance --interop --own`);
    return { passed: 0, failed: 0, skipped: 1 };
  }
  try {
    await ensureTempest(cacheDir, () => {});
  } catch (error) {
    console.log(`── OpenStack's required tests: skipped, as Tempest can't be had here. ${(error as Error).message}`);
    return { passed: 0, failed: 0, skipped: 1 };
  }
  const output = join(folder, 'interop.json');
  const args = ['conformance', '--own', '--interop', '--second-try', '--hypervisor', 'qemu', '--concurrency', '2'];
  const child = spawn(unkai, [...args, '--output', output], { stdio: ['ignore', 'inherit', 'inherit'] });
  const end = () => void child.kill('SIGTERM');
  process.once('exit', end);
  await once(child, 'exit');
  process.off('exit', end);
  const report = await reportIn(output);
  if (!report) return { passed: 0, failed: 1, skipped: 0 };
  const minutes = (report.duration / 60).toFixed(1);
  console.log(`── OpenStack's required tests: ${report.failed === 0 ? 'passed' : 'FAILED'} (${minutes} minutes)`);
  return { passed: report.passed, failed: report.failed, skipped: report.skipped };
}

async function reportIn(file: string): Promise<ConformanceReport | undefined> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as ConformanceReport);
}
