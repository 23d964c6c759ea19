import type { Tx } from '../../database/database.ts';
import type { UnbuiltServersTable } from '../../database/schema.ts';
import { insertRow } from '../../database/statement.ts';
import type { Cloud } from '../cloud.ts';
import type { Subject } from '../identity/subject.ts';
import type { Server } from './model.ts';
import { lockServer, requireUnlocked, updateServer } from './transition.ts';
import { type BuildInput, create } from './transitions/create.ts';

/** Submits what builds the server. */
export async function submitBuild(
  cloud: Cloud,
  tx: Tx,
  subject: Subject,
  { projectId, input }: { projectId: string; input: BuildInput },
): Promise<string> {
  return await cloud.runner.submit(tx, create, {
    input,
    name: 'create',
    resourceType: 'server',
    resourceId: input.serverId,
    projectId,
    userId: subject.userId,
    requestId: subject.requestId,
  });
}

/** Keeps what builds the server, for its first start. Until then it is on no host, and has what is registered for it. */
export async function keepUnbuilt(tx: Tx, input: BuildInput): Promise<void> {
  await insertRow(tx, 'unbuilt_servers', { server_id: input.serverId, input: JSON.stringify(input) });
}

/** Begins to build a server that is not built yet; undefined for others. Throws `not_found`, and `conflict` while it is locked. */
export async function buildUnbuilt(
  cloud: Cloud,
  subject: Subject,
  serverId: string,
): Promise<{ server: Server; actionId: string } | undefined> {
  const found = await unbuilt(cloud, serverId);
  if (!found) return undefined;
  return await cloud.db.write(async (tx) => {
    const server = await lockServer(tx, subject, serverId);
    requireUnlocked(subject, server);
    // Somebody has said that it is something else.
    if (server.vmState !== 'building' || server.taskState !== null) return undefined;
    const { numDeletedRows } = await tx
      .deleteFrom('unbuilt_servers')
      .where('server_id', '=', serverId)
      .executeTakeFirst();
    // Another request was quicker.
    if (numDeletedRows === 0n) return undefined;
    await updateServer(cloud, tx, serverId, { task_state: 'scheduling' });
    const input = JSON.parse(found.input) as BuildInput;
    const actionId = await submitBuild(cloud, tx, subject, { projectId: server.projectId, input });
    return { server: { ...server, taskState: 'scheduling' }, actionId };
  });
}

async function unbuilt(cloud: Cloud, serverId: string): Promise<UnbuiltServersTable | undefined> {
  const query = cloud.db.read.selectFrom('unbuilt_servers').selectAll();
  return await query.where('server_id', '=', serverId).executeTakeFirst();
}
