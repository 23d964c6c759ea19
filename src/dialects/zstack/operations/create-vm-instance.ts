import { Type as T } from 'typebox';
import { vmInstance } from '../inventories/vm-instance.ts';
import {
  architectures,
  booleanField,
  descriptionField,
  nameField,
  oneOfField,
  platforms,
  textField,
  uuidField,
} from '../protocol/field-schemas.ts';
import { jobOperation } from '../protocol/operation.ts';
import { systemTagValues } from '../protocol/system-tags.ts';
import { errorBody, invalidArgument } from '../protocol/zstack-error.ts';
import { onAffinityGroup } from './affinity-groups.ts';
import { drivesFor } from './cdrom-words.ts';
import { newVm } from './new-vm.ts';
import { nicParamsField, refuseNicParams } from './nic-words.ts';
import { volumePlace } from './primary-storage-words.ts';
import { addDataVolumes, blankVolumes, dataSizesOf, sizeOf } from './vm-data-volumes.ts';
import { vmExample } from './vm-examples.ts';
import { describeGuest } from './vm-guest.ts';
import { flavorFor, usableImage, zoneNameFor } from './vm-placement.ts';
import { checkVolumeTags, keepVolumeTags, volumeTagFields } from './vm-volume-tags.ts';

const bytes = (description: string) => T.Optional(T.Integer({ minimum: 0, description }));
const uuids = (description: string) => T.Optional(T.Array(T.String({ maxLength: 64 }), { maxItems: 100, description }));

export const createVmInstance = jobOperation({
  id: 'CreateVmInstance',
  creates: 'server',
  group: 'VM Instance',
  package: 'header.vm',
  method: 'POST',
  path: '/vm-instances',
  since: '0.6',
  allow: 'member',
  body: T.Object({
    name: nameField,
    description: descriptionField,
    instanceOfferingUuid: uuidField('Its size; or else cpuNum and memorySize.'),
    cpuNum: T.Optional(
      T.Integer({ minimum: 0, maximum: 1024, description: 'Processors, where no offering is named.' }),
    ),
    memorySize: bytes('Bytes of memory, where no offering is named.'),
    reservedMemorySize: bytes('Accepted; memory is never promised twice here.'),
    imageUuid: uuidField('The image that its root volume is made from.'),
    l3NetworkUuids: uuids('The networks that it shall have an interface in.'),
    defaultL3NetworkUuid: uuidField('The network of its first interface.'),
    type: oneOfField(['UserVm'], 'Always UserVm.'),
    rootDiskSize: bytes('Bytes of its root volume, where the offering’s shall not be taken.'),
    rootDiskOfferingUuid: uuidField('The disk offering that says the size of its root volume.'),
    dataDiskSizes: T.Optional(
      T.Array(T.Integer({ minimum: 512 }), { maxItems: 24, description: 'Bytes of each of its data volumes.' }),
    ),
    dataDiskOfferingUuids: uuids('The disk offerings of its further data volumes.'),
    zoneUuid: uuidField('The zone.'),
    clusterUuid: uuidField('The cluster that it shall be in.'),
    hostUuid: uuidField('The host that it shall be on: for administrators, where its zone has several.'),
    primaryStorageUuidForRootVolume: uuidField(
      'Where its root volume shall lie: a primary storage, or, by the host’s uuid, the own disk of a host. Wherever there is most room if none is said.',
    ),
    diskAOs: T.Optional(
      T.Array(
        T.Object({
          boot: booleanField('Whether the server boots from it: the one disk that can be said here.'),
          templateUuid: uuidField('The image that it is made from.'),
          sourceType: oneOfField(['ImageVO'], 'What sourceUuid is.'),
          sourceUuid: uuidField('The image that it is made from.'),
          size: bytes('Its size, where the offering’s shall not be taken.'),
          platform: oneOfField(platforms, 'The kind of system in it.'),
          guestOsType: textField('The operating system in it.'),
          architecture: oneOfField(architectures, 'The processors it is for.'),
        }),
        { maxItems: 1, description: 'The newer way to say the image: the disk to boot from.' },
      ),
    ),
    strategy: oneOfField(
      ['InstantStart', 'JustCreate', 'CreateStopped'],
      'Whether it is started (InstantStart), made without being started (CreateStopped), or built by its first start (JustCreate).',
    ),
    sshKeyPairUuids: uuids('The key pair whose public key shall be put on it: one at the most.'),
    platform: oneOfField(platforms, 'The kind of system in it; as its image where left out.'),
    guestOsType: textField('The operating system in it; as its image where left out.'),
    architecture: oneOfField(architectures, 'The processors it is for; as its image where left out.'),
    virtio: booleanField('Accepted; the image decides.'),
    vmNicParams: nicParamsField,
    ...volumeTagFields,
  }),
  result: vmInstance,
  describeFailure: (cause) => errorBody('VM.1000', cause.details, { cause }),
  title: 'Create a server',
  summary:
    'Makes a server from an image and starts it. System tags say more of it: hostname::, userdata::<base64>, sshkey::<public key>, staticIp::<l3 network>::<address>, cdroms::<Empty, None or an ISO image>::…, affinityGroupUuid::<affinity group>, consolePassword::<password>, primaryStorageUuidForDataVolume::<primary storage>',
  examples: [
    {
      title: 'A server with one interface',
      body: {
        params: {
          name: 'web-1',
          instanceOfferingUuid: vmExample.instanceOfferingUuid,
          imageUuid: vmExample.imageUuid,
          l3NetworkUuids: [vmExample.defaultL3NetworkUuid],
        },
        systemTags: ['hostname::web-1'],
      },
      status: 200,
      response: { inventory: vmExample, success: true },
    },
  ],
  handle: async ({ cloud, subject, input: given }) => {
    const [disk] = given.diskAOs ?? [];
    const input = disk ? { ...given, ...ofBootDisk(disk) } : given;
    refuseNicParams(input);
    await checkVolumeTags(cloud, subject, input);
    const image = await usableImage(cloud, subject, input.imageUuid);
    const rootDiskSize =
      input.rootDiskSize || (await sizeOf(cloud, 'rootDiskOfferingUuid', input.rootDiskOfferingUuid));
    if (image.mediaType === 'iso' && !rootDiskSize) {
      const named = `the image[name:${image.name ?? ''}, uuid:${image.id}]`;
      throw invalidArgument(`${named} is an ISO, rootDiskSize must be set`);
    }
    const flavor = await flavorFor(cloud, subject, { ...input, rootDiskSize });
    const dataSizes = await dataSizesOf(cloud, input);
    const ofRoot = 'primaryStorageUuidForRootVolume';
    const ofData = 'primaryStorageUuidForDataVolume';
    const root = await volumePlace(cloud, input[ofRoot], ofRoot);
    const data = await volumePlace(cloud, systemTagValues(input.systemTags, ofData)[0], ofData);
    const dataStorageId = data.place?.storageId;
    const zone = (await zoneNameFor(cloud, subject, input)) ?? root.zone ?? data.zone;
    const hostId = input.hostUuid ?? root.place?.hostId ?? data.place?.hostId;
    for (const { place } of [root, data]) {
      if (place?.hostId !== undefined && place.hostId !== hostId) throw differentHosts(place.hostId);
    }
    const wanted = {
      ...(await newVm(cloud, subject, input)),
      flavorId: flavor.id,
      flavor,
      imageId: image.id,
      cdroms: await drivesFor(cloud, subject, { systemTags: input.systemTags, isOfIso: image.mediaType === 'iso' }),
      zone,
      clusterId: input.clusterUuid,
      hostId,
      rootPlace: { storageId: root.place?.storageId },
      withStorageIds: dataStorageId && dataSizes.length > 0 ? [dataStorageId] : [],
    };
    const groupId = wanted.groupId ?? '';
    if (input.strategy === 'JustCreate') {
      const blockDevices = blankVolumes(input.name, dataSizes, dataStorageId);
      const register = () => cloud.servers.register(subject, { ...wanted, blockDevices });
      const [registered] = await onAffinityGroup('affinityGroupUuid', groupId, register);
      await describeGuest(cloud, subject, registered!.id, input);
      await keepVolumeTags(cloud, subject, registered!.id, input);
      return { uuid: registered!.id };
    }
    const create = () => cloud.servers.create(subject, wanted);
    const [made] = await onAffinityGroup('affinityGroupUuid', groupId, create);
    const { server, actionId } = made!;
    await describeGuest(cloud, subject, server.id, input);
    await keepVolumeTags(cloud, subject, server.id, input);
    if (dataSizes.length === 0) return { actionId, uuid: server.id };
    const afterwards = async () => {
      await addDataVolumes(cloud, subject, server.id, input.name, dataSizes, dataStorageId);
      await keepVolumeTags(cloud, subject, server.id, input);
    };
    return { actionId, uuid: server.id, afterwards };
  },
});

function differentHosts(hostId: string) {
  return invalidArgument(`the server can't be on another host than primary storage[uuid:${hostId}]`);
}

interface BootDisk {
  templateUuid?: string;
  sourceUuid?: string;
  size?: number;
  platform?: (typeof platforms)[number];
  guestOsType?: string;
  architecture?: (typeof architectures)[number];
}

/** The fields of the older way for a disk to boot from. */
function ofBootDisk({ templateUuid, sourceUuid, size, platform, guestOsType, architecture }: BootDisk) {
  const fields = { imageUuid: templateUuid ?? sourceUuid, rootDiskSize: size, platform, guestOsType, architecture };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    imageUuid?: string;
    rootDiskSize?: number;
    platform?: (typeof platforms)[number];
    guestOsType?: string;
  };
}
