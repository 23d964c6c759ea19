import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cacheDir } from '../support/paths.ts';

const run = promisify(execFile);
const module = 'github.com/terraform-provider-openstack/terraform-provider-openstack';
const version = '1.54.1';
const folder = join(cacheDir, 'terraform');
const program = join(folder, `terraform-provider-openstack_v${version}`);

/**
 * The folder of Terraform's OpenStack provider, or why it can't be used. It is built once, from its public module, which
 * takes some ten minutes: only where `UNKAI_BUILD_TERRAFORM_PROVIDER` asks for it.
 */
export async function terraformProvider(): Promise<{ folder: string } | { obstacle: string }> {
  const terraform = await run('terraform', ['version']).catch(() => undefined);
  if (!terraform) return { obstacle: 'terraform is not installed' };
  if (existsSync(program)) return { folder };
  if (!process.env['UNKAI_BUILD_TERRAFORM_PROVIDER']) {
    return { obstacle: `there is no ${program} (UNKAI_BUILD_TERRAFORM_PROVIDER=1 builds it with go)` };
  }
  await build();
  return { folder };
}

async function build(): Promise<void> {
  const work = join(folder, 'build');
  await mkdir(work, { recursive: true });
  await writeFile(join(work, 'go.mod'), `module build\n\ngo 1.21\n\nrequire ${module} v${version}\n`);
  await writeFile(join(work, 'tools.go'), `//go:build tools\n\npackage tools\n\nimport _ "${module}"\n`);
  const env = { ...process.env, GOFLAGS: '-mod=mod' };
  const options = { cwd: work, env, maxBuffer: 64 * 2 ** 20 };
  await run('nice', ['-n', '19', 'go', 'build', '-p', '1', '-o', program, module], options);
}
