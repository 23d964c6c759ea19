import type { DiskBase, DiskContent } from '../../agent/contract.ts';
import type { Tx } from '../../database/database.ts';
import type { VolumesTable } from '../../database/schema.ts';
import { newId } from '../../env/env.ts';
import type { Cloud } from '../cloud.ts';
import { CloudError } from '../errors.ts';
import type { Subject } from '../identity/subject.ts';
import { volumeRow } from '../volumes/creation.ts';
import { chooseDevice, deviceName, devicesOf } from '../volumes/devices.ts';
import type { LocalDisk } from '../volumes/model.ts';
import { localVolumeType } from '../volumes/type-model.ts';
import { type BlockDevice, invalidBlockDevice, invalidMapping } from './block-devices.ts';
import type { FlavorFacts, Server } from './model.ts';

const gibibyte = 2 ** 30;
const mebibyte = 2 ** 20;

export type LocalKind = Extract<VolumesTable['kind'], 'ephemeral' | 'swap'>;
const localKinds: readonly LocalKind[] = ['ephemeral', 'swap'];

/** A disk that a server has of its own beside its root disk. */
export interface LocalDiskPlan extends LocalDisk {
  kind: LocalKind;
  /** Bytes. */
  size: number;
  tag?: string;
}

type Sizes = Pick<FlavorFacts, 'ephemeralGb' | 'swapMb'>;

/** How many disks that are no volumes a user may name: Nova's default. */
const mostLocals = 3;
const fileSystems = ['ext2', 'ext3', 'ext4', 'xfs'] as const;
const buses = ['virtio', 'sata', 'ide'] as const;

/** Whether the device is a disk of the server's own beside its root disk. */
const isLocalDisk = ({ source, destination }: Pick<BlockDevice, 'source' | 'destination'>) =>
  source === 'blank' && destination === 'local';

const isSwap = ({ guestFormat }: Pick<BlockDevice, 'guestFormat'>) => guestFormat === 'swap';

/**
 * The local disks of a new server, in the order of their devices: those that its user names, and where he names none of a
 * kind, the one that its flavor has. Throws `invalid` in Nova's words where they are more than the flavor allows.
 * @param osType the image's `os_type`: what guests of Windows do not know is not written on a disk that nobody asked for
 */
export function planLocalDisks(devices: readonly BlockDevice[], sizes: Sizes, osType?: string): LocalDiskPlan[] {
  const locals = devices.filter(isLocalDisk);
  const ephemerals = locals.filter((device) => !isSwap(device));
  const swaps = locals.filter(isSwap);
  const sum = ephemerals.reduce((total, { sizeGb = sizes.ephemeralGb }) => total + sizeGb, 0);
  if (sum > sizes.ephemeralGb) {
    throw invalidBlockDevice(
      'Ephemeral disks requested are larger than the instance type allows. If no size is given in one block device ' +
        'mapping, flavor ephemeral size will be used.',
    );
  }
  if (swaps.length > 1) throw invalidMapping('More than one swap drive requested.');
  if ((swaps[0]?.sizeMb ?? 0) > sizes.swapMb)
    throw invalidBlockDevice('Swap drive requested is larger than instance type allows.');
  if (devices.filter(({ destination }) => destination === 'local').length > mostLocals)
    throw invalidMapping('You specified more local devices than the limit allows');
  const defaults = plansOfFlavor(sizes, osType);
  const byUser = [
    ...ephemerals.map((device, index) => ephemeralPlan(device, index, { sizes, osType })),
    ...swaps.map((device): LocalDiskPlan => ({ ...common(device), ...swapOf(device.sizeMb ?? sizes.swapMb) })),
  ];
  const isNamed = (kind: LocalKind) => byUser.some((one) => one.kind === kind);
  return localKinds
    .flatMap((kind) => (isNamed(kind) ? byUser : defaults).filter((one) => one.kind === kind))
    .filter(({ size }) => size > 0);
}

/** What a server has by its flavor alone. */
function plansOfFlavor({ ephemeralGb, swapMb }: Sizes, osType?: string): LocalDiskPlan[] {
  const content = usualContent(0, osType);
  const ephemeral: LocalDiskPlan = { kind: 'ephemeral', size: ephemeralGb * gibibyte, byFlavor: true, ...content };
  return [ephemeral, { ...swapOf(swapMb), byFlavor: true }].filter(({ size }) => size > 0);
}

const swapOf = (sizeMb: number) =>
  ({ kind: 'swap', size: sizeMb * mebibyte, byFlavor: false, content: { format: 'swap' } }) as const;

function ephemeralPlan(
  device: BlockDevice,
  index: number,
  { sizes, osType }: { sizes: Sizes; osType?: string },
): LocalDiskPlan {
  const { guestFormat, sizeGb = sizes.ephemeralGb } = device;
  const format = fileSystems.find((one) => one === guestFormat);
  if (guestFormat !== undefined && !format) throw invalidMapping(`${guestFormat} format is not supported.`);
  const content = format ? { content: { format, label: labelOf(index) } } : usualContent(index, osType);
  return { ...common(device), kind: 'ephemeral', size: sizeGb * gibibyte, ...content };
}

/** As Nova formats what nobody said more about, and labels it. Windows knows no ext4, and formats disks itself. */
function usualContent(index: number, osType: string | undefined): { content?: DiskContent } {
  return osType === 'windows' ? {} : { content: { format: 'ext4', label: labelOf(index) } };
}

const labelOf = (index: number) => `ephemeral${index}`;

function common({ bus: wanted, deviceType, tag }: BlockDevice) {
  const bus = buses.find((one) => one === wanted);
  if (wanted !== undefined && !bus) throw invalidMapping(`The provided disk bus ${wanted} is not valid.`);
  if (deviceType !== undefined && deviceType !== 'disk')
    throw invalidMapping(`a blank local device is a disk, and no ${deviceType}.`);
  return { byFlavor: false, ...(bus ? { bus } : {}), ...(tag === undefined ? {} : { tag }) };
}

/** Registers a local disk at the place among the server's devices; it has no bytes until its own disk is made. */
export async function registerLocalDisk(
  cloud: Cloud,
  tx: Tx,
  subject: Subject,
  server: { id: string; projectId: string; zoneId: string },
  { kind, size, tag, ...localDisk }: LocalDiskPlan & { deviceIndex: number },
): Promise<string> {
  const { deviceIndex, ...facts } = localDisk;
  const id = newId(cloud.env);
  const row = volumeRow(
    cloud,
    subject,
    {},
    {
      id,
      project_id: server.projectId,
      size,
      zone_id: server.zoneId,
      volume_type: localVolumeType.id,
      image_id: null,
      source_volume_id: null,
      snapshot_id: null,
      bootable: 0,
      image_metadata: '{}',
      multiattach: 0,
    },
  );
  const own = {
    kind,
    origin: 'server',
    server_id: server.id,
    last_server_id: server.id,
    attachment_id: newId(cloud.env),
    device: deviceName(deviceIndex),
    device_index: deviceIndex,
    device_tag: tag ?? null,
    delete_on_termination: 1,
    attached_at: cloud.env.now(),
    local_disk: JSON.stringify(facts satisfies LocalDisk),
  } as const;
  await tx
    .insertInto('volumes')
    .values({ ...row, ...own })
    .execute();
  return id;
}

/** The rows of a server's local disks, in the order of their devices. */
export async function localDisksOf(tx: Tx, serverId: string): Promise<VolumesTable[]> {
  return await tx
    .selectFrom('volumes')
    .selectAll()
    .where('server_id', '=', serverId)
    .where('kind', 'in', [...localKinds])
    .orderBy('device_index')
    .execute();
}

/** How large a local disk is with another flavor. What its user has named stays as it is, as with Nova. */
export function sizeAfterwards(row: Pick<VolumesTable, 'kind' | 'size' | 'local_disk'>, sizes: Sizes): number {
  if (!(JSON.parse(row.local_disk!) as LocalDisk).byFlavor) return row.size;
  return row.kind === 'swap' ? sizes.swapMb * mebibyte : sizes.ephemeralGb * gibibyte;
}

/**
 * Registers the local disks, of no bytes yet, that a server gets by another flavor beside those it has. Throws `invalid`
 * (`disk_shrink`) where that has less room for ephemeral disks than they take.
 */
export async function growLocalDisks(cloud: Cloud, tx: Tx, subject: Subject, server: Server, sizes: Sizes) {
  const rows = await localDisksOf(tx, server.id);
  const ephemeral = rows.filter(({ kind }) => kind === 'ephemeral').reduce((sum, { size }) => sum + size, 0);
  if (sizes.ephemeralGb * gibibyte < ephemeral)
    throw new CloudError('invalid', 'Resize to a flavor with smaller ephemeral disks is not possible.', {
      reason: 'disk_shrink',
    });
  const has = new Set(rows.map(({ kind }) => kind));
  const taken = await devicesOf(tx, server.id);
  for (const plan of plansOfFlavor(sizes, server.hardware['os_type'])) {
    if (has.has(plan.kind)) continue;
    const deviceIndex = chooseDevice(taken, undefined).index;
    taken.add(deviceIndex);
    const id = await registerLocalDisk(cloud, tx, subject, server, { ...plan, size: 0, deviceIndex });
    await cloud.volumes.update(tx, id, { status: 'in-use' });
  }
}

/** What is to be on a local disk that is made anew. */
export function contentOf(row: Pick<VolumesTable, 'local_disk'>): DiskContent | undefined {
  return row.local_disk === null ? undefined : (JSON.parse(row.local_disk) as LocalDisk).content;
}

/** A local disk as it is made: blank, with what is to be on it, and in Ceph where the root disk is. */
export function blankBeside({ content }: { content?: DiskContent }, rootDiskId: string | undefined): DiskBase {
  return { kind: 'blank', content, beside: rootDiskId };
}

/** Forgets local disks that have no bytes: a resize has come or gone that gave or took them. */
export async function forgetEmptyDisks(cloud: Cloud, tx: Tx, serverId: string): Promise<void> {
  for (const { id, disk_id } of await localDisksOf(tx, serverId)) {
    if (disk_id !== null) continue;
    await cloud.volumes.update(tx, id, { status: 'deleted', deleted_at: cloud.env.now(), server_id: null });
  }
}
