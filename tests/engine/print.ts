import type { World } from './world.ts';

/**
 * Everything that users and hosts see of a world, without what differs each time (ids, times): two worlds with the same
 * print are in the same state. Faults and errors told are left out: they are what a failure may add.
 */
export type Print = Awaited<ReturnType<typeof printOf>>;

export async function printOf(world: World) {
  const { read } = world.db;
  const servers = await read
    .selectFrom('servers')
    .selectAll()
    .where('deleted_at', 'is', null)
    .orderBy('name')
    .execute();
  const volumes = await read
    .selectFrom('volumes')
    .selectAll()
    .where('deleted_at', 'is', null)
    .orderBy('name')
    .orderBy('device_index')
    .execute();
  const snapshots = await read
    .selectFrom('volume_snapshots')
    .selectAll()
    .where('deleted_at', 'is', null)
    .orderBy('name')
    .execute();
  const backups = await read
    .selectFrom('volume_backups')
    .selectAll()
    .where('deleted_at', 'is', null)
    .orderBy('name')
    .execute();
  const stored = await world.cloud.blockStorage.backupStore.list();
  const images = await read
    .selectFrom('images')
    .selectAll()
    .where('status', '!=', 'expunged')
    .orderBy('name')
    .execute();
  const replicas = await read
    .selectFrom('image_replicas')
    .innerJoin('image_stores', 'image_stores.id', 'image_replicas.store_id')
    .select(['image_id', 'state', 'image_stores.name as store'])
    .orderBy('image_stores.name')
    .execute();
  const disks = await read.selectFrom('disks').selectAll().where('released_at', 'is', null).execute();
  const allocations = await read.selectFrom('allocations').selectAll().orderBy('purpose').execute();
  const ports = await read.selectFrom('ports').selectAll().execute();
  const addresses = await read.selectFrom('port_addresses').selectAll().execute();
  const inventories = await Promise.all(world.hosts.map(async (host) => ({ host, ...(await host.inventory()) })));
  const hostOf = (diskId: string) => inventories.find((one) => one.disks.includes(diskId))?.host;
  const names = new Map([...servers, ...volumes, ...snapshots, ...images].map(({ id, name }) => [id, name]));
  const nameOf = (id: string | null) => (id === null ? null : (names.get(id) ?? 'gone'));
  const sizeOnHost = async (id: string | null) =>
    (id !== null && (await hostOf(id)?.diskUsage(id))?.virtualSize) || null;
  const diskIds = new Map(volumes.map(({ id, disk_id }) => [id, disk_id]));
  const shares = await read.selectFrom('volume_shares').selectAll().orderBy('created_at').execute();
  const sharersOf = (volumeId: string) => {
    const own = shares.filter(({ volume_id }) => volume_id === volumeId);
    return own.length === 0 ? {} : { sharers: own.map(({ server_id, status }) => [nameOf(server_id), status]) };
  };
  return {
    servers: servers.map((row) => ({
      name: row.name,
      state: [row.vm_state, row.task_state, row.power_state],
      isOnHost: row.host_id !== null,
      image: nameOf(row.image_id),
      flavor: [row.flavor_id, JSON.parse(row.flavor).id],
      wasResized: row.previous?.includes('rootDiskId') ?? false,
      allocations: allocations
        .filter(({ server_id }) => server_id === row.id)
        .map((held) => [held.purpose, held.vcpus, held.memory_mb, held.disk_gb]),
      ports: ports
        .filter(({ device_id }) => device_id === row.id)
        .map(({ id, status, host_id }) => [
          status,
          host_id !== null,
          addresses.find(({ port_id }) => port_id === id)?.ip_address,
        ]),
    })),
    volumes: await Promise.all(
      volumes.map(async (row) => ({
        name: row.name,
        status: row.status,
        size: row.size,
        image: nameOf(row.image_id),
        server: nameOf(row.server_id),
        ...sharersOf(row.id),
        device: row.device,
        onHost: await sizeOnHost(row.disk_id),
      })),
    ),
    snapshots: await Promise.all(
      snapshots.map(async (row) => ({ name: row.name, status: row.status, onHost: await sizeOnHost(row.disk_id) })),
    ),
    backups: backups.map(({ id, name, status }) => ({ name, status, isStored: stored.backups.includes(id) })),
    strayBackups: stored.others.length,
    images: images.map(({ id, name, status }) => ({
      name,
      status,
      copies: replicas.filter(({ image_id }) => image_id === id).map(({ store, state }) => `${store}: ${state}`),
    })),
    guests: inventories
      .flatMap(({ host, guests }) => guests.map((guest) => ({ host, ...guest })))
      .map((guest) => {
        const { host, serverId, state, hasConfigDrive } = guest;
        const spec = host.guestSpec(serverId);
        return {
          server: nameOf(serverId),
          // A guest that is off is not told from one that was never started here.
          ...(state === 'stopped' ? {} : { state, vcpus: spec?.vcpus, memoryMb: spec?.memoryMb }),
          disks: state === 'stopped' ? null : spec?.disks.map((disk) => diskIds.get(disk.volumeId) === disk.diskId),
          hasConfigDrive,
        };
      })
      .sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)),
    diskCount: { known: disks.length, onHost: inventories.flatMap((one) => one.disks).length },
    freePorts: ports.filter(({ device_id }) => device_id === '').length,
  };
}
