import type { Tx } from '../../database/database.ts';
import type { CloudCore } from '../core.ts';
import { derivedId, ensureDerivedGroup } from './default-security-group.ts';
import { contentOf, ruleColumns } from './rule-content.ts';

/** The group that lets everything through: where an API knows interfaces without groups, these are in it. */
const openGroupName = 'open';

/** The id of a project's open group; it follows from the project's, as that of its default group. */
export function openGroupId(projectId: string): string {
  return derivedId(`open security group of ${projectId}`);
}

/** Makes the project's open group, where it does not exist; gives its id. Nobody changes it from then on. */
export async function ensureOpenGroup(core: Pick<CloudCore, 'env'>, tx: Tx, projectId: string): Promise<string> {
  const id = openGroupId(projectId);
  const group = { id, projectId, name: openGroupName, description: 'Lets everything through', open: 1 } as const;
  if (!(await ensureDerivedGroup(core, tx, group))) return id;
  const now = core.env.now();
  const rules = (['egress', 'ingress'] as const).flatMap((direction) =>
    (['IPv4', 'IPv6'] as const).map((ethertype) => ({
      id: derivedId(`${direction} ${ethertype} of ${id}`),
      security_group_id: id,
      project_id: projectId,
      ...ruleColumns(contentOf({ direction, ethertype })),
      created_at: now,
      updated_at: now,
      revision: 0,
    })),
  );
  await tx.insertInto('security_group_rules').values(rules).execute();
  return id;
}
