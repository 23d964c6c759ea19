import type { Tx } from '../../database/database.ts';
import type { Cloud } from '../cloud.ts';
import { checkVolumeQuotas } from '../volumes/type-quotas.ts';
import { type NewOwner, tied } from './owner-rules.ts';

/** Gives volumes, which the caller has looked at, to another project with their snapshots. */
export async function moveVolumes(cloud: Cloud, tx: Tx, ids: readonly string[], to: NewOwner): Promise<void> {
  if (ids.length === 0) return;
  const query = tx.selectFrom('volumes').selectAll().where('id', 'in', ids).orderBy('id');
  const volumes = await query.forUpdate().execute();
  const [grouped] = await tx
    .selectFrom('volume_group_members')
    .select('volume_id')
    .where('volume_id', 'in', ids)
    .execute();
  if (grouped) throw tied(`The volume ${grouped.volume_id} is in a group of volumes.`);
  const snapshots = await tx
    .selectFrom('volume_snapshots')
    .select(['volume_id', 'size'])
    .where('volume_id', 'in', ids)
    .where('deleted_at', 'is', null)
    .execute();
  for (const volume of volumes) {
    const own = snapshots.filter(({ volume_id }) => volume_id === volume.id);
    const isCounted = volume.origin === 'volume';
    const bytes = own.reduce((sum, { size }) => sum + size, isCounted ? volume.size : 0);
    const largest = isCounted ? volume.size : 0;
    const wanted = { typeId: volume.volume_type, volumes: Number(isCounted), snapshots: own.length, bytes, largest };
    await checkVolumeQuotas(cloud, tx, to.projectId, wanted);
    // Each counts what those before it have taken.
    const owner = { project_id: to.projectId, user_id: to.userId };
    await cloud.volumes.update(tx, volume.id, owner);
    await tx
      .updateTable('volume_snapshots')
      .set(owner)
      .where('volume_id', '=', volume.id)
      .where('deleted_at', 'is', null)
      .execute();
  }
  await tx.updateTable('volume_attachments').set({ project_id: to.projectId }).where('volume_id', 'in', ids).execute();
}
