import type { AnyAction, Node, StepContext } from '../../actions/definition.ts';
import type { Cloud } from '../cloud.ts';

type AnyNode = Node<unknown, unknown, Record<string, unknown>>;
type AnyContext = StepContext<unknown, unknown, Record<string, unknown>>;

/** The same actions, whose steps meet the faults that are injected before they do anything. */
export function withFaults(actions: readonly AnyAction[]): AnyAction[] {
  return actions.map((action) => {
    const first = { isAhead: true };
    return { ...action, nodes: action.nodes.map((node) => faulty(node, action.kind, first)) };
  });
}

function faulty(node: AnyNode, kind: string, first: { isAhead: boolean }): AnyNode {
  if (node.type !== 'step') return { ...node, nodes: node.nodes.map((inner) => faulty(inner, kind, first)) };
  const isFirst = first.isAhead;
  first.isAhead = false;
  return {
    ...node,
    async do(context) {
      await meetFaults(context, kind, { name: node.name, isFirst });
      return await node.do(context);
    },
  };
}

async function meetFaults(context: AnyContext, kind: string, step: { name: string; isFirst: boolean }): Promise<void> {
  const cloud = context.services as Cloud;
  if (cloud.faults.isQuiet) return;
  const action = await cloud.db.read
    .selectFrom('actions')
    .select(['project_id', 'resource_type'])
    .where('id', '=', context.actionId)
    .executeTakeFirst();
  const name = await nameOf(cloud, action?.resource_type, context.resourceId);
  await cloud.faults.meet({ operations: [kind], projectId: action?.project_id, name, step }, context.signal);
}

const tables = { server: 'servers', volume: 'volumes', image: 'images', snapshot: 'volume_snapshots' } as const;

async function nameOf({ db }: Cloud, type: string | undefined, id: string): Promise<string | undefined> {
  const table = tables[type as keyof typeof tables];
  if (!table) return undefined;
  const row = await db.read.selectFrom(table).select('name').where('id', '=', id).executeTakeFirst();
  return row?.name ?? undefined;
}
