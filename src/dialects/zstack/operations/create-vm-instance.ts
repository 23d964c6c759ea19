import { Type as T } from 'typebox';
import type { Cloud } from '../../../cloud/cloud.ts';
import type { Subject } from '../../../cloud/identity/subject.ts';
import type { InterfaceRequest } from '../../../cloud/networks/server-ports.ts';
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
import { errorBody, invalidArgument, ZStackError } from '../protocol/zstack-error.ts';
import { onAffinityGroup } from './affinity-groups.ts';
import { drivesFor } from './cdrom-words.ts';
import { dataVolumePlace, hostOfRootVolume } from './primary-storage-words.ts';
import { keyPairNamed } from './ssh-key-pairs.ts';
import { usableConsolePassword } from './vm-console-password.ts';
import { addDataVolumes, dataSizesOf, sizeOf } from './vm-data-volumes.ts';
import { vmExample } from './vm-examples.ts';
import { describeGuest } from './vm-guest.ts';
import { flavorFor, keyNameFor, usableImage, zoneNameFor, zoneOfHost } from './vm-placement.ts';

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
    clusterUuid: uuidField('The cluster.'),
    hostUuid: uuidField('The host.'),
    primaryStorageUuidForRootVolume: uuidField('The own disk of the host that it shall be on, by the host’s uuid.'),
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
    const image = await usableImage(cloud, subject, input.imageUuid);
    const rootDiskSize =
      input.rootDiskSize || (await sizeOf(cloud, 'rootDiskOfferingUuid', input.rootDiskOfferingUuid));
    if (image.mediaType === 'iso' && !rootDiskSize) {
      const named = `the image[name:${image.name ?? ''}, uuid:${image.id}]`;
      throw invalidArgument(`${named} is an ISO, rootDiskSize must be set`);
    }
    const flavor = await flavorFor(cloud, subject, { ...input, rootDiskSize });
    const dataSizes = await dataSizesOf(cloud, input);
    if (input.strategy === 'JustCreate' && dataSizes.length > 0) {
      // Better refused than passed over: the server would not be what was asked for.
      throw new ZStackError('SYS.1014', 'data volumes with the strategy[JustCreate] are not offered by this cloud');
    }
    const { place } = await dataVolumePlace(
      cloud,
      systemTagValues(input.systemTags, 'primaryStorageUuidForDataVolume')[0],
      'primaryStorageUuidForDataVolume',
    );
    const hostId = (await hostOfRootVolume(cloud, input.primaryStorageUuidForRootVolume)) ?? place?.hostId;
    if (place?.hostId !== undefined && place.hostId !== hostId) throw differentHosts(place.hostId);
    const zone = (await zoneNameFor(cloud, input)) ?? (await zoneOfHost(cloud, hostId));
    const groupId = systemTagValues(input.systemTags, 'affinityGroupUuid')[0];
    const password = systemTagValues(input.systemTags, 'consolePassword')[0];
    const wanted = {
      id: input.resourceUuid,
      name: input.name,
      description: input.description ?? null,
      hostname: systemTagValues(input.systemTags, 'hostname')[0],
      flavorId: flavor.id,
      flavor,
      imageId: image.id,
      cdroms: await drivesFor(cloud, subject, { systemTags: input.systemTags, isOfIso: image.mediaType === 'iso' }),
      networks: interfacesOf(input),
      securityGroups: [],
      keyName: await keyNameOf(cloud, subject, input),
      userData: userDataOf(input.systemTags),
      configDrive: true,
      zone,
      hostId,
      leaveStopped: input.strategy === 'CreateStopped',
      ...(groupId ? { groupId } : {}),
      ...(password ? { consolePassword: usableConsolePassword(password) } : {}),
    };
    if (input.strategy === 'JustCreate') {
      const register = () => cloud.servers.register(subject, wanted);
      const [registered] = await onAffinityGroup('affinityGroupUuid', groupId ?? '', register);
      await describeGuest(cloud, subject, registered!.id, input);
      return { uuid: registered!.id };
    }
    const create = () => cloud.servers.create(subject, wanted);
    const [made] = await onAffinityGroup('affinityGroupUuid', groupId ?? '', create);
    const { server, actionId } = made!;
    await describeGuest(cloud, subject, server.id, input);
    if (dataSizes.length === 0) return { actionId, uuid: server.id };
    const afterwards = () => addDataVolumes(cloud, subject, server.id, input.name, dataSizes, place?.storageId);
    return { actionId, uuid: server.id, afterwards };
  },
});

function differentHosts(hostId: string) {
  return invalidArgument(`the root volume can't be on another host than primary storage[uuid:${hostId}]`);
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

interface Wanted {
  l3NetworkUuids?: string[];
  defaultL3NetworkUuid?: string;
  systemTags?: string[];
}

function interfacesOf({ l3NetworkUuids = [], defaultL3NetworkUuid, systemTags }: Wanted): InterfaceRequest[] | 'none' {
  if (l3NetworkUuids.length === 0) return 'none';
  if (defaultL3NetworkUuid !== undefined && !l3NetworkUuids.includes(defaultL3NetworkUuid)) {
    throw invalidArgument(
      `defaultL3NetworkUuid[uuid:${defaultL3NetworkUuid}] is not in l3NetworkUuids[${l3NetworkUuids.join(', ')}]`,
    );
  }
  if (defaultL3NetworkUuid === undefined && new Set(l3NetworkUuids).size > 1) {
    throw invalidArgument(
      `there are more than one L3 network specified in l3NetworkUuids, but defaultL3NetworkUuid is null`,
    );
  }
  const first = defaultL3NetworkUuid ?? l3NetworkUuids[0]!;
  const addresses = new Map(
    systemTagValues(systemTags, 'staticIp').map((value) => value.split('::', 2) as [string, string]),
  );
  return [first, ...l3NetworkUuids.filter((uuid) => uuid !== first)].map((networkId) => {
    const fixedIp = addresses.get(networkId);
    return fixedIp === undefined ? { networkId } : { networkId, fixedIp };
  });
}

/** In base64, as Nova has it. */
const longestUserData = 65_535;

/** Most clients encode user data, as ZStack asks; Terraform hands over what it was given. */
function userDataOf(systemTags: readonly string[] | undefined): string | undefined {
  const value = systemTagValues(systemTags, 'userdata')[0];
  if (value === undefined) return undefined;
  const isBase64 = value.length % 4 === 0 && /^[A-Za-z0-9+/]+={0,2}$/.test(value);
  const encoded = isBase64 ? value : Buffer.from(value, 'utf8').toString('base64');
  if (encoded.length > longestUserData) {
    throw invalidArgument(`user data takes ${encoded.length} characters in base64, and can have ${longestUserData}`);
  }
  return encoded;
}

async function keyNameOf(
  cloud: Cloud,
  subject: Subject,
  { sshKeyPairUuids = [], systemTags }: { sshKeyPairUuids?: string[]; systemTags?: string[] },
): Promise<string | undefined> {
  const named = await keyPairNamed(cloud, subject, sshKeyPairUuids);
  if (named) return named.name;
  const publicKey = systemTagValues(systemTags, 'sshkey')[0];
  return publicKey === undefined ? undefined : await keyNameFor(cloud, subject, publicKey);
}
