import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { ConsoleBuild } from '../../assembly/console-build.ts';
import { runInterop } from '../interop-part.ts';
import { removeFolder } from '../machine.ts';
import { type PostgresServer, startPostgres } from '../postgres-server.ts';
import { checkPrerequisites, installPrerequisites } from '../prerequisites.ts';
import { bringSshServer, bringStoreServers, storeTests } from '../store-servers.ts';
import { countTests, type TestCount } from '../test-report.ts';

const root = resolve(import.meta.dirname, '../../..');
const say = (text: string) => console.log(text);
const bin = (name: string) => join(root, 'node_modules/.bin', name);

/** Each counts as one test. They are left out when only some tests are asked for. */
const checks = [
  { name: 'format and lint', program: bin('biome'), args: ['check', '.'] },
  { name: 'types', program: bin('tsc'), args: ['--noEmit'] },
  { name: 'types of the console', program: bin('tsc'), args: ['--noEmit', '-p', 'console'] },
  { name: 'types of its tests', program: bin('tsc'), args: ['--noEmit', '-p', 'tests/console'] },
];

/** What runs now: ended with this process, however that ends. */
const children = new Set<ChildProcess>();

export interface TestOptions {
  stores: boolean;
  interop: boolean;
}

/**
 * `unkai test`; with `stores` only the tests of image stores, or those that are named, against real servers that are brought
 * if need be.
 */
export async function test(given: readonly string[], { stores, interop }: TestOptions): Promise<void> {
  const started = performance.now();
  const folder = await mkdtemp(join(tmpdir(), 'unkai-test-'));
  // Servers that tests start as somebody else have folders in it.
  await chmod(folder, 0o711);
  let postgres: PostgresServer | undefined;
  const cleanUp = async () => {
    for (const child of children) child.kill('SIGTERM');
    await Promise.all([...children].map((child) => once(child, 'exit')));
    await postgres?.stop();
    removeFolder(folder);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => void cleanUp().finally(() => process.exit(130)));
  }
  const count: TestCount = { passed: 0, failed: 0, skipped: 0 };
  try {
    await bringPrerequisites();
    const cache = join(root, 'var/cache');
    const servers = stores ? await bringStoreServers(cache, say) : await bringSshServer(cache, say);
    const namesFiles = given.some((arg) => existsSync(join(root, arg)));
    const args = stores && !namesFiles ? [...storeTests, ...given] : given;
    if (!stores) await buildConsole();
    postgres = await postgresForTests();
    if (args.length === 0) {
      for (const check of checks) count[(await runs(check.name, check.program, check.args)) ? 'passed' : 'failed'] += 1;
    }
    const report = join(folder, 'report.json');
    const names = ['default', 'json', './tests/support/second-tries.ts'];
    const reporters = [...names.map((name) => `--reporter=${name}`), `--outputFile.json=${report}`];
    const env = {
      ...process.env,
      ...servers,
      TMPDIR: folder,
      ...(postgres ? { UNKAI_TEST_POSTGRES: postgres.url } : {}),
    };
    const succeeded = await runs('tests', bin('vitest'), ['run', ...reporters, ...args], env);
    add(count, countTests(await readFile(report, 'utf8').catch(() => undefined), succeeded));
    if (interop) add(count, await runInterop(folder, join(root, 'var/cache')));
  } finally {
    await cleanUp();
  }
  const minutes = ((performance.now() - started) / 60_000).toFixed(1);
  console.log(`\n${minutes} minutes`);
  const skipped = count.skipped > 0 ? `, ${count.skipped} skipped` : '';
  console.log(`${count.passed} passed, ${count.failed} failed${skipped}`);
  process.exit(count.failed > 0 ? 1 : 0);
}

/** Tests that find something missing say so themselves: a machine without it runs the others. */
async function bringPrerequisites(): Promise<void> {
  const missing = checkPrerequisites('test');
  if (missing.length === 0) return;
  await installPrerequisites(missing, { onProgress: (text) => console.log(text) }).catch((error: Error) =>
    console.log(`Some tests will be skipped or fail. ${error.message}`),
  );
}

/** Before the tests, so that none of them waits for it, and the types of its packages are there. */
async function buildConsole(): Promise<void> {
  console.log('── the web console');
  const started = performance.now();
  const state = await new ConsoleBuild().start();
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const words = state.phase === 'failed' ? `could not be built, its tests will fail: ${state.reason}` : 'built';
  console.log(`── the web console: ${words} (${seconds} s)`);
}

async function postgresForTests(): Promise<PostgresServer | undefined> {
  if (process.env['UNKAI_TEST_POSTGRES']) return undefined;
  try {
    const server = await startPostgres();
    if (!server) console.log('No PostgreSQL on this machine: its tests are skipped');
    return server;
  } catch (error) {
    console.log(`PostgreSQL could not be started: its tests are skipped. ${(error as Error).message}`);
    return undefined;
  }
}

/** Runs a program in this terminal. Resolves to whether it succeeded. */
async function runs(title: string, program: string, args: readonly string[], env = process.env): Promise<boolean> {
  console.log(`── ${title}`);
  const started = performance.now();
  const child = spawn(program, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'], env });
  children.add(child);
  const [code] = await once(child, 'exit');
  children.delete(child);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`── ${title}: ${code === 0 ? 'passed' : 'FAILED'} (${seconds} s)`);
  return code === 0;
}

function add(sum: TestCount, more: TestCount): void {
  sum.passed += more.passed;
  sum.failed += more.failed;
  sum.skipped += more.skipped;
}
