import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { findProgram, programRequirement, type Requirement, tinyLinuxRequirements } from '../../guest/requirements.ts';

/** Something a command needs and the machine doesn't have. */
export type Missing = Requirement;

/** What running guests needs. */
const runRequirements: readonly Requirement[] = [
  programRequirement('qemu-system-x86_64', 'qemu-system-x86', 'running guests'),
  programRequirement('dnsmasq', 'dnsmasq-base', 'giving guests their addresses'),
  programRequirement('nft', 'nftables', 'security groups and routers'),
  programRequirement('ip', 'iproute2', 'networks of guests'),
  programRequirement('sysctl', 'procps', 'networks of guests'),
  programRequirement('nsenter', 'util-linux', 'networks of guests'),
  { ...programRequirement('haproxy', 'haproxy', 'load balancers'), service: 'haproxy' },
  programRequirement('mkfs.ext4', 'e2fsprogs', 'ephemeral disks of servers'),
  {
    need: 'OVMF firmware',
    package: 'ovmf',
    for: 'guests that boot by UEFI',
    probe: () => ['OVMF_CODE_4M.fd', 'OVMF_CODE.fd'].some((name) => existsSync(`/usr/share/OVMF/${name}`)),
  },
  ...tinyLinuxRequirements,
];

/** What the tests need besides: another database, and the clients that users have. */
const testRequirements: readonly Requirement[] = [
  {
    need: 'PostgreSQL server',
    package: 'postgresql',
    for: 'running the tests against PostgreSQL as well',
    probe: () => findPostgresBinaries() !== undefined,
  },
  programRequirement('openstack', 'python3-openstackclient', 'testing with the OpenStack command line client'),
  programRequirement('jq', 'jq', 'the examples in the documentation'),
  programRequirement('chromium', 'chromium', 'testing the web console'),
  programRequirement('openssl', 'openssl', 'testing with certificates'),
  programRequirement('curl', 'curl', 'the examples in the documentation'),
  programRequirement('genisoimage', 'genisoimage', 'config drives as others write and read them'),
  programRequirement('qemu-ga', 'qemu-guest-agent', 'passwords that are changed inside TinyLinux'),
];

/** The folder of the newest PostgreSQL's server programs (initdb, postgres), which Debian keeps out of PATH. */
export function findPostgresBinaries(): string | undefined {
  const root = '/usr/lib/postgresql';
  if (!existsSync(root)) return undefined;
  const versions = readdirSync(root).sort((a, b) => Number(b) - Number(a));
  return versions.map((version) => `${root}/${version}/bin`).find((folder) => existsSync(`${folder}/postgres`));
}

/**
 * Tells what the machine lacks: `run` for a cloud with real guests, `test` for the tests (which need the same and more).
 * Looks at files only, so that a command can ask at every start.
 */
export function checkPrerequisites(group: 'run' | 'test'): Missing[] {
  const requirements = group === 'run' ? runRequirements : [...runRequirements, ...testRequirements];
  return requirements.filter((requirement) => !requirement.probe());
}

/** The command that brings what is missing to a Debian machine. */
export function installCommand(missing: readonly Missing[]): string {
  return `apt-get install -y --no-install-recommends ${debianPackages(missing).join(' ')}`;
}

/**
 * Installs what is missing from Debian's archive. `onProgress` is told what apt does, a line at a time. Where that isn't
 * possible (not root, no Debian) or fails, it throws an error that says what to type instead.
 */
export async function installPrerequisites(
  missing: readonly Missing[],
  options: { onProgress: (text: string) => void },
): Promise<void> {
  if (missing.length === 0) return;
  const aptGet = findProgram('apt-get');
  const listing = missing.map(({ need, for: purpose }) => `  ${need} (for ${purpose})`).join('\n');
  if (aptGet === undefined || !existsSync('/etc/debian_version')) {
    const packages = debianPackages(missing).join(', ');
    throw new Error(
      `This machine lacks:\n${listing}\nInstall them with its package manager. Debian's packages: ${packages}`,
    );
  }
  if (process.getuid?.() !== 0) {
    throw new Error(`This machine lacks:\n${listing}\nInstall them with: sudo ${installCommand(missing)}`);
  }

  options.onProgress(`Installing ${debianPackages(missing).join(', ')}`);
  await runApt(aptGet, ['update', '-q'], missing, options.onProgress);
  const install = ['install', '-y', '-q', '--no-install-recommends', ...debianPackages(missing)];
  await runApt(aptGet, install, missing, options.onProgress);
  await stopServices(missing);
  const still = missing.filter((requirement) => !requirement.probe());
  if (still.length === 0) return;
  const needs = still.map((requirement) => requirement.need).join(', ');
  throw new Error(
    `apt-get succeeded, but this machine still lacks: ${needs} (packages ${debianPackages(still).join(', ')})`,
  );
}

/** Where there is no systemd, nothing has been started. */
async function stopServices(installed: readonly Missing[]): Promise<void> {
  const systemctl = findProgram('systemctl');
  const services = installed.flatMap(({ service }) => service ?? []);
  if (systemctl === undefined || services.length === 0) return;
  const stopping = spawn(systemctl, ['disable', '--now', ...services], { stdio: 'ignore' });
  await new Promise((resolve) => stopping.on('error', resolve).on('close', resolve));
}

function debianPackages(missing: readonly Missing[]): string[] {
  return [...new Set(missing.map((requirement) => requirement.package))];
}

/** What apt says that a user wants to read while waiting. */
const progressLine = /^(Get:|Unpacking |Setting up |Fetched )/;
/** apt waits this long for another apt, in seconds. */
const aptLockTimeout = 120;

async function runApt(
  aptGet: string,
  args: string[],
  missing: readonly Missing[],
  onProgress: (text: string) => void,
): Promise<void> {
  const options = ['-o', `DPkg::Lock::Timeout=${aptLockTimeout}`, '-o', 'Dpkg::Use-Pty=0'];
  const apt = spawn(aptGet, [...options, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C.UTF-8' },
  });
  const errors: string[] = [];
  createInterface({ input: apt.stdout }).on('line', (line) => {
    if (progressLine.test(line)) onProgress(line);
  });
  createInterface({ input: apt.stderr }).on('line', (line) => {
    if (/^(E|Err):/.test(line)) errors.push(line);
  });
  const code = await new Promise<number | null>((resolve, reject) => apt.on('error', reject).on('close', resolve));
  if (code === 0) return;
  const said = errors.slice(0, 5).join('\n') || `exit code ${code}`;
  throw new Error(`apt-get ${args[0]} failed:\n${said}\nRepair that, then type: ${installCommand(missing)}`);
}
