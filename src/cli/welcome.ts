import type { DataFolder, RunRecord } from './data-folder.ts';
import { defaultDataDir } from './defaults.ts';

export interface Welcome {
  folder: DataFolder;
  record: RunRecord;
  /** Given at the first start: it is printed this once. */
  newPassword: string | undefined;
  isDetached: boolean;
}

/** Says that the cloud is ready, where it is, and what to type next. */
export function welcome({ folder, record, newPassword, isDetached }: Welcome): void {
  const { origin } = record;
  const inFolder = folder.path === defaultDataDir ? '' : ` --data-dir ${folder.path}`;
  const lines = [
    '',
    `Unkai ${record.version} is ready at ${origin}`,
    '',
    `  console     ${origin}/`,
    `  explorer    ${origin}/explorer`,
    `  OpenStack   ${origin}/identity/v3`,
    `  K5          ${origin}/v2/{tenant_id}`,
    `  ZStack      ${origin}/zstack/v1`,
    `  metrics     ${origin}/metrics`,
    '',
  ];
  if (record.hypervisor === 'simulated') {
    lines.push('  SIMULATED: servers are records only, no virtual machine ever runs.', '');
  }
  if (newPassword) lines.push(`  user admin, password ${newPassword} (kept in ${folder.passwordFile})`, '');
  const commands: Array<[string, string]> = [
    [`eval "$(unkai openrc${inFolder})"`, 'signs OpenStack clients in'],
    [`unkai demo${inFolder}`, 'shows what the cloud does'],
    [isDetached ? `unkai down${inFolder}` : 'Ctrl-C', 'stops it; virtual machines go on running'],
  ];
  const width = Math.max(...commands.map(([command]) => command.length));
  for (const [command, effect] of commands) lines.push(`  ${command.padEnd(width)}   ${effect}`);
  console.log(`${lines.join('\n')}\n`);
}
