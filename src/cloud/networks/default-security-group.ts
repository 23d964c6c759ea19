import { createHash } from 'node:crypto';
import type { Queryable, Tx } from '../../database/database.ts';
import type { Flag } from '../../database/schema.ts';
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
  const group = { id, projectId, name: defaultGroupName, description: 'Default security group' };
  if (await ensureDerivedGroup(core, tx, group)) await insertFirstRules(core, tx, { id, projectId, isDefault: true });
  return id;
}

/**
 * Makes a group of the project whose id follows from the project's, where it does not exist. Gives whether it was made:
 * then it has no rules yet.
 */
export async function ensureDerivedGroup(
  core: Pick<CloudCore, 'env'>,
  tx: Tx,
  {
    id,
    projectId,
    name,
    description,
    open = 0,
  }: { id: string; projectId: string; name: string; description: string; open?: Flag },
): Promise<boolean> {
  if (await groupWithId.first(tx, { id })) return false;
  const now = core.env.now();
  const made = await tx
    .insertInto('security_groups')
    .values({
      id,
      project_id: projectId,
      name,
      description,
      stateful: 1,
      enabled: 1,
      open,
      created_at: now,
      updated_at: now,
      revision: 0,
    })
    .onConflict((conflict) => conflict.doNothing())
    .returning('id')
    .execute();
  return made.length > 0;
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

/** An id that follows from a text. */
export function derivedId(text: string): string {
  const bytes = createHash('sha256').update(text).digest().subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x80;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return bytes.toString('hex');
}
