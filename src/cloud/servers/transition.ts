import type { Action } from '../../actions/definition.ts';
import type { Tx } from '../../database/database.ts';
import type { ServersTable } from '../../database/schema.ts';
import { statement, updateRow } from '../../database/statement.ts';
import { withDashes } from '../../env/env.ts';
import type { Cloud } from '../cloud.ts';
import { CloudError, notFound } from '../errors.ts';
import { ownsOrAdmin, type Subject } from '../identity/subject.ts';
import { type Server, serverFromRow } from './model.ts';
import { type Transition, transitions } from './states.ts';

/** What a request decided inside its transaction: the action that carries it out, and changes to the server's row. */
export interface Plan<Input, State> {
  action: Action<Cloud, Input, State>;
  input: Input;
  changes?: Partial<ServersTable>;
}

/**
 * Begins a transition in one transaction: checks that the server is there, may be touched and is in a state that allows
 * it, marks it busy, and submits the action. Nothing outside the database happens before that is durable.
 */
export async function beginTransition<Input, State>(
  cloud: Cloud,
  subject: Subject,
  serverId: string,
  transition: Transition,
  plan: (tx: Tx, server: Server) => Promise<Plan<Input, State>> | Plan<Input, State>,
): Promise<{ server: Server; actionId: string }> {
  return await cloud.db.write(async (tx) => {
    const server = await lockServer(tx, subject, serverId);
    checkTransition(subject, server, transition);
    const { action, input, changes } = await plan(tx, server);
    if (transition.endsConsoles) await cloud.servers.consoles.revoke(tx, serverId);
    await updateServer(cloud, tx, serverId, { task_state: transition.task, ...changes });
    const actionId = await cloud.runner.submit(tx, action, {
      input,
      name: transition.name,
      resourceType: 'server',
      resourceId: serverId,
      projectId: server.projectId,
      userId: subject.userId,
      requestId: subject.requestId,
    });
    const row = await tx.selectFrom('servers').selectAll().where('id', '=', serverId).executeTakeFirstOrThrow();
    return { server: serverFromRow(row), actionId };
  });
}

/** The server as this transaction may change it: its row is locked. */
export async function lockServer(tx: Tx, subject: Subject, serverId: string): Promise<Server> {
  const query = tx.selectFrom('servers').selectAll().where('id', '=', serverId).where('deleted_at', 'is', null);
  const row = await query.forUpdate().executeTakeFirst();
  if (!row || !ownsOrAdmin(subject, row.project_id)) throw serverNotFound(serverId);
  return serverFromRow(row);
}

export function serverNotFound(serverId: string): CloudError {
  return notFound('server', serverId, `Instance ${withDashes(serverId)} could not be found.`);
}

/** A locked server is an administrator's alone to change. Throws `conflict` (`locked`). */
export function requireUnlocked(subject: Subject, server: Pick<Server, 'id' | 'locked'>): void {
  if (!server.locked || subject.isAdmin) return;
  throw new CloudError('conflict', `Instance ${withDashes(server.id)} is locked`, { reason: 'locked' });
}

/** Order of the checks as in Nova: lock, vm state, task state, launched. */
export function checkTransition(subject: Subject, server: Server, transition: Transition): void {
  const id = withDashes(server.id);
  if (!transition.evenIfLocked) requireUnlocked(subject, server);
  const cannot = (state: string) =>
    new CloudError('conflict', `Cannot '${transition.name}' instance ${id} while it is in ${state}`, {
      reason: 'state',
    });
  if (!transition.from.includes(server.vmState)) throw cannot(`vm_state ${server.vmState}`);
  const { whileBusyWith } = transition;
  const overrides = whileBusyWith === 'anything' || whileBusyWith?.includes(server.taskState ?? '');
  if (server.taskState !== null && !overrides) throw cannot(`task_state ${server.taskState}`);
  if (server.launchedAt === null && !transition.evenIfNeverLaunched) {
    throw new CloudError('conflict', `Cannot '${transition.name}' instance ${id} before it was launched`, {
      reason: 'state',
    });
  }
}

export async function updateServer(
  cloud: Cloud,
  tx: Tx,
  serverId: string,
  changes: Partial<ServersTable>,
): Promise<void> {
  await updateRow(tx, 'servers', serverId, { ...changes, updated_at: cloud.env.now() });
}

/**
 * As `updateServer`, but leaves a server alone that is being deleted: its deletion decides what becomes of it. And a task
 * state stays that announces what is to come next: a hard reboot may be asked for while something else is under way.
 */
export async function settleServer(
  cloud: Cloud,
  tx: Tx,
  serverId: string,
  changes: Partial<ServersTable>,
): Promise<void> {
  const { task_state, ...others } = changes;
  const settled = task_state === null && (await isAwaited(cloud, tx, serverId)) ? others : changes;
  // The lock keeps it from being deleted before it is changed.
  if (await lockedIfStaying.first(tx, { serverId })) await updateServer(cloud, tx, serverId, settled);
}

const lockedIfStaying = statement((q, p: { serverId: string }) =>
  q
    .selectFrom('servers')
    .select('id')
    .where('id', '=', p.serverId)
    .where('deleted_at', 'is', null)
    .where((e) => e.or([e('task_state', 'is', null), e('task_state', '!=', 'deleting')]))
    .forUpdate(),
);

/** What may be asked while something else is under way. Only that has written its task state over another one's. */
const announced = Object.values<Transition>(transitions)
  .filter(({ whileBusyWith }) => whileBusyWith !== undefined)
  .map(({ name }) => name);

/** Whether something has yet to begin that announced itself in the server's task state. */
async function isAwaited(cloud: Cloud, tx: Tx, serverId: string): Promise<boolean> {
  // Whoever asks for more locks the server's row, so nothing comes between this and the change.
  if (cloud.db.kind === 'postgres')
    await tx.selectFrom('servers').select('id').where('id', '=', serverId).forUpdate().execute();
  return (await awaited.first(tx, { serverId })) !== undefined;
}

const awaited = statement((q, p: { serverId: string }) =>
  q
    .selectFrom('actions')
    .select('id')
    .where('resource_id', '=', p.serverId)
    .where('state', '=', 'pending')
    .where('name', 'in', announced),
);
