import { type RawBuilder, sql } from 'kysely';
import type { Row } from '../../../cloud/query/inventory.ts';

/** What the engine's states are called in the dialect; what is being done with a server comes before what it is. */
export function vmState(row: Row<'servers'>): RawBuilder<string> {
  const state = row.column('vm_state');
  const task = row.column('task_state');
  return sql`(case
    when ${task} in ('deleting', 'soft-deleting') then 'Destroying'
    when ${task} = 'restoring' then 'Stopped'
    when ${state} = 'building' and ${task} is null then 'Created'
    when ${state} = 'building' then 'Starting'
    when ${state} = 'error' then 'Error'
    when ${state} = 'soft-delete' then 'Destroyed'
    when ${task} = 'powering-on' then 'Starting'
    when ${task} = 'powering-off' then 'Stopping'
    when ${task} = 'pausing' then 'Pausing'
    when ${task} = 'unpausing' then 'Resuming'
    when ${task} = 'migrating' then 'Migrating'
    when ${task} in ('rebooting', 'reboot_pending', 'reboot_started', 'rebooting_hard', 'reboot_pending_hard',
      'reboot_started_hard') then 'Rebooting'
    when ${state} in ('paused', 'suspended') then 'Paused'
    when ${state} in ('stopped', 'shelved', 'shelved_offloaded') then 'Stopped'
    when ${state} in ('active', 'rescued', 'resized') then 'Running'
    else 'Unknown' end)`;
}
