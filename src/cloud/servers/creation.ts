import type { Tx } from '../../database/database.ts';
import type { ServersTable } from '../../database/schema.ts';
import { insertRow, statement, updateRow } from '../../database/statement.ts';
import { newId } from '../../env/env.ts';
import type { Cloud } from '../cloud.ts';
import { CloudError } from '../errors.ts';
import type { Flavor } from '../flavors/flavors.ts';
import { projectOf, type Subject } from '../identity/subject.ts';
import type { Image } from '../images/model.ts';
import type { InterfaceRequest } from '../networks/server-ports.ts';
import { attachDisks } from './attached-disks.ts';
import { arrange, type BlockDevice, type RootPlan, rootOf, withVolumeTypes } from './block-devices.ts';
import type { NewCdrom } from './cdroms/cdroms.ts';
import { keepConsolePassword } from './console-passwords.ts';
import { factsOf } from './flavor-facts.ts';
import { hardwareOf } from './image-fit.ts';
import { planLocalDisks } from './local-disks.ts';
import { disksOfImage } from './mapped-images.ts';
import { power, type Server, serverFromRow } from './model.ts';
import type { RootPlace } from './schemas.ts';
import type { BuildInput } from './transitions/create.ts';
import { keepUnbuilt, submitBuild } from './unbuilt-servers.ts';

/** What a user asks for when making servers. */
export interface NewServer {
  /** Chosen by the client; only for a single server. */
  id?: string;
  name: string;
  description?: string | null;
  hostname?: string;
  flavorId: string;
  /** A size of its own, which is no flavor; `flavorId` says what it is called then. */
  flavor?: Flavor;
  imageId?: string;
  blockDevices?: readonly BlockDevice[];
  /** CD-ROM drives, beside the one for the image where that is an ISO. */
  cdroms?: readonly NewCdrom[];
  networks: readonly InterfaceRequest[] | 'auto' | 'none';
  securityGroups: readonly string[];
  keyName?: string;
  metadata?: Record<string, string>;
  /** Base64. */
  userData?: string;
  configDrive?: boolean;
  zone?: string;
  /** The cluster that it must be in. */
  clusterId?: string;
  /** The host that it must be on; administrators only, which the caller has checked. */
  hostId?: string;
  diskConfig?: Server['diskConfig'];
  accessIpv4?: string;
  accessIpv6?: string;
  adminPass?: string;
  personality?: Array<{ path: string; contents: string }>;
  /** What VNC asks for before it shows the screen. */
  consolePassword?: string;
  /** The server group that they belong to. */
  groupId?: string;
  /** Servers of the project: it is made on the host of one of them. */
  besideServerIds?: readonly string[];
  /** Servers of the project: it is made on a host that has none of them. */
  awayFromServerIds?: readonly string[];
  /** Where its own root disk is to lie; on the own disk of its host, if that has room, where nothing is said. */
  rootPlace?: RootPlace;
  /** Storages that its host has to have, because further disks of it are to lie there. */
  withStorageIds?: string[];
  /** Whether it is made without being started. */
  leaveStopped?: boolean;
  minCount?: number;
  maxCount?: number;
}

/** Registers the servers and submits what builds them, in one transaction: all of them or none. */
export async function requestCreate(
  cloud: Cloud,
  subject: Subject,
  asked: NewServer,
): Promise<Array<{ server: Server; actionId: string }>> {
  return await requestServers(cloud, subject, asked, createOne);
}

/** Registers the servers, all of them or none, and builds none: their first start does. */
export async function requestUnbuilt(cloud: Cloud, subject: Subject, asked: NewServer): Promise<Server[]> {
  return await requestServers(cloud, subject, asked, createUnbuilt);
}

async function requestServers<Made>(
  cloud: Cloud,
  subject: Subject,
  asked: NewServer,
  make: (cloud: Cloud, tx: Tx, subject: Subject, wanted: NewServer, context: CreationContext) => Promise<Made>,
): Promise<Made[]> {
  const projectId = projectOf(subject);
  // Once only: a disk that an image names can't be such an image again, or one that names itself would have no end.
  const disks = await disksOfImage(cloud, subject, asked);
  const named = disks ? { ...asked, imageId: undefined, blockDevices: disks } : asked;
  const wanted = { ...named, blockDevices: await withVolumeTypes(cloud, subject, named.blockDevices) };
  const flavor = wanted.flavor ?? (await flavorOf(cloud, subject, wanted.flavorId));
  const image = wanted.imageId ? await cloud.images.forBoot(subject, wanted.imageId) : undefined;
  for (const { imageId } of wanted.cdroms ?? []) if (imageId) await cloud.servers.cdroms.requireIso(subject, imageId);
  const zone = wanted.zone ? await cloud.zones.available(wanted.zone) : await cloud.zones.default(subject.domainId);
  if (!zone) {
    throw new CloudError('invalid', 'The requested availability zone is not available', { reason: 'zone_not_found' });
  }
  const publicKey = wanted.keyName ? await publicKeyOf(cloud, subject, wanted.keyName, zone.id) : null;
  const count = Math.max(wanted.maxCount ?? 1, wanted.minCount ?? 1);
  return await cloud.db.write(async (tx) => {
    const requested = { instances: count, cores: count * flavor.vcpus, ram_mb: count * flavor.memoryMb };
    await cloud.quotas.check(tx, projectId, requested, zone.id);
    const reservationId = newReservationId(cloud);
    const made: Made[] = [];
    for (let index = 0; index < count; index += 1) {
      const context = { projectId, flavor, image, publicKey, zoneId: zone.id, reservationId, index, count };
      made.push(await make(cloud, tx, subject, wanted, context));
    }
    return made;
  });
}

/** Told of all servers of one request. */
export function newReservationId(cloud: Cloud): string {
  return `r-${newId(cloud.env).slice(0, 8)}`;
}

/** What of a new server was found out before it is registered. */
export interface CreationContext {
  projectId: string;
  flavor: Flavor;
  image: Image | undefined;
  publicKey: string | null;
  zoneId: string;
  reservationId: string;
  index: number;
  count: number;
  /** An image that is there for these servers alone: it goes with the last of them that is made of it. */
  templateId?: string;
  /** The image that they show instead of that one. */
  shownImageId?: string | null;
}

/** Registers a server and submits what builds it. The quotas were checked. */
export async function createOne(
  cloud: Cloud,
  tx: Tx,
  subject: Subject,
  wanted: NewServer,
  context: CreationContext,
): Promise<{ server: Server; actionId: string }> {
  const { row, input } = await registerOne(cloud, tx, subject, wanted, context);
  const actionId = await submitBuild(cloud, tx, subject, { projectId: context.projectId, input });
  return { server: serverFromRow(row), actionId };
}

/** Registers a server that its first start builds. The quotas were checked. */
export async function createUnbuilt(
  cloud: Cloud,
  tx: Tx,
  subject: Subject,
  wanted: NewServer,
  context: CreationContext,
): Promise<Server> {
  const { row, input } = await registerOne(cloud, tx, subject, wanted, context);
  await updateRow(tx, 'servers', row.id, { task_state: null });
  await keepUnbuilt(tx, input);
  return serverFromRow({ ...row, task_state: null });
}

/** Makes all rows that there are of a new server, and says what is to be done to build it. */
async function registerOne(
  cloud: Cloud,
  tx: Tx,
  subject: Subject,
  wanted: NewServer,
  context: CreationContext,
): Promise<{ row: ServersTable; input: BuildInput }> {
  const { projectId, flavor, zoneId } = context;
  const serverId = wanted.id ?? newId(cloud.env);
  await refuseTakenId(tx, serverId);
  const { boot, others } = arrange(wanted.blockDevices ?? []);
  const root = await rootOf(cloud, tx, subject, { boot, image: context.image, flavor });
  const hardware = hardwareOf({ properties: root.image?.properties ?? root.imageMetadata ?? {} });
  const locals = planLocalDisks(wanted.blockDevices ?? [], flavor, hardware['os_type']);
  const row = await serverRow(cloud, tx, subject, wanted, context, { serverId, root, hardware });
  await insertRow(tx, 'servers', row);
  if (wanted.consolePassword) await keepConsolePassword(cloud, tx, serverId, wanted.consolePassword);
  if (wanted.groupId) await cloud.servers.groups.join(tx, subject, wanted.groupId, { serverId, zoneId });
  await attachRoot(cloud, tx, row, root, context.shownImageId);
  await addDrives(cloud, tx, serverFromRow(row), root, wanted.cdroms);
  /** Else it is one of the further disks, or there already. */
  const makesRoot = root.image !== undefined && !root.madeOf;
  const disks = await attachDisks(cloud, tx, subject, row, root, { locals, others });
  await cloud.networks.plugServer(tx, {
    serverId,
    projectId,
    subject,
    requested: wanted.networks,
    securityGroupNames: wanted.securityGroups,
  });
  const input: BuildInput = {
    serverId,
    zoneId,
    clusterId: wanted.clusterId,
    flavor: factsOf(flavor),
    architecture: root.image?.properties['architecture'],
    rootVolumeId: root.volumeId,
    rootSize: root.size,
    imageId: makesRoot ? root.image?.id : undefined,
    newDiskId: makesRoot ? newId(cloud.env) : undefined,
    rootPlace: wanted.rootPlace,
    withStorageIds: [...(wanted.withStorageIds ?? []), ...disks.made.flatMap(({ storageId }) => storageId ?? [])],
    onlyHostId: disks.hostId ?? wanted.hostId,
    besideHostIds: await hostsOf(tx, projectId, wanted.besideServerIds),
    awayFromHostIds: await hostsOf(tx, projectId, wanted.awayFromServerIds),
    newDisks: disks.made,
    volumeIds: disks.volumeIds,
    adminPass: wanted.adminPass,
    personality: wanted.personality,
    templateId: context.templateId,
    leaveStopped: wanted.leaveStopped,
  };
  return { row, input };
}

/** Where servers of the project are; servers of others are passed over, so that nobody learns where those are. */
async function hostsOf(tx: Tx, projectId: string, serverIds: readonly string[] | undefined) {
  if (!serverIds) return undefined;
  const known = tx.selectFrom('servers').select('host_id').where('project_id', '=', projectId);
  const rows = serverIds.length === 0 ? [] : await known.where('id', 'in', [...serverIds]).execute();
  return rows.flatMap(({ host_id }) => host_id ?? []);
}

async function serverRow(
  cloud: Cloud,
  tx: Tx,
  subject: Subject,
  wanted: NewServer,
  context: CreationContext,
  { serverId, root, hardware }: { serverId: string; root: RootPlan; hardware: Record<string, string> },
): Promise<ServersTable> {
  const now = cloud.env.now();
  const name = context.count > 1 ? `${wanted.name}-${context.index + 1}` : wanted.name;
  return {
    id: serverId,
    number: await nextNumber(tx),
    project_id: context.projectId,
    user_id: subject.userId,
    name,
    description: wanted.description ?? null,
    hostname: wanted.hostname ?? hostnameOf(name, serverId),
    vm_state: 'building',
    task_state: 'scheduling',
    power_state: power.none,
    progress: 0,
    host_id: null,
    zone_id: context.zoneId,
    pinned_zone_id: wanted.zone ? context.zoneId : null,
    image_id: root.origin === 'server' ? (context.shownImageId ?? root.image?.id ?? null) : null,
    flavor_id: context.flavor.id,
    flavor: JSON.stringify(factsOf(context.flavor)),
    previous: null,
    root_volume_id: root.volumeId,
    key_name: wanted.keyName ?? null,
    public_key: context.publicKey,
    metadata: JSON.stringify(wanted.metadata ?? {}),
    hardware: JSON.stringify(hardware),
    user_data: wanted.userData ?? null,
    has_config_drive: wanted.configDrive ? 1 : 0,
    disk_config: wanted.diskConfig ?? 'MANUAL',
    access_ipv4: wanted.accessIpv4 ?? '',
    access_ipv6: wanted.accessIpv6 ?? '',
    locked: 0,
    locked_reason: null,
    reservation_id: context.reservationId,
    launch_index: context.index,
    fault: null,
    created_at: now,
    updated_at: now,
    launched_at: null,
    terminated_at: null,
    deleted_at: null,
    deleted_from: null,
    reclaim_at: null,
  };
}

async function attachRoot(
  cloud: Cloud,
  tx: Tx,
  server: ServersTable,
  root: RootPlan,
  shownImageId: string | null | undefined,
): Promise<void> {
  if (root.madeOf) return; // it is one of the further disks
  const { tag: deviceTag, deleteOnTermination } = root;
  if (!root.isNew) {
    return await cloud.volumes.attachRoot(tx, root.volumeId, server.id, { deleteOnTermination, deviceTag });
  }
  await cloud.volumes.createRoot(tx, {
    id: root.volumeId,
    serverId: server.id,
    projectId: server.project_id,
    userId: server.user_id,
    name: server.name,
    zoneId: server.zone_id,
    size: root.size,
    imageId: shownImageId ?? root.image?.id ?? null,
    deleteOnTermination,
    deviceTag,
  });
}

/** An ISO image is not on the root disk, but in a drive, and is booted from before the disk, which is empty. */
async function addDrives(cloud: Cloud, tx: Tx, server: Server, root: RootPlan, wanted: readonly NewCdrom[] = []) {
  const isIso = root.origin === 'server' && root.image?.diskFormat === 'iso';
  const drives = isIso ? [{ imageId: root.image!.id }, ...wanted] : wanted;
  await cloud.servers.cdroms.register(tx, server, drives);
  if (isIso) await cloud.servers.cdroms.sayBootOrder(tx, server.id, ['cdrom', 'disk']);
}

const serverWithId = statement<{ serverId: string }>((q, p) =>
  q.selectFrom('servers').select('id').where('id', '=', p.serverId),
);

/** Ids are never used twice, not even after their server is gone. */
async function refuseTakenId(tx: Tx, serverId: string): Promise<void> {
  if (await serverWithId.first(tx, { serverId }))
    throw new CloudError('duplicate', `A server with the id ${serverId} exists already.`, { resource: 'server' });
}

const key = 'server_number';
const lastNumber = statement<Record<never, never>, { value: string }>((q) =>
  q.selectFrom('settings').select('value').where('key', '=', key),
);
const countOn = statement<{ from: string; to: string }>((q, p) =>
  q.updateTable('settings').set({ value: p.to }).where('key', '=', key).where('value', '=', p.from),
);

/** Counts servers over the cloud's whole life: their hypervisor names never repeat. */
async function nextNumber(tx: Tx): Promise<number> {
  let row = await lastNumber.first(tx, {});
  if (!row) {
    // On PostgreSQL somebody else may make the first server at the same time: then theirs has the first number.
    if (await insertRow(tx, 'settings', { key, value: '1' }, { unlessTaken: 'key' })) return 1;
    row = (await lastNumber.first(tx, {}))!;
  }
  // The guarded update is the lock: whoever loses the race on PostgreSQL counts on from the winner's number.
  for (let value = Number(row.value) + 1; ; value += 1) {
    if ((await countOn.run(tx, { from: String(value - 1), to: String(value) })) > 0) return value;
  }
}

async function flavorOf(cloud: Cloud, subject: Subject, id: string): Promise<Flavor> {
  try {
    return await cloud.flavors.get(subject, id);
  } catch (error) {
    if (!(error instanceof CloudError) || error.code !== 'not_found') throw error;
    throw new CloudError('invalid', `Flavor ${id} could not be found.`, { reason: 'flavor_not_found' });
  }
}

/** The user's key of this name for a server of the zone. Throws `invalid` where there is none, or it is for another zone. */
export async function publicKeyOf(cloud: Cloud, subject: Subject, name: string, zoneId: string): Promise<string> {
  const found = await cloud.keypairs.get(subject, name).catch((error) => {
    if (!(error instanceof CloudError) || error.code !== 'not_found') throw error;
    throw new CloudError('invalid', 'Invalid key_name provided.', { reason: 'key_not_found' });
  });
  if (found.zoneId === null || found.zoneId === zoneId) return found.publicKey;
  const words = 'Invalid key_name provided. The key pair is for servers of another availability zone.';
  throw new CloudError('invalid', words, { reason: 'key_not_found' });
}

/** A name that RFC 1123 allows for a host, made of the server's name as Nova does. */
export function hostnameOf(name: string, serverId: string): string {
  const cleaned = name
    .toLowerCase()
    .replaceAll(/[ _.]/g, '-')
    .replaceAll(/[^a-z0-9-]/g, '')
    .replace(/^-+/, '')
    .slice(0, 63)
    .replace(/-+$/, '');
  return cleaned === '' ? `server-${serverId}` : cleaned;
}
