import { Type as T } from 'typebox';
import type { BootDevice } from '../../../cloud/servers/cdroms/cdroms.ts';
import { image } from '../inventories/image.ts';
import { vmCdRom } from '../inventories/vm-cdrom.ts';
import { vmInstance } from '../inventories/vm-instance.ts';
import { descriptionField, nameField, uuidField, uuidIn } from '../protocol/field-schemas.ts';
import { jobOperation, syncOperation } from '../protocol/operation.ts';
import { invalidArgument, operationFailed, ZStackError } from '../protocol/zstack-error.ts';
import { inventorySchema } from '../query/inventory-schema.ts';
import { inventoriesWith } from '../query/query.ts';
import { queryOperations } from '../query/query-operations.ts';
import { cdRomExample, cdRomNamed, onDrives, requireIso } from './cdrom-words.ts';
import { imageExample } from './image-examples.ts';
import { change, creationExample, deletion } from './simple-operations.ts';
import { vmExample } from './vm-examples.ts';
import { inAllowedState, stateOf } from './vm-words.ts';

const shared = { group: 'VM Instance', package: 'header.vm', since: '0.6', allow: 'member' } as const;
const drives = { ...shared, package: 'header.vm.cdrom', since: '3.3.0' } as const;
const iso = { ...imageExample, uuid: cdRomExample.isoUuid, name: 'installer', mediaType: 'ISO', format: 'iso' };
const ofServer = { vmInstanceUuid: vmExample.uuid };

const attaching = (id: string) => ({
  message: `org.zstack.header.vm.API${id}Msg`,
  allowed: ['Running', 'Stopped', 'Paused'],
  code: 'SYS.1006' as const,
});
const changing = (id: string) => ({
  message: `org.zstack.header.vm.cdrom.API${id}Msg`,
  allowed: ['Stopped'],
  code: 'SYS.1006' as const,
});

const createVmCdRom = jobOperation({
  ...drives,
  id: 'CreateVmCdRom',
  creates: 'cdrom',
  method: 'POST',
  path: '/vm-instances/cdroms',
  body: T.Object({
    name: nameField,
    vmInstanceUuid: T.String({ maxLength: 64, description: 'The server, which is stopped.' }),
    isoUuid: uuidField('The ISO image that shall be in it; empty where left out.'),
    description: descriptionField,
  }),
  result: vmCdRom,
  title: 'Give a server a CD-ROM drive',
  summary: 'A server has three at the most. Drives can’t be plugged into one that runs.',
  examples: [
    creationExample(
      'With an ISO image',
      { name: 'cdrom-0', vmInstanceUuid: vmExample.uuid, isoUuid: cdRomExample.isoUuid },
      cdRomExample,
    ),
  ],
  handle: async ({ cloud, subject, input }) => {
    const { vmInstanceUuid, isoUuid: imageId, name, description, resourceUuid: id } = input;
    if (imageId !== undefined) await requireIso(cloud, subject, imageId);
    await stateOf(cloud, subject, vmInstanceUuid, 'vmInstanceUuid');
    const made = await inAllowedState(cloud, subject, vmInstanceUuid, changing('CreateVmCdRom'), () =>
      onDrives(vmInstanceUuid, () =>
        cloud.servers.cdroms.create(subject, vmInstanceUuid, { id, name, description, imageId }),
      ),
    );
    return { uuid: made.id };
  },
});

const setVmInstanceDefaultCdRom = jobOperation({
  ...drives,
  id: 'SetVmInstanceDefaultCdRom',
  method: 'PUT',
  path: '/vm-instances/{vmInstanceUuid}/cdroms/{uuid}/actions',
  params: T.Object({
    ...uuidIn('vmInstanceUuid', 'The server.').properties,
    ...uuidIn('uuid', 'The drive.').properties,
  }),
  result: vmCdRom,
  title: 'Make a CD-ROM drive the default one',
  summary: 'The drive becomes the first one of its server, which is stopped: the one that is booted from.',
  examples: [
    {
      title: 'Make it the first',
      params: { ...ofServer, uuid: cdRomExample.uuid },
      body: { setVmInstanceDefaultCdRom: {} },
      status: 200,
      response: { inventory: cdRomExample, success: true },
    },
  ],
  handle: async ({ cloud, subject, input: { vmInstanceUuid, uuid } }) => {
    const { serverId } = await cdRomNamed(cloud, subject, uuid);
    if (serverId !== vmInstanceUuid)
      throw invalidArgument(`the CD-ROM[uuid:${uuid}] is not one of the vm[uuid:${vmInstanceUuid}]`);
    await inAllowedState(cloud, subject, serverId, changing('SetVmInstanceDefaultCdRom'), () =>
      cloud.servers.cdroms.setFirst(subject, serverId, uuid),
    );
    return { uuid };
  },
});

const attachIsoToVmInstance = jobOperation({
  ...shared,
  id: 'AttachIsoToVmInstance',
  method: 'POST',
  path: '/vm-instances/{vmInstanceUuid}/iso/{isoUuid}',
  params: T.Object({
    ...uuidIn('vmInstanceUuid', 'The server.').properties,
    ...uuidIn('isoUuid', 'The ISO image.').properties,
  }),
  body: T.Object({ cdRomUuid: uuidField('The drive; the first that is empty where left out.') }),
  result: vmInstance,
  title: 'Put an ISO image into a server’s CD-ROM drive',
  summary: 'At once where the server runs. A stopped one without an empty drive gets one.',
  examples: [creationExample('Attach', {}, vmExample, { ...ofServer, isoUuid: cdRomExample.isoUuid })],
  handle: async ({ cloud, subject, input: { vmInstanceUuid: uuid, isoUuid, cdRomUuid } }) => {
    await stateOf(cloud, subject, uuid, 'vmInstanceUuid');
    await requireIso(cloud, subject, isoUuid);
    return await inAllowedState(cloud, subject, uuid, attaching('AttachIsoToVmInstance'), async (state) => {
      const { cdroms } = cloud.servers;
      const known = await cdroms.ofServer(uuid);
      if (known.some(({ imageId }) => imageId === isoUuid))
        throw operationFailed(`VM[uuid:${uuid}] already has an ISO[uuid:${isoUuid}] attached`);
      const chosen = known.find(({ id, imageId }) => (cdRomUuid ? id === cdRomUuid : imageId === null));
      if (!chosen && (cdRomUuid || state !== 'Stopped'))
        throw operationFailed(`vm[uuid:${uuid}] has no CD-ROM that the ISO[uuid:${isoUuid}] could be put into`);
      if (!chosen) {
        await onDrives(uuid, () => cdroms.create(subject, uuid, { imageId: isoUuid }));
        return { uuid };
      }
      return { uuid, actionId: (await cdroms.changeMedium(subject, chosen.id, isoUuid)).actionId };
    });
  },
});

const detachIsoFromVmInstance = jobOperation({
  ...shared,
  id: 'DetachIsoFromVmInstance',
  method: 'DELETE',
  path: '/vm-instances/{vmInstanceUuid}/iso',
  params: uuidIn('vmInstanceUuid', 'The server.'),
  query: T.Object({ isoUuid: uuidField('The ISO image; may be left out where there is one.') }),
  result: vmInstance,
  title: 'Take an ISO image out of a server’s CD-ROM drive',
  summary: 'At once where the server runs, whether or not its system has locked the drive. The drive stays.',
  examples: [{ title: 'Detach', params: ofServer, status: 200, response: { inventory: vmExample, success: true } }],
  handle: async ({ cloud, subject, input: { vmInstanceUuid: uuid, isoUuid } }) => {
    await stateOf(cloud, subject, uuid, 'vmInstanceUuid');
    return await inAllowedState(cloud, subject, uuid, attaching('DetachIsoFromVmInstance'), async () => {
      const filled = (await cloud.servers.cdroms.ofServer(uuid)).filter(({ imageId }) => imageId !== null);
      const meant = filled.filter(({ imageId }) => !isoUuid || imageId === isoUuid);
      if (!isoUuid && meant.length > 1)
        throw invalidArgument(`vm[uuid:${uuid}] has more than one ISO attached, isoUuid must be set`);
      const [drive] = meant;
      if (!drive) return { uuid }; // what is not there is detached already
      return { uuid, actionId: (await cloud.servers.cdroms.changeMedium(subject, drive.id, null)).actionId };
    });
  },
});

const devices: Record<string, BootDevice> = { HardDisk: 'disk', CdRom: 'cdrom' };
const wordFor = (device: BootDevice) => (device === 'disk' ? 'HardDisk' : 'CdRom');

const setVmBootOrder = jobOperation({
  ...shared,
  id: 'SetVmBootOrder',
  method: 'PUT',
  path: '/vm-instances/{uuid}/actions',
  params: uuidIn('uuid', 'The server.'),
  body: T.Object({
    bootOrder: T.Optional(
      T.Array(T.String({ maxLength: 32 }), {
        maxItems: 3,
        description: 'HardDisk and CdRom, the first one first; as usual where left out.',
      }),
    ),
  }),
  result: vmInstance,
  title: 'Set what a server boots from',
  summary: 'Counts from its next start on. A device that is not named is not booted from. Network is not offered.',
  examples: [
    {
      title: 'From its CD-ROM first',
      params: { uuid: vmExample.uuid },
      body: { setVmBootOrder: { bootOrder: ['CdRom', 'HardDisk'] } },
      status: 200,
      response: { inventory: vmExample, success: true },
    },
  ],
  handle: async ({ cloud, subject, input: { uuid, bootOrder = [] } }) => {
    await stateOf(cloud, subject, uuid);
    if (bootOrder.includes('Network'))
      throw new ZStackError('SYS.1014', 'the boot device[Network] is not offered by this cloud');
    const order = bootOrder.map((word) => {
      const device = Object.hasOwn(devices, word) ? devices[word] : undefined;
      if (!device) throw invalidArgument(`invalid boot device[${word}] in boot order[${bootOrder.join(', ')}]`);
      return device;
    });
    if (new Set(order).size < order.length)
      throw invalidArgument(`boot order[${bootOrder.join(', ')}] names a device twice`);
    await cloud.servers.cdroms.setBootOrder(subject, uuid, order);
    return { uuid };
  },
});

const getVmBootOrder = syncOperation({
  ...shared,
  allow: 'reader',
  id: 'GetVmBootOrder',
  method: 'GET',
  path: '/vm-instances/{uuid}/boot-orders',
  params: uuidIn('uuid', 'The server.'),
  response: T.Object({ orders: T.Array(T.String()) }),
  title: 'Get what a server boots from',
  summary: 'HardDisk and CdRom, the first one first.',
  examples: [
    { title: 'Get', params: { uuid: vmExample.uuid }, status: 200, response: { orders: ['HardDisk', 'CdRom'] } },
  ],
  handle: async ({ cloud, subject, input: { uuid } }) => {
    await stateOf(cloud, subject, uuid);
    return { orders: (await cloud.servers.cdroms.bootOrder(uuid)).map(wordFor) };
  },
});

const getVmInstanceFirstBootDevice = syncOperation({
  ...shared,
  allow: 'reader',
  id: 'GetVmInstanceFirstBootDevice',
  since: '3.7.0',
  method: 'GET',
  path: '/vm-instances/{uuid}/first-boot-device',
  params: uuidIn('uuid', 'The server.'),
  response: T.Object({ firstBootDevice: T.String({ description: 'HardDisk or CdRom.' }) }),
  title: 'Get the first device that a server boots from',
  summary: 'The first one of its boot order that has something to boot from: a drive without a medium is passed over.',
  examples: [
    { title: 'Get', params: { uuid: vmExample.uuid }, status: 200, response: { firstBootDevice: 'HardDisk' } },
  ],
  handle: async ({ cloud, subject, input: { uuid } }) => {
    await stateOf(cloud, subject, uuid);
    const order = await cloud.servers.cdroms.bootOrder(uuid);
    const hasMedium = (await cloud.servers.cdroms.ofServer(uuid)).some(({ imageId }) => imageId !== null);
    const first = order.find((device) => device === 'disk' || hasMedium) ?? order[0]!;
    return { firstBootDevice: wordFor(first) };
  },
});

const getCandidateIsoForAttachingVm = syncOperation({
  ...shared,
  allow: 'reader',
  id: 'GetCandidateIsoForAttachingVm',
  method: 'GET',
  path: '/vm-instances/{vmInstanceUuid}/iso-candidates',
  params: uuidIn('vmInstanceUuid', 'The server.'),
  response: T.Object({ inventories: T.Array(inventorySchema(image)) }),
  title: 'Get the ISO images for a server',
  summary: 'Those that are Enabled and Ready, and in none of its drives.',
  examples: [{ title: 'Get', params: ofServer, status: 200, response: { inventories: [iso] } }],
  handle: async ({ cloud, subject, input: { vmInstanceUuid: uuid } }) => {
    await stateOf(cloud, subject, uuid, 'vmInstanceUuid');
    const inside = new Set((await cloud.servers.cdroms.ofServer(uuid)).map(({ imageId }) => imageId));
    const q = ['mediaType=ISO', 'state=Enabled', 'status=Ready'];
    const inventories = await inventoriesWith(cloud, image, subject, q);
    return { inventories: inventories.filter((one) => !inside.has(String(one['uuid']))) };
  },
});

export const vmCdRomOperations = [
  createVmCdRom,
  ...queryOperations(vmCdRom, {
    ...drives,
    allow: 'reader',
    id: 'QueryVmCdRom',
    path: '/vm-instances/cdroms',
    title: 'CD-ROM drives',
    example: cdRomExample,
  }),
  change({
    ...drives,
    id: 'UpdateVmCdRom',
    path: '/vm-instances/cdroms/{uuid}/actions',
    result: vmCdRom,
    title: 'Change a CD-ROM drive',
    summary: 'Changes its name or description.',
    example: cdRomExample,
    apply: async ({ cloud, subject, input: { uuid, name, description } }) => {
      await cdRomNamed(cloud, subject, uuid);
      await cloud.servers.cdroms.update(subject, uuid, { name, description });
      return undefined;
    },
  }),
  deletion({
    ...drives,
    id: 'DeleteVmCdRom',
    path: '/vm-instances/cdroms/{uuid}',
    title: 'Take a CD-ROM drive from a server',
    summary: 'The server is stopped. The ISO image that was in it stays what it was.',
    example: cdRomExample,
    remove: async ({ cloud, subject, input: { uuid } }) => {
      const { serverId } = await cloud.servers.cdroms.get(subject, uuid);
      await inAllowedState(cloud, subject, serverId, changing('DeleteVmCdRom'), () =>
        cloud.servers.cdroms.remove(subject, uuid),
      );
      return undefined;
    },
  }),
  setVmInstanceDefaultCdRom,
  attachIsoToVmInstance,
  detachIsoFromVmInstance,
  setVmBootOrder,
  getVmBootOrder,
  getVmInstanceFirstBootDevice,
  getCandidateIsoForAttachingVm,
];
