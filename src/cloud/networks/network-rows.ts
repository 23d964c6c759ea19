import { sql } from 'kysely';
import type { Queryable } from '../../database/database.ts';
import { oneOf } from '../../database/expressions.ts';
import type { NetworksTable } from '../../database/schema.ts';
import { type Statement, statement } from '../../database/statement.ts';
import type { Subject } from '../identity/subject.ts';
import { type Network, networkOf } from './model.ts';
import { visibleNetwork } from './ownership.ts';

interface Params {
  id: string;
  projectId: string | undefined;
}

const networkWithId = (isAdmin: boolean) =>
  statement<Params, NetworksTable>((q, p) =>
    q
      .selectFrom('networks')
      .selectAll('networks')
      .where('id', '=', p.id)
      .where(visibleNetwork({ isAdmin, projectId: p.projectId })),
  );
const ofEveryProject = networkWithId(true);
const ofProject = networkWithId(false);

/** The network of an id, if the subject may see it. */
export function visibleNetworkWithId({ isAdmin }: Pick<Subject, 'isAdmin'>): Statement<Params, NetworksTable> {
  return isAdmin ? ofEveryProject : ofProject;
}

const subnetIdsOn = statement((q, p: { ids: string[] }, kind) =>
  q
    .selectFrom('subnets')
    .select(['id', 'network_id'])
    .where(oneOf({ kind }, sql.ref('network_id'), p.ids))
    .orderBy('created_at'),
);

/** Rows with the ids of their subnets, in one statement for any number of them. */
export async function withSubnets(db: Queryable, rows: readonly NetworksTable[]): Promise<Network[]> {
  if (rows.length === 0) return [];
  const subnets = await subnetIdsOn.all(db, { ids: rows.map((row) => row.id) });
  const byNetwork = Map.groupBy(subnets, (subnet) => subnet.network_id);
  return rows.map((row) => {
    const own = byNetwork.get(row.id) ?? [];
    return networkOf(
      row,
      own.map((subnet) => subnet.id),
    );
  });
}
