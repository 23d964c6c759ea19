import { AgentError } from '../../contract.ts';
import { type HostIdentity, identityIn, identityText, isSame } from '../identity.ts';
import type { Superuser } from './superuser.ts';

/** Where agents and their programs are kept. */
export const root = '/var/lib/unkai';

/** Where programs of agents are, which several hosts of a machine may use. */
export const programsFolder = `${root}/programs`;

/** A host's own folder. Clients may choose ids, so that nothing less than the whole tells two hosts apart. */
export function folderOf(hostId: string): string {
  if (!/^[0-9a-f]{32}$/.test(hostId)) throw new AgentError('unsupported', `${hostId} is no id of a host`);
  return `${root}/${hostId}`;
}

/** Folders come and go while this is held, which ends with the script. */
const holdRoot = `mkdir -p -m 711 ${root}; exec 9<${root}; flock 9`;

export interface KnownMachine {
  identity: HostIdentity;
  /** Where it is, as people call it. */
  address: string;
  /** Whether a machine that knows nothing of the host may begin to: not where there should be something. */
  mayBegin(): Promise<boolean>;
}

/**
 * Whether the machine knows the host, by reading alone: `known`, or `new` where it has to be told who it is. Throws
 * `unreachable` where it is another machine.
 */
export async function recognise(
  machine: Pick<Superuser, 'run'>,
  { identity, address, mayBegin }: KnownMachine,
): Promise<'known' | 'new'> {
  const folder = folderOf(identity.hostId);
  const said = await machine.run(`cat ${folder}/identity 2>/dev/null || { [ ! -d ${folder}/host ] || echo nameless; }`);
  const text = said.trim();
  // All of it is there but who it is.
  if (text === 'nameless') return 'new';
  if (text !== '') {
    if (isSame(identity, identityIn(text) ?? {})) return 'known';
    const words = `The machine at ${address} is a host of another cloud, which gave it the same id. Nothing was changed there.`;
    throw new AgentError('unreachable', words);
  }
  if (await mayBegin()) return 'new';
  const words =
    `The machine at ${address} knows nothing of this host, which servers or volumes lie on: it is another machine, or was ` +
    'installed anew. Nothing was changed there. Where it is the right one and its disks are lost, evacuate or delete what ' +
    'is on the host; the machine is taken then.';
  throw new AgentError('unreachable', words);
}

/** Has the machine keep who it is, before anything else of the host is there. Nobody but root can read it. */
export async function introduce(machine: Pick<Superuser, 'run'>, identity: HostIdentity): Promise<void> {
  const folder = folderOf(identity.hostId);
  const script = [
    holdRoot,
    `mkdir -p -m 711 ${folder}`,
    'umask 077',
    `part=$(mktemp ${folder}/identity.XXXXXX)`,
    'cat >$part',
    'sync $part',
    `mv $part ${folder}/identity`,
    `sync ${folder}`,
  ];
  await machine.run(script.join('\n'), { input: identityText(identity) });
}

/**
 * Removes all that there is of the host, whose agent has ended or is about to; programs, too, where no other host needs
 * them. May be called again, however far it came.
 */
export async function clearFolder(machine: Pick<Superuser, 'run'>, identity: HostIdentity): Promise<void> {
  const folder = folderOf(identity.hostId);
  const script = [
    holdRoot,
    // What is mounted there is not the host's alone: where it can't be unmounted, nothing is removed.
    `while read -r _ _ _ _ point _; do case $point in ${folder}/*) umount -c "$point";; esac; done </proc/self/mountinfo`,
    // The lock is the agent's as long as it lives. Who it is goes last: until then it is known whose the rest is.
    `if [ -d ${folder} ]; then flock -w 20 ${folder}/lock true; find ${folder} -mindepth 1 -maxdepth 1 ! -name identity -exec rm -rf --one-file-system {} +; rm -rf --one-file-system ${folder}; fi`,
    `if [ "$(ls -A ${root})" = programs ]; then rm -rf ${programsFolder}; fi`,
    `rmdir ${root} 2>/dev/null || true`,
  ];
  await machine.run(script.join('\n'));
}
