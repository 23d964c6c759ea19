import type { Tx } from '../../database/database.ts';
import { statement } from '../../database/statement.ts';
import type { Port } from './model.ts';

/** The groups that a port is to have: said, or made of what it has when nobody else can change it any more. */
export type PortGroups = readonly string[] | ((port: Port) => readonly string[]);

/** Replaces the security groups of a port. */
export async function setGroups(tx: Tx, portId: string, groupIds: readonly string[]): Promise<void> {
  await leaveGroups.run(tx, { portId });
  for (const groupId of groupIds) await joinGroup.run(tx, { portId, groupId });
}

const leaveGroups = statement((q, p: { portId: string }) =>
  q.deleteFrom('port_security_groups').where('port_id', '=', p.portId),
);
const joinGroup = statement((q, p: { portId: string; groupId: string }) =>
  q
    .insertInto('port_security_groups')
    .values({ port_id: p.portId, security_group_id: p.groupId })
    .onConflict((conflict) => conflict.doNothing()),
);
