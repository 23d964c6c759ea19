import { rmSync } from 'node:fs';
import { tinyLinuxRequirements } from '../../guest/requirements.ts';
import type { HypervisorKind } from '../assembly/open-unkai.ts';
import type { DataFolder } from './data-folder.ts';
import { checkPrerequisites, installPrerequisites, type Missing } from './prerequisites.ts';
import type { Step } from './steps.ts';
import { UserError } from './user-error.ts';

/** What a cloud can do without: load balancers, and TinyLinux's parts but for the program that every guest's disk needs. */
function isOptional({ need }: Missing): boolean {
  return (
    need === 'haproxy' ||
    (need !== 'qemu-img' && tinyLinuxRequirements.some((requirement) => requirement.need === need))
  );
}

/** What a cloud with this hypervisor lacks on this machine. Looks at files only. */
export function missingFor(hypervisor: HypervisorKind): Missing[] {
  const missing = checkPrerequisites('run');
  return hypervisor === 'qemu' ? missing : missing.filter(isOptional);
}

/**
 * Brings what a cloud needs to this machine, where something is missing or the cloud is new: programs, and TinyLinux in
 * the folder's cache. A cloud goes on without TinyLinux, but not without a hypervisor.
 */
export function preparation(folder: DataFolder, hypervisor: HypervisorKind, isNew: boolean): Step[] {
  const missing = missingFor(hypervisor);
  if (missing.length === 0 && !isNew) return [];
  return [
    {
      title: 'Install what is missing',
      skip: () => missing.length === 0 && 'nothing is',
      run: (say, warn) => install(missing, hypervisor, say, warn),
    },
    {
      title: 'Build TinyLinux, a small guest image',
      skip: () => !isNew && 'not a new cloud',
      async run(say, warn) {
        try {
          const { buildTinyLinux } = await import('../../guest/tinylinux.ts');
          await buildTinyLinux({ cacheDir: folder.cacheDir, onProgress: say });
        } catch (error) {
          warn(`the cloud starts without it. ${(error as Error).message}`);
        }
      },
    },
  ];
}

async function install(
  missing: readonly Missing[],
  hypervisor: HypervisorKind,
  say: (text: string) => void,
  warn: (text: string) => void,
): Promise<void> {
  try {
    await installPrerequisites(missing, { onProgress: say });
  } catch (error) {
    const { message } = error as Error;
    if (missingFor(hypervisor).every(isOptional)) return warn(`the cloud goes on without. ${message}`);
    throw new UserError(
      `${message}\nOr run a cloud without virtual machines, whose servers are records only: --hypervisor simulated`,
      { cause: error },
    );
  }
}

/** Removes a folder of the program's own, as of a tour or a test. */
export function removeFolder(path: string): void {
  rmSync(path, { recursive: true, force: true, maxRetries: 5 });
}
