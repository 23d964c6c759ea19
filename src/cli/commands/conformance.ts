import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { HypervisorKind } from '../../assembly/open-unkai.ts';
import type { CloudFacts } from '../conformance/configuration.ts';
import { findFacts } from '../conformance/facts.ts';
import { serveFile } from '../conformance/file-server.ts';
import { interopSelection, removedUpstream } from '../conformance/interop.ts';
import type { Outcome } from '../conformance/outcome.ts';
import { recordRuns } from '../conformance/record-runs.ts';
import { type ConformanceReport, countOf, skipReasons, tableOf } from '../conformance/report.ts';
import { runTempest } from '../conformance/run-tempest.ts';
import { failedSelection, withSecondTries } from '../conformance/second-tries.ts';
import { ensurePing, ensureTempest, type Tempest } from '../conformance/tempest.ts';
import { DataFolder, type RunRecord } from '../data-folder.ts';
import { defaultDataDir, version } from '../defaults.ts';
import { OwnCloud, type OwnCloudWishes } from '../own-cloud.ts';
import { runSteps } from '../steps.ts';

export interface ConformanceOptions {
  dataDir: string;
  hypervisor: HypervisorKind;
  own: boolean;
  interop: boolean;
  zstack: boolean;
  full: boolean;
  only?: string;
  exclude?: string;
  concurrency: number;
  /** Whether what fails is tried once more. */
  secondTry?: boolean;
  output?: string;
  /** Files of reports to be printed. */
  table?: readonly string[];
}

/** What OpenStack's services here are held to. */
const fullSelection = ['^tempest\\.api\\.(identity|image|compute|network|volume)\\.', '^tempest\\.scenario\\.'];

/** `unkai conformance` */
export async function conformance(options: ConformanceOptions): Promise<void> {
  if (options.zstack) {
    const { holdToZStack } = await import('../conformance/zstack/zstack.ts');
    process.exit((await holdToZStack(options)) ? 0 : 1);
  }
  if (options.table) {
    console.log(recordRuns(options.table));
    return;
  }
  const tempest = await findTempest(options.hypervisor);
  const folder = new DataFolder(options.dataDir);
  const running = options.own ? undefined : folder.running();
  const aborting = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => aborting.abort());
  let report: ConformanceReport;
  if (running) report = await hold(tempest, folder, running, options, aborting.signal);
  else {
    const own = await OwnCloud.start(options.hypervisor, 'conformance', wholeCloud);
    try {
      report = await hold(tempest, own.folder, own.record, options, aborting.signal);
    } finally {
      await own.stop();
    }
  }
  process.exit(aborting.signal.aborted ? 130 : report.failed > 0 ? 1 : 0);
}

/** All that Tempest has tests for: stores to choose among, and rules that are quickly broken and soon forgiven. */
function wholeCloud(folder: DataFolder): OwnCloudWishes {
  const rules = { lockout_failure_attempts: 2, lockout_duration: 5, unique_last_password_count: 2 };
  return {
    // Images are fetched from this machine: nothing has to be reached beyond it.
    innerImageSources: 'everyone',
    store: [`name=second,url=${join(folder.path, 'second-store')}`],
    securityCompliance: Object.entries(rules).map(([name, value]) => `${name}=${value}`),
  };
}

async function findTempest(hypervisor: HypervisorKind): Promise<Tempest> {
  let tempest: Tempest | undefined;
  await runSteps([
    {
      title: "Tempest, OpenStack's own tests",
      async run(say) {
        tempest = await ensureTempest(new DataFolder(defaultDataDir).cacheDir, say);
        if (hypervisor === 'qemu') await ensurePing(say);
      },
    },
  ]);
  return tempest!;
}

async function hold(
  tempest: Tempest,
  folder: DataFolder,
  record: RunRecord,
  options: ConformanceOptions,
  signal: AbortSignal,
): Promise<ConformanceReport> {
  const { only, exclude, concurrency } = options;
  const selection = only ? [only] : options.full ? fullSelection : interopSelection();
  const selected = only ?? (options.full ? 'full' : 'interop');
  const date = new Date().toISOString();
  const results = join(defaultDataDir, 'conformance', date.replaceAll(/[:.]/g, '-'));
  const found = await findFacts(folder, record);
  const files = folder.settings()?.innerImageSources === 'everyone' ? await serveFile(found.imageFile) : undefined;
  const facts: CloudFacts = { ...found, imageUrl: files?.url };
  console.log(`\nTempest ${tempest.version} against ${record.origin} (${record.hypervisor}): ${selected}\n`);
  const started = performance.now();
  const runAll = async (regexes: readonly string[], folder: string) => {
    const found: Outcome[] = [];
    const onOutcome = (outcome: Outcome) => console.log(progressLine(outcome, found.push(outcome)));
    for (const { pass, ...chosen } of passesOf(regexes, exclude)) {
      const run = { facts, pass, folder: join(folder, pass.formats), ...chosen, concurrency, onOutcome, signal };
      await runTempest(tempest, run);
    }
    return found;
  };
  let outcomes = await runAll(selection, results);
  const again = options.secondTry && !signal.aborted ? failedSelection(outcomes) : [];
  if (again.length > 0) {
    console.log(`\nOnce more: ${again.length}\n`);
    outcomes = withSecondTries(outcomes, await runAll(again, join(results, 'second-try')));
  }
  files?.close();
  const report: ConformanceReport = {
    date,
    unkai: version,
    tempest: tempest.version,
    hypervisor: record.hypervisor,
    selection: selected,
    concurrency,
    duration: Math.round((performance.now() - started) / 1000),
    passed: countOf(outcomes, 'passed'),
    failed: countOf(outcomes, 'failed'),
    skipped: countOf(outcomes, 'skipped'),
    outcomes,
    ...(selected === 'interop' ? { removed: removedUpstream } : {}),
  };
  const output = resolve(options.output ?? join(results, 'report.json'));
  mkdirSync(dirname(output), { recursive: true });
  writeFileSync(output, `${JSON.stringify(report, undefined, 2)}\n`);
  tell(report, output);
  return report;
}

/** Tests that upload random bytes under whatever format. */
const shapelessTests = 'tempest\\.api\\.image\\.v2\\.test_images\\.ListUserImagesTest\\.';
const oneOfThem = 'tempest.api.image.v2.test_images.ListUserImagesTest.test_list_images_param_status';

/** Most tests, and then those that a cloud which looks at images would have to refuse. */
function passesOf(selection: readonly string[], exclude: string | undefined) {
  const aimedAt = selection.filter((regex) => regex.includes('ListUserImagesTest'));
  const isAmong = selection.some((regex) => new RegExp(regex).test(oneOfThem));
  const shapeless = aimedAt.length > 0 ? aimedAt : isAmong ? [`^${shapelessTests}`] : [];
  const enforced = selection.filter((regex) => !aimedAt.includes(regex));
  const without = [exclude, shapelessTests].filter((regex) => regex !== undefined).join('|');
  return [
    { pass: { formats: 'enforced' as const }, selection: enforced, exclude: without },
    { pass: { formats: 'shapeless' as const }, selection: shapeless, exclude },
  ].filter(({ selection: some }) => some.length > 0);
}

const words = { passed: 'ok', failed: 'FAILED', skipped: 'skipped' } as const;

function progressLine({ name, result, seconds, reason }: Outcome, count: number): string {
  const time = seconds === undefined ? '' : ` (${seconds.toFixed(1)} s)`;
  const why = result === 'skipped' && reason ? `: ${reason}` : '';
  return `${String(count).padStart(5)}  ${words[result].padEnd(7)}  ${name}${time}${why}`;
}

function tell(report: ConformanceReport, output: string): void {
  const failed = report.outcomes.filter(({ result }) => result === 'failed');
  for (const { name, reason } of failed) console.log(`\nFAILED ${name}\n${indented(reason ?? 'it said nothing')}`);
  const late = report.outcomes.filter(({ isSecondTry }) => isSecondTry);
  if (late.length > 0)
    console.log(`\nPassed at the second try only:\n${late.map(({ name }) => `    ${name}`).join('\n')}`);
  const skips = skipReasons(report.outcomes);
  if (skips.length > 0) console.log('\nSkipped:');
  for (const [reason, count] of skips) console.log(`${String(count).padStart(5)}  ${reason}`);
  for (const [name, reason] of Object.entries(report.removed ?? {})) {
    console.log(`\nNot in Tempest any more: ${name}\n${indented(reason)}`);
  }
  console.log(`\n${tableOf(report.outcomes).join('\n')}\n`);
  console.log(`${(report.duration / 60).toFixed(1)} minutes; all of it: ${output}`);
}

function indented(text: string): string {
  return text.replaceAll(/^/gm, '    ');
}
