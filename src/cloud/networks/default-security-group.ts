import { createHash } from 'node:crypto';
import type { Queryable, Tx } from '../../database/database.ts';
import { statement } from '../../database/statement.ts';
import type { CloudCore } from '../core.ts';

/** The group that every project has, and that ports get for which none is named. */
export const defaultGroupName = 'default';

/**
 * The id of a project's default group. It follows from the project's id, so that two processes which find the group
 * missing at the same time make the same one. A version 8 UUID (RFC 9562, section 5.8).
 */
export function defaultGroupId(projectId: string): string {
  return derivedId(`default security group of ${projectId}`);
}

export async function hasDefaultGroup(db: Queryable, projectId: string): Promise<boolean> {
  return (await groupWithId.first(db, { id: defaultGroupId(projectId) })) !== undefined;
}

const groupWithId = statement((q, p: { id: string }) =>
  q.selectFrom('security_groups').select('id').where('id', '=', p.id),
);

/** Makes the project's default group with its four rules, where it does not exist; gives its id. */
export async function ensureDefaultGroup(core: Pick<CloudCore, 'env'>, tx: Tx, projectId: string): Promise<string> {
  const id = defaultGroupId(projectId);
  if (await hasDefaultGroup(tx, projectId)) return id;
  const now = core.env.now();
  const made = await tx
    .insertInto('security_groups')
    .values({
      id,
      project_id: projectId,
      name: defaultGroupName,
      description: 'Default security group',
      stateful: 1,
      created_at: now,
      updated_at: now,
      revision: 0,
    })
    .onConflict((conflict) => conflict.doNothing())
    .returning('id')
    .execute();
  if (made.length === 0) return id;
  for (const ethertype of ['IPv4', 'IPv6'] as const) {
    await insertOpenRule(core, tx, { groupId: id, projectId, direction: 'egress', ethertype, remoteGroupId: null });
    await insertOpenRule(core, tx, { groupId: id, projectId, direction: 'ingress', ethertype, remoteGroupId: id });
  }
  return id;
}

/** A rule for every protocol and port, with the members of a group or with anyone. */
export interface OpenRule {
  groupId: string;
  projectId: string;
  direction: 'ingress' | 'egress';
  ethertype: 'IPv4' | 'IPv6';
  remoteGroupId: string | null;
}

/** Makes one of the rules that a new group comes with. */
export async function insertOpenRule(core: Pick<CloudCore, 'env'>, tx: Tx, rule: OpenRule): Promise<void> {
  const { groupId, projectId, direction, ethertype, remoteGroupId } = rule;
  const now = core.env.now();
  await tx
    .insertInto('security_group_rules')
    .values({
      id: derivedId(`${direction} ${ethertype} of ${groupId}`),
      security_group_id: groupId,
      project_id: projectId,
      description: '',
      direction,
      ethertype,
      protocol: null,
      port_range_min: null,
      port_range_max: null,
      remote_ip_prefix: null,
      remote_group_id: remoteGroupId,
      remote_address_group_id: null,
      created_at: now,
      updated_at: now,
      revision: 0,
    })
    .execute();
}

function derivedId(text: string): string {
  const bytes = createHash('sha256').update(text).digest().subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x80;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return bytes.toString('hex');
}
