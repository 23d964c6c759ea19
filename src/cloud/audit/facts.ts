import type { HostAgent, HostInventory } from '../../agent/contract.ts';
import type {
  ActionsTable,
  AllocationsTable,
  DisksTable,
  HostsTable,
  ImageExportsTable,
  ImageReplicasTable,
  ImagesTable,
  ImageUploadsTable,
  PortAddressesTable,
  PortsTable,
  ServersTable,
  SubnetsTable,
  UnbuiltServersTable,
  VolumeAttachmentsTable,
  VolumeBackupsTable,
  VolumeSharesTable,
  VolumeSnapshotsTable,
  VolumesTable,
  VolumeTransfersTable,
} from '../../database/schema.ts';
import type { StoreListing } from '../../image-stores/store.ts';
import type { Cloud } from '../cloud.ts';
import { type StorageRoom, storageRooms } from '../hosts/disk-places.ts';
import { type Finding, violation } from './finding.ts';
import { type Owner, type Owners, ownersOf } from './owners.ts';

/** All that the invariants look at: what the database says, and what hosts and image stores really have. */
export interface Facts {
  now: number;
  /** Live servers by id; one that is not here was deleted or never was. Likewise the others. */
  servers: ReadonlyMap<string, ServersTable>;
  volumes: ReadonlyMap<string, VolumesTable>;
  snapshots: ReadonlyMap<string, VolumeSnapshotsTable>;
  backups: ReadonlyMap<string, VolumeBackupsTable>;
  /** What is in the backup store. */
  storedBackups: { backups: string[]; others: Array<{ name: string; id: string }> };
  attachments: readonly VolumeAttachmentsTable[];
  /** Servers that have a volume beside the one in its row. */
  shares: readonly VolumeSharesTable[];
  transfers: readonly VolumeTransfersTable[];
  /** Also those that are deleted and whose bytes are kept, but none that are expunged. */
  images: ReadonlyMap<string, ImagesTable>;
  replicas: readonly ImageReplicasTable[];
  exports: readonly ImageExportsTable[];
  /** Uploads that come in parts. */
  uploads: readonly ImageUploadsTable[];
  hosts: ReadonlyMap<string, HostsTable>;
  allocations: readonly AllocationsTable[];
  /** What hosts have of storages, and what is promised of it. */
  storageRooms: readonly StorageRoom[];
  disks: ReadonlyMap<string, DisksTable>;
  ports: ReadonlyMap<string, PortsTable>;
  addresses: readonly PortAddressesTable[];
  subnets: ReadonlyMap<string, SubnetsTable>;
  /** `<host> <image>` of every image that the database knows to be cached. */
  cachedImages: ReadonlySet<string>;
  /** Actions that have not ended, those that are parked among them. */
  actions: readonly ActionsTable[];
  /** Routers that have an address of a load balancer. */
  balancedRouters: ReadonlySet<string>;
  /** Actions that failed and do not say why. */
  causeless: ReadonlyArray<{ id: string; kind: string }>;
  openEvents: ReadonlyArray<{ actionId: string; name: string; kind: string }>;
  inventories: ReadonlyMap<string, HostInventory>;
  stores: ReadonlyMap<string, StoreListing>;
  /** Whether other processes may be at work on the same database. */
  isShared: boolean;
  /** Who works on what. */
  owners: Owners;
  /** What could not be looked at. */
  unanswered: readonly Finding[];
}

/**
 * Reads everything. The cloud may be at work meanwhile: whatever an action has touched since this began counts as owned
 * by that action, so that work under way is never mistaken for something left behind.
 */
export async function readFacts(cloud: Cloud, agents: ReadonlyMap<string, HostAgent>): Promise<Facts> {
  const { read } = cloud.db;
  const began = cloud.env.now();
  const before = await liveActions(cloud, began);
  const inventories = await readInventories(agents);
  const stores = await readStores(cloud);
  const storedBackups = await cloud.blockStorage.backupStore.list();
  const servers = byId(await read.selectFrom('servers').selectAll().where('deleted_at', 'is', null).execute());
  const volumes = byId(await read.selectFrom('volumes').selectAll().where('deleted_at', 'is', null).execute());
  const snapshots = byId(
    await read.selectFrom('volume_snapshots').selectAll().where('deleted_at', 'is', null).execute(),
  );
  const backups = byId(await read.selectFrom('volume_backups').selectAll().where('deleted_at', 'is', null).execute());
  const attachments = await read.selectFrom('volume_attachments').selectAll().execute();
  const shares = await read.selectFrom('volume_shares').selectAll().execute();
  const transfers = await read.selectFrom('volume_transfers').selectAll().where('deleted_at', 'is', null).execute();
  const images = byId(await read.selectFrom('images').selectAll().where('status', '!=', 'expunged').execute());
  const replicas = await read.selectFrom('image_replicas').selectAll().execute();
  const exports = await read.selectFrom('image_exports').selectAll().execute();
  const uploads = await read.selectFrom('image_uploads').selectAll().execute();
  const hosts = byId(await read.selectFrom('hosts').selectAll().execute());
  const allocations = await read.selectFrom('allocations').selectAll().execute();
  const rooms = await storageRooms(read);
  const disks = byId(await read.selectFrom('disks').selectAll().execute());
  const ports = byId(await read.selectFrom('ports').selectAll().execute());
  const addresses = await read.selectFrom('port_addresses').selectAll().execute();
  const subnets = byId(await read.selectFrom('subnets').selectAll().execute());
  const cached = await read.selectFrom('cached_images').select(['host_id', 'image_id']).execute();
  const balanced = await read
    .selectFrom('load_balancers')
    .innerJoin('floating_ips', 'floating_ips.id', 'load_balancers.floating_ip_id')
    .select('floating_ips.router_id')
    .execute();
  const openEvents = await read
    .selectFrom('action_events')
    .innerJoin('actions', 'actions.id', 'action_events.action_id')
    .select(['actions.id as actionId', 'action_events.name', 'actions.kind'])
    .where('action_events.result', 'is', null)
    .where((e) => e.or([e('actions.finished_at', 'is not', null), e('actions.state', '=', 'parked')]))
    .execute();
  const causeless = await read
    .selectFrom('actions')
    .select(['id', 'kind'])
    .where('state', 'in', ['failed', 'parked'])
    .where('error', 'is', null)
    .execute();
  const unbuilt = await read.selectFrom('unbuilt_servers').selectAll().execute();
  const after = await liveActions(cloud, began);
  const actions = after.filter(({ finished_at }) => finished_at === null);
  const touched = new Map([...before, ...after].map((action) => [action.id, action]));
  return {
    now: cloud.env.now(),
    servers,
    volumes,
    snapshots,
    backups,
    storedBackups,
    attachments,
    shares,
    transfers,
    images,
    replicas,
    exports,
    uploads,
    hosts,
    allocations,
    storageRooms: rooms,
    disks,
    ports,
    addresses,
    subnets,
    balancedRouters: new Set(balanced.flatMap(({ router_id }) => router_id ?? [])),
    cachedImages: new Set(cached.map(({ host_id, image_id }) => `${host_id} ${image_id}`)),
    actions,
    causeless,
    openEvents,
    inventories: inventories.answers,
    stores: stores.answers,
    isShared: cloud.db.kind === 'postgres',
    owners: ownersOf([...touched.values(), ...unbuilt.map(awaited)]),
    unanswered: [...inventories.failures, ...stores.failures],
  };
}

/** What the first start of a server is to do owns what is registered for it already. */
function awaited({ server_id, input }: UnbuiltServersTable): Owner {
  return { id: server_id, kind: 'server.create', state: 'running', resource_id: server_id, input };
}

/** Actions that have not ended, and those that have since the audit began. */
async function liveActions(cloud: Cloud, since: number): Promise<ActionsTable[]> {
  return await cloud.db.read
    .selectFrom('actions')
    .selectAll()
    .where((e) => e.or([e('finished_at', 'is', null), e('finished_at', '>=', since)]))
    .orderBy('created_at')
    .orderBy('id')
    .execute();
}

async function readInventories(agents: ReadonlyMap<string, HostAgent>) {
  return await ask(agents, 'host', async (agent) => await agent.inventory());
}

async function readStores(cloud: Cloud) {
  const connected = cloud.imageStores.list().filter(({ status }) => status === 'connected');
  const drivers = new Map(connected.map(({ id }) => [id, cloud.imageStores.driver(id)]));
  return await ask(drivers, 'image store', async (driver) => await driver.list());
}

/** What can't be looked at is said, and the rest is looked at all the same. */
async function ask<T, Answer>(
  all: ReadonlyMap<string, T>,
  resource: string,
  question: (one: T) => Promise<Answer>,
): Promise<{ answers: Map<string, Answer>; failures: Finding[] }> {
  const answers = new Map<string, Answer>();
  const failures: Finding[] = [];
  for (const [id, one] of all) {
    try {
      answers.set(id, await question(one));
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      failures.push(violation('host-answers', resource, id, `The ${resource} could not be looked at: ${why}`));
    }
  }
  return { answers, failures };
}

function byId<Row extends { id: string }>(rows: readonly Row[]): Map<string, Row> {
  return new Map(rows.map((row) => [row.id, row]));
}
