import type { CephPlace } from '../../image-stores/ceph/ceph-url.ts';
import type { Cloud } from '../cloud.ts';
import { CloudError } from '../errors.ts';
import type { Host } from '../hosts/model.ts';
import type { Subject } from '../identity/subject.ts';
import { wordsOf } from './disk-limits.ts';
import type { Volume } from './model.ts';

/** Where the data of a volume is, for whoever may open it there. */
export type VolumeConnection = (FileConnection | RbdConnection) & {
  /** What is to be kept to by whoever connects it; undefined without limits. */
  qosSpecs: Record<string, string> | undefined;
};

/** In a file of its host. */
interface FileConnection {
  kind: 'file';
  hostName: string;
  path: string;
  format: 'qcow2' | 'raw';
}

/** In Ceph, where any host can reach it that has the user's key. */
interface RbdConnection {
  kind: 'rbd';
  volumeId: string;
  pool: string;
  image: string;
  /** Without `client.` in front. */
  user: string;
  /** The cluster's configuration file on hosts of this cloud. */
  conf: string;
  /** The monitors: as many hosts as ports. */
  hosts: string[];
  ports: string[];
}

const inCeph = /^ceph:\/\/(?<pool>[^/]+)\/(?<image>[^/]+)$/;

/** Whether only the volume's own host can open it. */
export function isOnHost(installPath: string | null): boolean {
  return installPath === null || !inCeph.test(installPath);
}

/** How the volume's data is reached; undefined where there is none yet. Throws `unavailable` where Ceph does not answer. */
export async function connectionTo(
  cloud: Cloud,
  subject: Subject,
  volumeId: string,
): Promise<VolumeConnection | undefined> {
  const volume = await cloud.blockStorage.get(subject, volumeId);
  const host = (await cloud.hosts.list()).find(({ id }) => id === volume.hostId);
  if (!host || volume.installPath === null) return undefined;
  const qosSpecs = await specsOf(cloud, volume);
  const { pool, image } = inCeph.exec(volume.installPath)?.groups ?? {};
  if (pool === undefined || image === undefined) {
    const format = volume.multiattach ? 'raw' : 'qcow2';
    return { kind: 'file', hostName: host.name, path: volume.installPath, format, qosSpecs };
  }
  const place = await placeOf(cloud, host, pool);
  const { monitorsOf } = await import('../../image-stores/ceph/monitors.ts');
  const monitors = await monitorsOf(place).catch((cause: unknown) => {
    throw new CloudError('unavailable', 'The storage of the volume does not answer. Try again later.', { cause });
  });
  return { kind: 'rbd', volumeId, pool, image, user: place.user, conf: place.conf, ...monitors, qosSpecs };
}

/** The specs of the volume's type as they are; what holds in all where the volume has limits of its own. */
async function specsOf(cloud: Cloud, volume: Volume): Promise<Record<string, string> | undefined> {
  const { qos } = cloud.blockStorage;
  if (Object.keys(volume.ownLimits).length === 0) return await qos.frontEndSpecs(volume.volumeType);
  const limits = await qos.limitsOfVolume(volume);
  return limits && wordsOf(limits);
}

/** The cluster of the pool: that of the store, preferably of the host's zone, whose images its disks are clones of. */
async function placeOf({ imageStores }: Cloud, { zoneId }: Pick<Host, 'zoneId'>, pool: string): Promise<CephPlace> {
  const { cephPlace } = await import('../../image-stores/ceph/ceph-url.ts');
  const places = imageStores
    .list()
    .filter(({ kind }) => kind === 'ceph')
    .map(({ url, zoneIds }) => ({ place: cephPlace(url), isNear: zoneIds.includes(zoneId) }))
    .filter(({ place }) => place.clones === pool);
  const found = places.find(({ isNear }) => isNear) ?? places[0];
  if (found) return found.place;
  throw new CloudError('unavailable', `No store of this cloud is in the cluster with the pool ${pool}.`);
}
