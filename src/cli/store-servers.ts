import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { findProgram, programRequirement, type Requirement } from '../../guest/requirements.ts';
import { installPrerequisites } from './prerequisites.ts';

const run = promisify(execFile);
/** A real S3 server over a folder, of one program. Debian has none; its own module does. */
const s3Module = 'github.com/versity/versitygw/cmd/versitygw@v1.8.0';
const buildMs = 20 * 60_000;
const downloadMs = 5 * 60_000;

/** What QEMU reads and writes Ceph with. Debian packs it apart. */
const cephDriver = '/usr/lib/x86_64-linux-gnu/qemu/block-rbd.so';

const cephRequirements: readonly Requirement[] = [
  ...['ceph-mon', 'ceph-mgr', 'ceph-osd', 'rbd'].map((program) =>
    programRequirement(program, program === 'rbd' ? 'ceph-common' : program, 'image stores in Ceph'),
  ),
  {
    need: cephDriver,
    package: 'qemu-block-extra',
    for: 'disks as clones in Ceph',
    probe: () => existsSync(cephDriver),
  },
];

/** OpenSSH's server, and the library of its that is on few machines. */
const sshPackages = ['openssh-server', 'openssh-sftp-server', 'libwrap0'];

/** What `unkai test --stores` runs. */
export const storeTests = [
  'src/image-stores',
  'src/cloud/images/zones.test.ts',
  'src/cloud/servers/ceph-clones.test.ts',
  'src/dialects/zstack/operations/sftp-backup-storage.test.ts',
  'tests/faults/three-stores.test.ts',
];

/**
 * Sees to it that the servers are there whose stores are tested: Ceph from Debian, OpenSSH's server, which is unpacked
 * into the cache, and versitygw, which Go builds once into it. Gives the environment in which tests find them, and where none of them is skipped. Throws an error
 * that says what to type.
 */
export async function bringStoreServers(
  cacheDir: string,
  onProgress: (text: string) => void,
): Promise<Record<string, string>> {
  const missing = cephRequirements.filter((requirement) => !requirement.probe());
  await installPrerequisites(missing, { onProgress });
  return {
    UNKAI_TEST_S3: await s3Server(cacheDir, onProgress),
    UNKAI_TEST_SSHD: await sshServer(cacheDir, onProgress),
    UNKAI_TEST_STORES: 'all',
  };
}

/** What stands in for other machines is not worth failing for: their tests are skipped without it. */
export async function bringSshServer(
  cacheDir: string,
  onProgress: (text: string) => void,
): Promise<Record<string, string>> {
  try {
    return { UNKAI_TEST_SSHD: await sshServer(cacheDir, onProgress) };
  } catch (error) {
    onProgress(`${(error as Error).message} Tests of hosts on other machines are skipped.`);
    return {};
  }
}

async function s3Server(cacheDir: string, onProgress: (text: string) => void): Promise<string> {
  const given = process.env['UNKAI_TEST_S3'] ?? findProgram('versitygw');
  if (given) return given;
  const folder = resolve(cacheDir, 'programs');
  const program = join(folder, 'versitygw');
  if (existsSync(program)) return program;
  const go = findProgram('go') ?? ['/usr/local/go/bin/go', '/usr/lib/go/bin/go'].find((path) => existsSync(path));
  if (!go) {
    throw new Error(
      `An S3 server is missing. Install Go, or put versitygw into the path: go install ${s3Module}\n` +
        'UNKAI_TEST_S3 may name the program.',
    );
  }
  await mkdir(folder, { recursive: true });
  onProgress(`Building ${s3Module}`);
  await run(go, ['install', s3Module], { env: { ...process.env, GOBIN: folder }, timeout: buildMs });
  return program;
}

/** Where it was installed it is used; it is not installed, since Debian would let it serve the machine at once. */
async function sshServer(cacheDir: string, onProgress: (text: string) => void): Promise<string> {
  const given = process.env['UNKAI_TEST_SSHD'] ?? ['/usr/sbin/sshd'].find((path) => existsSync(path));
  if (given) return given;
  const folder = resolve(cacheDir, 'programs', 'openssh');
  const program = join(folder, 'usr/sbin/sshd');
  if (existsSync(program)) return program;
  await mkdir(dirname(folder), { recursive: true });
  onProgress(`Unpacking ${sshPackages.join(', ')}`);
  const packages = await mkdtemp(join(tmpdir(), 'unkai-packages-'));
  try {
    const download = () => run('apt-get', ['download', '-q', ...sshPackages], { cwd: packages, timeout: downloadMs });
    await download().catch(async () => {
      await run('apt-get', ['update', '-q'], { timeout: downloadMs });
      await download();
    });
    const partial = `${folder}.${process.pid}`;
    for (const file of await readdir(packages)) await run('dpkg-deb', ['-x', join(packages, file), partial]);
    await rename(partial, folder);
  } catch (error) {
    throw new Error(
      'OpenSSH’s server is missing, and could not be unpacked. Install the package openssh-server, or name the program by UNKAI_TEST_SSHD.',
      { cause: error },
    );
  } finally {
    await rm(packages, { recursive: true, force: true });
  }
  return program;
}
