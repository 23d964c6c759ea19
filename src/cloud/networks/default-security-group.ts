import { createHash } from 'node:crypto';
import type { Queryable, Tx } from '../../database/database.ts';
import { statement } from '../../database/statement.ts';
import type { CloudCore } from '../core.ts';
import { ruleContentOf } from './model.ts';
import { ruleColumns } from './rule-content.ts';

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

/** Makes the project's default group with its first rules, where it does not exist; gives its id. */
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
      enabled: 1,
      created_at: now,
      updated_at: now,
      revision: 0,
    })
    .onConflict((conflict) => conflict.doNothing())
    .returning('id')
    .execute();
  if (made.length === 0) return id;
  await insertFirstRules(core, tx, { id, projectId, isDefault: true });
  return id;
}

/** Gives a new group the rules that new groups have, as an administrator said. */
export async function insertFirstRules(
  core: Pick<CloudCore, 'env'>,
  tx: Tx,
  group: { id: string; projectId: string; isDefault: boolean },
): Promise<void> {
  const now = core.env.now();
  const rules = await (group.isDefault ? rulesOfDefaultGroups : rulesOfOtherGroups).all(tx, {});
  for (const rule of rules) {
    await tx
      .insertInto('security_group_rules')
      .values({
        id: derivedId(`${rule.id} of ${group.id}`),
        security_group_id: group.id,
        project_id: group.projectId,
        ...ruleColumns(ruleContentOf(rule)),
        remote_group_id: rule.remote_group_id === parentGroup ? group.id : rule.remote_group_id,
        created_at: now,
        updated_at: now,
        revision: 0,
      })
      .execute();
  }
}

/** In the place of a group's id: the new group itself. */
export const parentGroup = 'PARENT';

const rulesOfDefaultGroups = statement((q) =>
  q.selectFrom('default_security_group_rules').selectAll().where('used_in_default_sg', '=', 1).orderBy('id'),
);
const rulesOfOtherGroups = statement((q) =>
  q.selectFrom('default_security_group_rules').selectAll().where('used_in_non_default_sg', '=', 1).orderBy('id'),
);

function derivedId(text: string): string {
  const bytes = createHash('sha256').update(text).digest().subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x80;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return bytes.toString('hex');
}
