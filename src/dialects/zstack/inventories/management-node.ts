import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import { sql } from 'kysely';
import { computed } from '../../../cloud/query/fields.ts';
import { defineInventory } from '../../../cloud/query/inventory.ts';

/** The control plane process that answers: each one tells of itself. Its uuid is its machine's name, hashed. */
export const managementNodeUuid = uuidOf(hostname());

export const managementNode = defineInventory<'settings'>({
  name: 'ManagementNodeInventory',
  className: 'org.zstack.header.managementnode.ManagementNodeInventory',
  table: 'settings',
  rows(cloud) {
    const now = cloud.env.now();
    const joined = now - Math.round(process.uptime() * 1e6);
    return sql`(select ${managementNodeUuid} as uuid, ${hostname()} as host_name,
      cast(${joined} as bigint) as joined_at, cast(${now} as bigint) as seen_at)`;
  },
  fields: {
    uuid: computed('string', 'The uuid.', (row) => member(row, 'uuid')),
    hostName: computed('string', 'The name of its machine.', (row) => member(row, 'host_name')),
    joinDate: computed('time', 'When it was started.', (row) => member(row, 'joined_at')),
    heartBeat: computed('time', 'When it was last heard of.', (row) => member(row, 'seen_at')),
  },
});

function member(row: { column(name: never): ReturnType<typeof sql> }, name: string) {
  return row.column(name as never);
}

function uuidOf(name: string): string {
  const digits = createHash('sha256').update(name).digest('hex').slice(0, 32).split('');
  digits[12] = '4';
  digits[16] = '8';
  return digits.join('');
}
