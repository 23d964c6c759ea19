import { type Static, Type as T } from 'typebox';
import type { Cloud } from '../../../cloud/cloud.ts';
import { CloudError } from '../../../cloud/errors.ts';
import { diskRoomOf } from '../../../cloud/flavors/disk-room.ts';
import type { Host } from '../../../cloud/hosts/model.ts';
import { chooseHosts, type HostUsage, type PlacementRequest } from '../../../cloud/hosts/scheduler.ts';
import type { Subject } from '../../../cloud/identity/subject.ts';
import { gibibyte } from '../inventories/common.ts';
import { cluster, host, primaryStorage, zone } from '../inventories/places.ts';
import { uuidField, uuidListField } from '../protocol/field-schemas.ts';
import { syncOperation } from '../protocol/operation.ts';
import { inventorySchema } from '../query/inventory-schema.ts';
import { inventoriesByUuid } from '../query/query.ts';
import { imageExample } from './image-examples.ts';
import { l3Example } from './l3-examples.ts';
import { storagesOf } from './primary-storage-words.ts';
import { dataSizesOf } from './vm-data-volumes.ts';
import { flavorFor, usableImage } from './vm-placement.ts';

const shared = { group: 'VM Instance', package: 'header.vm', method: 'GET', allow: 'reader' } as const;

const placeFields = {
  imageUuid: T.String({ maxLength: 64, description: 'The image.' }),
  l3NetworkUuids: uuidListField('The networks: every network reaches every host of this cloud.'),
  rootDiskOfferingUuid: uuidField('The disk offering of the root volume.'),
  rootDiskSize: T.Optional(T.Integer({ minimum: 1, description: 'Bytes of the root volume.' })),
  dataDiskOfferingUuids: uuidListField('The disk offerings of the data volumes.'),
  zoneUuid: uuidField('Only in this zone.'),
  clusterUuid: uuidField('Only in this cluster.'),
  defaultL3NetworkUuid: uuidField('Accepted.'),
};
const sizeFields = {
  instanceOfferingUuid: uuidField('The instance offering …'),
  cpuNum: T.Optional(T.Integer({ minimum: 1, maximum: 1024, description: '… or processors …' })),
  memorySize: T.Optional(T.Integer({ minimum: 1, description: '… and bytes of memory.' })),
};
const allFields = T.Object({ ...placeFields, ...sizeFields });
type Wanted = Static<typeof allFields>;

/** What has to be found for the server, and the place of its root volume where one is said. */
type Request = (place?: { storageId: string | null }) => PlacementRequest;

async function requestFor(cloud: Cloud, subject: Subject, wanted: Wanted): Promise<Request> {
  const image = await usableImage(cloud, subject, wanted.imageUuid);
  const rootBytes = wanted.rootDiskOfferingUuid
    ? (await cloud.diskOfferings.get(wanted.rootDiskOfferingUuid)).diskSize
    : wanted.rootDiskSize;
  const isSized = wanted.instanceOfferingUuid !== undefined || wanted.cpuNum !== undefined;
  const flavor = isSized ? await flavorFor(cloud, subject, { ...wanted, rootDiskSize: rootBytes }) : undefined;
  const architecture = image.properties['architecture'];
  const rootGb = flavor?.diskGb ?? Math.ceil((rootBytes ?? 0) / gibibyte);
  const dataSizes = await dataSizesOf(cloud, { dataDiskOfferingUuids: wanted.dataDiskOfferingUuids });
  const data = dataSizes.map((size, index) => ({ volumeId: `data-${index}`, gb: Math.ceil(size / gibibyte) }));
  return (place) => ({
    vcpus: flavor?.vcpus ?? 0,
    memoryMb: flavor?.memoryMb ?? 0,
    diskGb: flavor ? diskRoomOf(flavor) - rootGb : 0,
    disks: [{ volumeId: 'root', gb: rootGb, ...place }, ...data],
    ...(wanted.zoneUuid && { zoneId: wanted.zoneUuid }),
    ...(typeof architecture === 'string' && { architecture }),
  });
}

/** The hosts of the cluster that was asked for that would take the server now. None is an answer, too. */
function candidates(usage: readonly HostUsage[], request: PlacementRequest, clusterUuid?: string): Host[] {
  try {
    const fitting = chooseHosts(usage, request);
    return fitting.filter(({ clusterId }) => clusterUuid === undefined || clusterId === clusterUuid);
  } catch (error) {
    if (error instanceof CloudError && error.code === 'no_valid_host') return [];
    throw error;
  }
}

async function shown(cloud: Cloud, subject: Subject, definition: typeof zone, uuids: readonly (string | null)[]) {
  const known = [...new Set(uuids)].filter((uuid) => uuid !== null);
  return await inventoriesByUuid(cloud, definition, subject, known);
}

const asked = { imageUuid: imageExample.uuid, l3NetworkUuids: l3Example.uuid };

const getDestinations = syncOperation({
  ...shared,
  id: 'GetCandidateZonesClustersHostsForCreatingVm',
  path: '/vm-instances/candidate-destinations',
  since: '0.6',
  query: allFields,
  response: T.Object({
    zones: T.Array(inventorySchema(zone)),
    clusters: T.Array(inventorySchema(cluster)),
    hosts: T.Array(inventorySchema(host)),
  }),
  title: 'Get zones, clusters and hosts for a new server',
  summary: 'Where a server of this size and image would find room now; hosts are told to administrators only.',
  examples: [
    {
      title: 'For a small server',
      query: { ...asked, cpuNum: '1', memorySize: '134217728' },
      status: 200,
      response: { zones: [], clusters: [], hosts: [] },
    },
  ],
  handle: async ({ cloud, subject, input }) => {
    const request = await requestFor(cloud, subject, input);
    const found = candidates(await cloud.hosts.usage(), request(), input.clusterUuid);
    const [zones, clusters, hosts] = await Promise.all([
      shown(
        cloud,
        subject,
        zone,
        found.map(({ zoneId }) => zoneId),
      ),
      shown(
        cloud,
        subject,
        cluster,
        found.map(({ clusterId }) => clusterId),
      ),
      shown(
        cloud,
        subject,
        host,
        found.map(({ id }) => id),
      ),
    ]);
    return { zones, clusters, hosts };
  },
});

const getStorages = syncOperation({
  ...shared,
  id: 'GetCandidatePrimaryStoragesForCreatingVm',
  path: '/vm-instances/candidate-storages',
  since: '2.1',
  allow: 'admin',
  query: T.Object({
    ...placeFields,
    dataDiskSizes: T.Optional(T.Array(T.Integer({ minimum: 1 }), { description: 'Accepted.', maxItems: 100 })),
  }),
  response: T.Object({
    rootVolumePrimaryStorages: T.Array(inventorySchema(primaryStorage)),
    dataVolumePrimaryStorages: T.Record(T.String(), T.Array(inventorySchema(primaryStorage))),
  }),
  title: 'Get primary storage for a new server',
  summary:
    'The own disks of hosts and the added storages that have room for the root volume now, and where data volumes can be beside it.',
  examples: [
    {
      title: 'For a root volume',
      query: { ...asked, rootDiskSize: '1073741824' },
      status: 200,
      response: { rootVolumePrimaryStorages: [], dataVolumePrimaryStorages: {} },
    },
  ],
  handle: async ({ cloud, subject, input }) => {
    const { dataDiskOfferingUuids = [] } = input;
    const usage = await cloud.hosts.usage();
    const request = await requestFor(cloud, subject, input);
    const fitting = (storageId: string | null) => candidates(usage, request({ storageId }), input.clusterUuid);
    const added = new Set(usage.flatMap((one) => one.storages.map(({ storageId }) => storageId)));
    const inAdded = [...added].filter((storageId) => fitting(storageId).length > 0);
    const own = fitting(null).map(({ id }) => id);
    const storages = await shown(cloud, subject, primaryStorage, [...own, ...inAdded]);
    const found = candidates(usage, request(), input.clusterUuid);
    const reached = new Set((await Promise.all(found.map(({ id }) => storagesOf(cloud, id)))).flat());
    const usable = (await shown(cloud, subject, primaryStorage, [...reached])).filter(
      ({ state, status }) => state === 'Enabled' && status === 'Connected',
    );
    return {
      rootVolumePrimaryStorages: storages,
      dataVolumePrimaryStorages: Object.fromEntries(dataDiskOfferingUuids.map((uuid) => [uuid, usable])),
    };
  },
});

export const vmCandidateOperations = [getDestinations, getStorages];
