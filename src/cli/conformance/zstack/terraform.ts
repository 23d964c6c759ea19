import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { terraformStack } from './terraform-stack.ts';

const execute = promisify(execFile);
/** A stack takes seconds, on machines that have nothing else to do. */
const patienceMs = 300_000;

/** The address by which the provider calls itself. */
const source = 'zstack.io/terraform-provider-zstack/zstack';

/** How the provider got on with the cloud. */
export interface TerraformOutcome {
  step: 'apply' | 'a second plan' | 'destroy';
  /** What Terraform said where it is not as it has to be. */
  wrong?: string;
}

export interface ProviderCloud {
  origin: string;
  adminPassword: string;
  /** The uuid of an L2 network: what an administrator sets up once, by hand. */
  l2NetworkUuid: string;
  /** Where a small image can be fetched. */
  imageUrl: string;
}

/** The program that `UNKAI_ZSTACK_PROVIDER` names, or why ZStack's Terraform provider can't be run. */
export async function findProvider(): Promise<{ program: string } | { obstacle: string }> {
  const terraform = await execute('terraform', ['version']).catch(() => undefined);
  if (!terraform) return { obstacle: 'terraform is not installed' };
  const program = process.env['UNKAI_ZSTACK_PROVIDER'] ?? '';
  if (existsSync(program)) return { program };
  return { obstacle: 'UNKAI_ZSTACK_PROVIDER does not name a terraform-provider-zstack program' };
}

/**
 * Lets the provider make a server with image, network, volumes and security group, plan again, which must find nothing to
 * do, and take everything away. Gives each step as it ends; ends with the first one that goes wrong, but for the last.
 */
export async function* runProvider(program: string, cloud: ProviderCloud): AsyncGenerator<TerraformOutcome> {
  const folder = await mkdtemp(join(tmpdir(), 'unkai-zstack-terraform-'));
  try {
    const required = `terraform {\n  required_providers {\n    zstack = { source = "${source}" }\n  }\n}\n`;
    const overrides = `provider_installation {\n  dev_overrides { "${source}" = "${dirname(program)}" }\n  direct {}\n}\n`;
    await writeFile(join(folder, 'rc'), overrides);
    await writeFile(join(folder, 'main.tf'), required);
    const run = (...args: string[]) => terraform(folder, args);
    // Providers of different years call offerings differently.
    const schema = await run('providers', 'schema', '-json');
    await writeFile(join(folder, 'main.tf'), `${required}${terraformStack(cloud, schema.text)}`);
    const applied = await run('apply', '-auto-approve', '-input=false', '-no-color');
    yield { step: 'apply', ...(applied.code === 0 ? {} : { wrong: applied.text }) };
    if (applied.code === 0) {
      const planned = await run('plan', '-input=false', '-detailed-exitcode', '-no-color');
      yield { step: 'a second plan', ...(planned.code === 0 ? {} : { wrong: planned.text }) };
    }
    const destroyed = await run('destroy', '-auto-approve', '-input=false', '-no-color');
    yield { step: 'destroy', ...(destroyed.code === 0 ? {} : { wrong: destroyed.text }) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function terraform(folder: string, args: readonly string[]): Promise<{ code: number; text: string }> {
  const env = {
    PATH: process.env['PATH'],
    HOME: folder,
    TF_CLI_CONFIG_FILE: join(folder, 'rc'),
    CHECKPOINT_DISABLE: '1',
  };
  try {
    const options = { env, timeout: patienceMs, maxBuffer: 64 * 2 ** 20 };
    const { stdout, stderr } = await execute('terraform', [`-chdir=${folder}`, ...args], options);
    return { code: 0, text: `${stdout}\n${stderr}` };
  } catch (error) {
    const { code, stdout, stderr, message } = error as Error & { code?: number; stdout?: string; stderr?: string };
    return { code: code ?? -1, text: [message, stdout, stderr].join('\n') };
  }
}
