import { sql } from 'kysely';
import type { Tx } from '../../database/database.ts';
import { oneOf } from '../../database/expressions.ts';
import type { CloudCore } from '../core.ts';
import type { Subject } from '../identity/subject.ts';
import type { Port } from './model.ts';
import { ensureOpenGroup, openGroupId } from './open-security-group.ts';
import { visiblePort } from './ownership.ts';
import type { Ports } from './ports.ts';
import type { SecurityGroups } from './security-groups.ts';

/** Ports that leave a group: these, or all that are in it, in one network or in all. */
export interface Leaving {
  portIds?: readonly string[];
  networkId?: string;
}

/**
 * Groups as an API has them in which an interface without any lets everything through: one that is in a group is not in
 * the open one, and one that leaves its last group is in that again.
 */
export class OpenGroups {
  readonly #core: Pick<CloudCore, 'db' | 'env'>;
  readonly #ports: Ports;
  readonly #groups: SecurityGroups;

  constructor(core: Pick<CloudCore, 'db' | 'env'>, ports: Ports, groups: SecurityGroups) {
    this.#core = core;
    this.#ports = ports;
    this.#groups = groups;
  }

  /** All of the ports or none. Throws as `Ports.update`. */
  join(subject: Subject, groupId: string, portIds: readonly string[]): Promise<void> {
    const securityGroupIds = ({ projectId, securityGroupIds: before }: Port) => {
      const others = before.filter((id) => id !== openGroupId(projectId));
      return [...new Set([...others, groupId])];
    };
    return this.#core.db.write(async (tx) => {
      // In one order, so that two that claim the same ports never wait for each other.
      for (const id of [...new Set(portIds)].sort()) await this.#ports.updateIn(tx, subject, id, { securityGroupIds });
    });
  }

  /** Ports that are not in the group, or that the subject does not see, stay as they are. */
  leave(subject: Subject, groupId: string, leaving: Leaving): Promise<void> {
    return this.#core.db.write((tx) => this.#leaveIn(tx, subject, groupId, leaving));
  }

  /** Deletes a group that its ports leave with that. Throws as `SecurityGroups.delete`, and then they are in it still. */
  deleteGroup(subject: Subject, groupId: string): Promise<void> {
    return this.#groups.delete(subject, groupId, (tx) => this.#leaveIn(tx, subject, groupId, {}));
  }

  async #leaveIn(tx: Tx, subject: Subject, groupId: string, { portIds, networkId }: Leaving): Promise<void> {
    const { db, env } = this.#core;
    const members = tx.selectFrom('port_security_groups').select('port_id').where('security_group_id', '=', groupId);
    let claim = tx
      .updateTable('ports')
      .set((eb) => ({ revision: eb('revision', '+', 1), updated_at: env.now() }))
      .where('id', 'in', members)
      .where(visiblePort(subject))
      .returning(['id', 'project_id']);
    if (portIds) claim = claim.where(oneOf(db, sql.ref('id'), portIds));
    if (networkId !== undefined) claim = claim.where('network_id', '=', networkId);
    const claimed = await claim.execute();
    const ids = claimed.map(({ id }) => id);
    const left = await tx
      .deleteFrom('port_security_groups')
      .where('security_group_id', '=', groupId)
      .where(oneOf(db, sql.ref('port_id'), ids))
      .returning('port_id')
      .execute();
    const leftIds = left.map(({ port_id }) => port_id);
    const inNone = await tx
      .selectFrom('ports')
      .select(['id', 'project_id'])
      .where(oneOf(db, sql.ref('id'), leftIds))
      .where(({ not, exists, selectFrom }) =>
        not(exists(selectFrom('port_security_groups').select('port_id').whereRef('port_id', '=', 'ports.id'))),
      )
      .execute();
    for (const [projectId, ports] of Map.groupBy(inNone, ({ project_id }) => project_id)) {
      const security_group_id = await ensureOpenGroup(this.#core, tx, projectId);
      await tx
        .insertInto('port_security_groups')
        .values(ports.map(({ id }) => ({ port_id: id, security_group_id })))
        .execute();
    }
  }
}
