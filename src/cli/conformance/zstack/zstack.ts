import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import type { HypervisorKind } from '../../../assembly/open-unkai.ts';
import { zstack } from '../../../dialects/zstack/zstack.ts';
import { ZStackClient } from '../../clients/zstack-client.ts';
import { DataFolder, type RunRecord } from '../../data-folder.ts';
import { defaultDataDir, version } from '../../defaults.ts';
import { OwnCloud } from '../../own-cloud.ts';
import { serveImage } from './image-server.ts';
import { findJavaSdk, runJavaSdk } from './java-sdk.ts';
import { SignedClient } from './signed-client.ts';
import { runStep, type Step, story } from './story.ts';
import { findProvider, runProvider } from './terraform.ts';

/** One call of a client and what came of it. */
export interface ClientOutcome {
  client: 'signed requests' | 'java sdk' | 'terraform';
  /** The operation, or the step of a program. */
  call: string;
  result: 'passed' | 'failed' | 'skipped';
  seconds?: number;
  /** Why it failed or was skipped. */
  reason?: string;
}

interface Options {
  dataDir: string;
  hypervisor: HypervisorKind;
  own: boolean;
  output?: string;
}

/** `unkai conformance --zstack`: gives whether everything that ran passed. */
export async function holdToZStack(options: Options): Promise<boolean> {
  const folder = new DataFolder(options.dataDir);
  const running = options.own ? undefined : folder.running();
  if (running) return await hold(folder, running, options.output);
  const own = await OwnCloud.start(options.hypervisor, 'conformance');
  try {
    return await hold(own.folder, own.record, options.output);
  } finally {
    await own.stop();
  }
}

async function hold(folder: DataFolder, record: RunRecord, output: string | undefined): Promise<boolean> {
  const date = new Date().toISOString();
  console.log(`\nZStack's clients against ${record.origin} (${record.hypervisor})\n`);
  const outcomes: ClientOutcome[] = [];
  for await (const outcome of clientsOf(record.origin, folder.adminPassword() ?? '')) {
    outcomes.push(outcome);
    console.log(lineOf(outcome));
  }
  const failed = outcomes.filter(({ result }) => result === 'failed');
  for (const { client, call, reason } of failed) console.log(`\nFAILED ${client}: ${call}\n    ${reason}`);
  const path = resolve(
    output ?? join(defaultDataDir, 'conformance', date.replaceAll(/[:.]/g, '-'), 'zstack-report.json'),
  );
  mkdirSync(dirname(path), { recursive: true });
  const report = { date, unkai: version, hypervisor: record.hypervisor, outcomes };
  writeFileSync(path, `${JSON.stringify(report, undefined, 2)}\n`);
  const count = (result: ClientOutcome['result']) => outcomes.filter((one) => one.result === result).length;
  console.log(
    `\n${count('passed')} passed, ${count('failed')} failed, ${count('skipped')} skipped; all of it: ${path}`,
  );
  return failed.length === 0;
}

function lineOf({ client, call, result, seconds, reason }: ClientOutcome): string {
  const word = { passed: 'ok', failed: 'FAILED', skipped: 'skipped' }[result].padEnd(7);
  const time = seconds === undefined ? '' : ` (${seconds.toFixed(1)} s)`;
  return `${word}  ${client.padEnd(16)}${call}${time}${result === 'skipped' ? `: ${reason}` : ''}`;
}

/** Every client there is, call by call: our own requests, signed as SDKs sign them, ZStack's Java SDK and Terraform provider. */
export async function* clientsOf(origin: string, adminPassword: string): AsyncGenerator<ClientOutcome> {
  const images = await serveImage();
  try {
    const admin = await ZStackClient.signIn(origin, { account: 'admin', password: adminPassword });
    yield* signedRequests(admin, images.url);
    yield* javaSdk(admin.origin, adminPassword, images.url);
    yield* terraformProvider(admin, adminPassword, images.url);
  } finally {
    await images.stop();
  }
}

async function* signedRequests(admin: ZStackClient, imageUrl: string): AsyncGenerator<ClientOutcome> {
  const { inventories } = await admin.call('GET', '/accounts?q=name=admin');
  const accountUuid: string = inventories[0].uuid;
  const params = { accountUuid, userUuid: accountUuid, description: 'conformance' };
  const key = (await admin.call('POST', '/accesskeys', { params })).inventory;
  const client = new SignedClient(admin.origin, { id: key.AccessKeyID, secret: key.AccessKeySecret });
  try {
    for (const step of story(imageUrl)) {
      const started = performance.now();
      const { exchange, wrong } = await runStep(client, step);
      const reason = wrong ?? unlikeItsSchema(step, exchange.answer.body);
      const seconds = (performance.now() - started) / 1000;
      const about = { client: 'signed requests', call: step.operation, seconds } as const;
      yield reason ? { ...about, result: 'failed', reason } : { ...about, result: 'passed' };
    }
  } finally {
    await admin.call('DELETE', `/accesskeys/${key.uuid}`);
  }
}

/** Whether the answer is what the operation's own document says. */
function unlikeItsSchema({ operation }: Step, body: unknown): string | undefined {
  const found = zstack.operations.find(({ id }) => id === operation || id === `${operation}ByUuid`);
  const schema = found?.responses[200];
  if (!found) return `no operation is called ${operation}`;
  if (!schema || schema === 'stream' || Compile(schema as TSchema).Check(body)) return undefined;
  return 'the answer is not what the schema of the operation says';
}

async function* javaSdk(origin: string, adminPassword: string, imageUrl: string): AsyncGenerator<ClientOutcome> {
  const found = await findJavaSdk();
  const client = 'java sdk';
  if ('obstacle' in found) {
    yield { client, call: 'a server with everything around it', result: 'skipped', reason: found.obstacle };
    return;
  }
  let started = performance.now();
  for await (const { call, wrong } of runJavaSdk(found.jar, { origin, adminPassword, imageUrl })) {
    const about = { client, call, seconds: (performance.now() - started) / 1000 } as const;
    started = performance.now();
    yield wrong ? { ...about, result: 'failed', reason: wrong } : { ...about, result: 'passed' };
  }
}

async function* terraformProvider(
  admin: ZStackClient,
  adminPassword: string,
  imageUrl: string,
): AsyncGenerator<ClientOutcome> {
  const found = await findProvider();
  const what = 'a server with image, network, volumes and security group';
  if ('obstacle' in found) {
    yield { client: 'terraform', call: what, result: 'skipped', reason: found.obstacle };
    return;
  }
  const { inventories } = await admin.call('GET', '/zones?limit=1');
  const params = { name: 'conformance', zoneUuid: inventories[0].uuid, vlan: 201, physicalInterface: 'eth0' };
  const l2NetworkUuid: string = (await admin.call('POST', '/l2-networks/vlan', { params })).inventory.uuid;
  try {
    let started = performance.now();
    const cloud = { origin: admin.origin, adminPassword, l2NetworkUuid, imageUrl };
    for await (const { step, wrong } of runProvider(found.program, cloud)) {
      const about = {
        client: 'terraform',
        call: `${step}: ${what}`,
        seconds: (performance.now() - started) / 1000,
      } as const;
      started = performance.now();
      yield wrong ? { ...about, result: 'failed', reason: wrong.slice(-2000) } : { ...about, result: 'passed' };
    }
  } finally {
    await admin.call('DELETE', `/l2-networks/${l2NetworkUuid}`);
  }
}
