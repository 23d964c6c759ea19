import { createReadStream } from 'node:fs';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { constants, createGzip } from 'node:zlib';
import { AgentError } from '../../contract.ts';
import { programsFolder } from './agent-folder.ts';
import type { AgentProgram } from './agent-program.ts';
import type { Superuser } from './superuser.ts';

/** What guests need, and the Debian packages that bring it. */
const programs: Readonly<Record<string, string>> = {
  'qemu-system-x86_64': 'qemu-system-x86',
  'qemu-img': 'qemu-utils',
  dnsmasq: 'dnsmasq-base',
  nft: 'nftables',
  ip: 'iproute2',
  sysctl: 'procps',
  nsenter: 'util-linux',
  haproxy: 'haproxy',
  flock: 'util-linux',
  'mkfs.ext4': 'e2fsprogs',
};
const installMs = 15 * 60_000;
const uploadMs = 10 * 60_000;

/** Brings the agent's program, and what it needs, to the machine: whatever is not there. Gives the command that runs it. */
export async function putAgent(machine: Superuser, program: AgentProgram): Promise<string> {
  const folder = `${programsFolder}/${program.name}`;
  const node = `${programsFolder}/node-${program.node.version}/node`;
  const facts = await machine.run(
    [
      'uname -m',
      `for one in ${Object.keys(programs).join(' ')}; do command -v $one >/dev/null || echo "lacks $one"; done`,
      `[ ! -x ${node} ] || echo has-node`,
      `[ ! -e ${folder}/complete ] || echo has-agent`,
    ].join('\n'),
  );
  const [architecture = '', ...lines] = facts.trim().split('\n');
  if (architecture !== program.node.architecture) {
    throw new AgentError(
      'unsupported',
      `the machine is a ${architecture}, and hosts have to be ${program.node.architecture} as the control plane is`,
    );
  }
  const lacking = lines.flatMap((line) => /^lacks (\S+)$/.exec(line)?.[1] ?? []);
  if (lacking.length > 0) await install(machine, lacking);
  if (!lines.includes('has-node')) await putNode(machine, program, node);
  if (!lines.includes('has-agent')) await putFiles(machine, program, folder);
  return `${node} ${folder}/agent.mjs`;
}

async function install(machine: Superuser, lacking: readonly string[]): Promise<void> {
  const packages = [...new Set(lacking.map((one) => programs[one]!))];
  await machine.run(
    [
      `command -v apt-get >/dev/null || { echo "it lacks ${lacking.join(', ')}, and has no apt-get" >&2; exit 1; }`,
      'export DEBIAN_FRONTEND=noninteractive',
      'apt-get update -q -o DPkg::Lock::Timeout=120 >/dev/null',
      `apt-get install -y -q -o DPkg::Lock::Timeout=120 --no-install-recommends ${packages.join(' ')} >/dev/null`,
      // Debian starts one of its own, which nobody asked for.
      ...(lacking.includes('haproxy') ? ['systemctl disable --now haproxy >/dev/null 2>&1 || true'] : []),
    ].join('\n'),
    { limitMs: installMs },
  );
}

/** Whoever else does it at the same time has a name of its own until the file is there. */
async function putNode(machine: Superuser, { node }: AgentProgram, path: string): Promise<void> {
  // Who replaces Node while this one runs has taken its file away.
  const packed = await pipeline(
    createReadStream(node.path),
    createGzip({ level: constants.Z_BEST_SPEED }),
    async (bytes: AsyncIterable<Buffer>) => await buffer(bytes as NodeJS.ReadableStream & typeof bytes),
  );
  const folder = path.slice(0, path.lastIndexOf('/'));
  await machine.run(
    `mkdir -p -m 711 ${programsFolder} ${folder}; part=$(mktemp ${folder}/part.XXXXXX); gzip -d >$part; chmod 755 $part; mv $part ${path}`,
    { input: packed, limitMs: uploadMs },
  );
}

async function putFiles(machine: Superuser, { files }: AgentProgram, folder: string): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await machine.run(
      `mkdir -p -m 711 ${programsFolder} ${folder}; part=$(mktemp ${folder}/part.XXXXXX); cat >$part; chmod 644 $part; mv $part ${folder}/${name}`,
      { input: text },
    );
  }
  await machine.run(`touch ${folder}/complete`);
}
