import { existsSync } from 'node:fs';
import { constants, copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AgentError, type GuestSpec } from '../../contract.ts';
import { guestFiles } from './command-line.ts';

/** UEFI for guests (OVMF): its code, which all guests share, and a fresh store of variables, of which each has its own. */
export interface UefiFirmware {
  code: string;
  variables: string;
}

/** Where distributions put them: Debian and Ubuntu, Fedora, Arch. Without Secure Boot, which the machine `pc` has not. */
const places: readonly UefiFirmware[] = [
  { code: '/usr/share/OVMF/OVMF_CODE_4M.fd', variables: '/usr/share/OVMF/OVMF_VARS_4M.fd' },
  { code: '/usr/share/OVMF/OVMF_CODE.fd', variables: '/usr/share/OVMF/OVMF_VARS.fd' },
  { code: '/usr/share/edk2/ovmf/OVMF_CODE.fd', variables: '/usr/share/edk2/ovmf/OVMF_VARS.fd' },
  { code: '/usr/share/edk2/x64/OVMF_CODE.4m.fd', variables: '/usr/share/edk2/x64/OVMF_VARS.4m.fd' },
];

/** This host's UEFI; undefined where none is installed. */
export function findUefi(): UefiFirmware | undefined {
  return places.find(({ code, variables }) => existsSync(code) && existsSync(variables));
}

/** Gives a guest that boots by UEFI its variables, unless it has them from an earlier start. Throws `unsupported`. */
export async function ensureFirmware({ bootMode }: GuestSpec, folder: string): Promise<void> {
  if (bootMode === 'bios') return;
  const uefi = findUefi();
  if (!uefi) throw new AgentError('unsupported', 'this host has no UEFI for guests: install the package ovmf');
  await copyFile(uefi.variables, join(folder, guestFiles.variables), constants.COPYFILE_EXCL).catch((error) => {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  });
}
