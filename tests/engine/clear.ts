import type { World } from './world.ts';

/** Deletes all that there is but the images that every world has, as their users would. */
export async function clear(world: World): Promise<void> {
  const { cloud, db, subject } = world;
  const live = (table: 'servers' | 'volumes') =>
    db.read.selectFrom(table).select('id').where('deleted_at', 'is', null).execute();
  for (const { id } of await live('servers')) await cloud.servers.delete(subject, id);
  await world.settled();
  for (const { id } of await live('volumes')) await cloud.blockStorage.delete(subject, id, { cascade: true });
  await world.settled();
  // Those of disks that went with their servers.
  const snapshots = db.read.selectFrom('volume_snapshots').select('id').where('deleted_at', 'is', null);
  for (const { id } of await snapshots.execute()) await cloud.blockStorage.deleteSnapshot(subject, id);
  await world.settled();
  const backups = await db.read
    .selectFrom('volume_backups')
    .select('id')
    .where('deleted_at', 'is', null)
    .orderBy('created_at', 'desc')
    .execute();
  // The newest first: others may be the difference to what was before.
  for (const { id } of backups) {
    await cloud.blockStorage.backups.delete(subject, id, { force: true });
    await world.settled();
  }
  const images = await db.read
    .selectFrom('images')
    .select(['id', 'status'])
    .where('status', '!=', 'expunged')
    .where('id', 'not in', world.imageIds)
    .execute();
  for (const { id, status } of images) {
    if (status !== 'deleted') await cloud.images.delete(subject, id);
    await cloud.images.expunge(subject, id).catch(() => {});
  }
  await world.settled();
  await forgetHistory(world);
}

/** What was done before is of no interest to the next case: deleted things and their journals go. */
async function forgetHistory({ db }: World): Promise<void> {
  await db.write(async (tx) => {
    await tx.deleteFrom('action_steps').execute();
    await tx.deleteFrom('action_events').execute();
    await tx.deleteFrom('actions').where('finished_at', 'is not', null).execute();
    await tx.deleteFrom('servers').where('deleted_at', 'is not', null).execute();
    await tx.deleteFrom('volume_snapshots').where('deleted_at', 'is not', null).execute();
    await tx.deleteFrom('volumes').where('deleted_at', 'is not', null).execute();
    await tx.deleteFrom('volume_backups').where('deleted_at', 'is not', null).execute();
  });
}
