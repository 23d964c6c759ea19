import { Type as T } from 'typebox';
import type { Cloud } from '../../../cloud/cloud.ts';
import { CloudError } from '../../../cloud/errors.ts';
import type { Flavor } from '../../../cloud/flavors/flavors.ts';
import type { Subject } from '../../../cloud/identity/subject.ts';
import { hostnameOf } from '../../../cloud/servers/creation.ts';
import { l3Network } from '../inventories/network.ts';
import { vmInstance } from '../inventories/vm-instance.ts';
import { volume } from '../inventories/volume.ts';
import { uuidIn } from '../protocol/field-schemas.ts';
import { jobOperation, syncOperation } from '../protocol/operation.ts';
import { resourceNotFound } from '../protocol/zstack-error.ts';
import { inventorySchema } from '../query/inventory-schema.ts';
import { inventoriesWith } from '../query/query.ts';
import { l3Example } from './l3-examples.ts';
import { storagesOf } from './primary-storage-words.ts';
import { cloneVmInstance } from './vm-clone.ts';
import { ended } from './vm-data-volumes.ts';
import { vmExample } from './vm-examples.ts';
import { vmKeyOperations } from './vm-keys.ts';
import { vmStaticIpOperations } from './vm-static-ips.ts';
import { inAllowedState, stateOf } from './vm-words.ts';
import { volumeExample } from './volume-examples.ts';
import { dataVolume } from './volume-words.ts';

const group = 'VM Instance';
const shared = { group, package: 'header.vm', since: '0.6', allow: 'member' } as const;
const reads = { ...shared, allow: 'reader', method: 'GET' } as const;
const byUuid = uuidIn('uuid', 'The server.');
const byVm = uuidIn('vmInstanceUuid', 'The server.');
const here = { uuid: vmExample.uuid };

/** Gives a server another size, and confirms it: the dialect knows no size that waits for that. */
async function resizeTo(cloud: Cloud, subject: Subject, uuid: string, size: Flavor, message: string) {
  const rule = { message, allowed: ['Running', 'Stopped'], code: 'SYS.1006' } as const;
  const { actionId } = await inAllowedState(cloud, subject, uuid, rule, () =>
    cloud.servers.resize(subject, uuid, size.id, size),
  );
  const afterwards = async () => {
    const confirmed = await cloud.servers.confirmResize(subject, uuid);
    await ended(cloud, confirmed.actionId);
  };
  return { actionId, uuid, afterwards };
}

const changeInstanceOffering = jobOperation({
  ...shared,
  id: 'ChangeInstanceOffering',
  method: 'PUT',
  path: '/vm-instances/{vmInstanceUuid}/actions',
  params: byVm,
  body: T.Object({ instanceOfferingUuid: T.String({ maxLength: 64, description: 'The new offering.' }) }),
  result: vmInstance,
  title: 'Change the offering of a server',
  summary: 'Gives it the processors and memory of another offering. A server that runs is restarted for it.',
  examples: [
    {
      title: 'A larger one',
      params: { vmInstanceUuid: vmExample.uuid },
      body: { changeInstanceOffering: { instanceOfferingUuid: vmExample.instanceOfferingUuid } },
      status: 200,
      response: { inventory: vmExample, success: true },
    },
  ],
  handle: async ({ cloud, subject, input: { vmInstanceUuid, instanceOfferingUuid } }) => {
    const offering = await cloud.flavors.get(subject, instanceOfferingUuid).catch((error: unknown) => {
      if (!(error instanceof CloudError) || error.code !== 'not_found') throw error;
      throw resourceNotFound('instanceOfferingUuid', instanceOfferingUuid, 'InstanceOfferingVO');
    });
    await stateOf(cloud, subject, vmInstanceUuid, 'vmInstanceUuid');
    const { flavor } = await cloud.servers.get(subject, vmInstanceUuid);
    // Offerings say nothing of disks, so those that are the server's own stay as they are.
    const { diskGb, ephemeralGb, swapMb } = flavor;
    const size = { ...offering, diskGb, ephemeralGb, swapMb };
    return await resizeTo(cloud, subject, vmInstanceUuid, size, 'org.zstack.header.vm.APIChangeInstanceOfferingMsg');
  },
});

const hostname = T.String({
  minLength: 1,
  maxLength: 255,
  pattern: '^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$',
  description: 'The host name.',
});

const setVmHostname = jobOperation({
  ...shared,
  id: 'SetVmHostname',
  method: 'PUT',
  path: '/vm-instances/{uuid}/actions',
  params: byUuid,
  body: T.Object({ hostname }),
  title: 'Set the host name of a server',
  summary: 'The guest is told of it by DHCP and metadata when it asks again.',
  examples: [{ title: 'Set', params: here, body: { setVmHostname: { hostname: 'web-1' } }, status: 200, response: {} }],
  handle: async ({ cloud, subject, input }) => {
    await stateOf(cloud, subject, input.uuid);
    await cloud.servers.update(subject, input.uuid, { hostname: input.hostname });
    return {};
  },
});

const getVmHostname = syncOperation({
  ...reads,
  id: 'GetVmHostname',
  path: '/vm-instances/{uuid}/hostnames',
  params: byUuid,
  response: T.Object({ hostname: T.Optional(T.String()) }),
  title: 'Get the host name of a server',
  summary: 'As it was set, or made of its name.',
  examples: [{ title: 'Get', params: here, status: 200, response: { hostname: 'web-1' } }],
  handle: async ({ cloud, subject, input: { uuid } }) => {
    await stateOf(cloud, subject, uuid);
    return { hostname: (await cloud.servers.get(subject, uuid)).hostname };
  },
});

const deleteVmHostname = jobOperation({
  ...shared,
  id: 'DeleteVmHostname',
  method: 'DELETE',
  path: '/vm-instances/{uuid}/hostnames',
  params: byUuid,
  title: 'Forget the host name of a server',
  summary: 'It is called again what its own name makes of it.',
  examples: [{ title: 'Forget', params: here, status: 200, response: {} }],
  handle: async ({ cloud, subject, input: { uuid } }) => {
    await stateOf(cloud, subject, uuid);
    const { name } = await cloud.servers.get(subject, uuid);
    await cloud.servers.update(subject, uuid, { hostname: hostnameOf(name, uuid) });
    return {};
  },
});

const getVmCapabilities = syncOperation({
  ...reads,
  id: 'GetVmCapabilities',
  path: '/vm-instances/{uuid}/capabilities',
  params: byUuid,
  response: T.Object({ capabilities: T.Record(T.String(), T.Unknown()) }),
  title: 'Get what can be done with a server',
  summary: 'What its host can do for it.',
  examples: [
    {
      title: 'Get',
      params: here,
      status: 200,
      response: {
        capabilities: { LiveMigration: true, VolumeMigration: false, Reimage: true, MemorySnapshot: false },
      },
    },
  ],
  handle: async ({ cloud, subject, input: { uuid } }) => {
    await stateOf(cloud, subject, uuid);
    const { imageId } = await cloud.servers.get(subject, uuid);
    const capabilities = {
      // Disks go along, wherever they lie.
      LiveMigration: true,
      VolumeMigration: false,
      Reimage: imageId !== null,
      MemorySnapshot: false,
    };
    return { capabilities };
  },
});

/** What the owner of the server sees of an inventory under these conditions. */
async function ofOwner(cloud: Cloud, projectId: string, definition: typeof volume, q: string[]) {
  const owner = { isAdmin: false, projectId };
  return { inventories: await inventoriesWith(cloud, definition, owner, q) };
}

const getVmAttachableDataVolume = syncOperation({
  ...reads,
  id: 'GetVmAttachableDataVolume',
  path: '/vm-instances/{vmInstanceUuid}/data-volume-candidates',
  params: byVm,
  response: T.Object({ inventories: T.Array(inventorySchema(volume)) }),
  title: 'Get the data volumes that a server can be given',
  summary: 'Those of its account that no server has, in the storages that its host can use.',
  examples: [
    {
      title: 'All',
      params: { vmInstanceUuid: vmExample.uuid },
      status: 200,
      response: { inventories: [volumeExample] },
    },
  ],
  handle: async ({ cloud, subject, input: { vmInstanceUuid } }) => {
    await stateOf(cloud, subject, vmInstanceUuid, 'vmInstanceUuid');
    const { projectId, hostId } = await cloud.servers.get(subject, vmInstanceUuid);
    const place = hostId === null ? [] : [`primaryStorageUuid?=${(await storagesOf(cloud, hostId)).join()}`];
    const q = ['type=Data', 'status=Ready', 'state=Enabled', 'vmInstanceUuid is null', ...place];
    return await ofOwner(cloud, projectId, volume, q);
  },
});

const getDataVolumeAttachableVm = syncOperation({
  ...reads,
  package: 'header.volume',
  group: 'Volume',
  id: 'GetDataVolumeAttachableVm',
  path: '/volumes/{volumeUuid}/candidate-vm-instances',
  params: uuidIn('volumeUuid', 'The volume.'),
  response: T.Object({ inventories: T.Array(inventorySchema(vmInstance)) }),
  title: 'Get the servers that can be given a data volume',
  summary: 'Those of its account that run or are stopped on the host of the volume.',
  examples: [
    { title: 'All', params: { volumeUuid: volumeExample.uuid }, status: 200, response: { inventories: [vmExample] } },
  ],
  handle: async ({ cloud, subject, input: { volumeUuid } }) => {
    const found = await dataVolume(cloud, subject, 'volumeUuid', volumeUuid);
    const place = found.hostId ? [`lastHostUuid=${found.hostId}`] : [];
    return await ofOwner(cloud, found.projectId, vmInstance, ['state?=Running,Stopped', ...place]);
  },
});

const getVmAttachableL3Network = syncOperation({
  ...reads,
  id: 'GetVmAttachableL3Network',
  path: '/vm-instances/{vmInstanceUuid}/l3-networks-candidates',
  params: byVm,
  response: T.Object({ inventories: T.Array(inventorySchema(l3Network)) }),
  title: 'Get the L3 networks that a server can be given an interface in',
  summary: 'Enabled networks of its account, and those that are shared with it, which have addresses.',
  examples: [
    {
      title: 'All',
      params: { vmInstanceUuid: vmExample.uuid },
      status: 200,
      response: { inventories: [l3Example] },
    },
  ],
  handle: async ({ cloud, subject, input: { vmInstanceUuid } }) => {
    await stateOf(cloud, subject, vmInstanceUuid, 'vmInstanceUuid');
    const { projectId } = await cloud.servers.get(subject, vmInstanceUuid);
    return await ofOwner(cloud, projectId, l3Network, ['state=Enabled', 'ipRanges.uuid not null', 'category!=Public']);
  },
});

export const vmChangeOperations = [
  cloneVmInstance,
  ...vmStaticIpOperations,
  ...vmKeyOperations,
  changeInstanceOffering,
  setVmHostname,
  getVmHostname,
  deleteVmHostname,
  getVmCapabilities,
  getVmAttachableDataVolume,
  getDataVolumeAttachableVm,
  getVmAttachableL3Network,
];
