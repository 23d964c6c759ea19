import { Type as T } from 'typebox';
import { CloudError } from '../../../cloud/errors.ts';
import { mebibyte } from '../inventories/common.ts';
import { diskOffering, instanceOffering } from '../inventories/offering.ts';
import { descriptionField, nameField, textField, uuidIn } from '../protocol/field-schemas.ts';
import { jobOperation } from '../protocol/operation.ts';
import { invalidArgument } from '../protocol/zstack-error.ts';
import { queryOperations } from '../query/query-operations.ts';
import { requireUuid } from './images.ts';
import { change, creationExample, deletion, stateChange } from './simple-operations.ts';

const group = 'Instance Offering';
const shared = { group, package: 'header.configuration', since: '0.6', allow: 'admin' } as const;
const example = {
  uuid: '2f7d1e0c9b8a4756a3c2d1e0f9b8a475',
  name: 'm1.nano',
  cpuNum: 1,
  cpuSpeed: 0,
  memorySize: 128 * mebibyte,
  reservedMemorySize: 0,
  type: 'UserVm',
  allocatorStrategy: 'LeastVmPreferredHostAllocatorStrategy',
  sortKey: 0,
  state: 'Enabled',
  createDate: 'Nov 21, 2026 2:00:00 PM',
  lastOpDate: 'Nov 21, 2026 2:00:00 PM',
};

/** Offerings of the dialect say nothing of disks: the root volume is as large as this, or as asked for. */
const rootVolumeGb = 20;

const createInstanceOffering = jobOperation({
  ...shared,
  id: 'CreateInstanceOffering',
  creates: 'untagged',
  method: 'POST',
  path: '/instance-offerings',
  body: T.Object({
    name: nameField,
    description: descriptionField,
    cpuNum: T.Integer({ minimum: 1, maximum: 1024, description: 'Processors.' }),
    memorySize: T.Integer({ minimum: 1, description: 'Bytes of memory: whole mebibytes.' }),
    reservedMemorySize: T.Optional(T.Integer({ minimum: 0, description: 'Accepted.' })),
    allocatorStrategy: textField('Accepted: hosts are chosen by what they have free.'),
    sortKey: T.Optional(T.Integer({ description: 'Accepted.' })),
    type: textField('Always UserVm.'),
  }),
  result: instanceOffering,
  title: 'Create an instance offering',
  summary: 'Makes a size that servers can be made with. Their root volumes have 20 GiB.',
  examples: [
    {
      title: 'A small one',
      body: { params: { name: 'm1.nano', cpuNum: 1, memorySize: 134217728 } },
      status: 200,
      response: { inventory: example, success: true },
    },
  ],
  handle: async ({ cloud, input }) => {
    if (input.memorySize % mebibyte !== 0) throw invalidArgument('field[memorySize] must be whole mebibytes');
    const flavor = await cloud.flavors.create({
      uuid: input.resourceUuid,
      name: input.name,
      description: input.description ?? null,
      vcpus: input.cpuNum,
      memoryMb: input.memorySize / mebibyte,
      diskGb: rootVolumeGb,
    });
    return { uuid: flavor.uuid };
  },
});

const deleteInstanceOffering = jobOperation({
  ...shared,
  id: 'DeleteInstanceOffering',
  method: 'DELETE',
  path: '/instance-offerings/{uuid}',
  params: uuidIn('uuid', 'The offering.'),
  title: 'Delete an instance offering',
  summary: 'Servers keep the size they have; no new ones can be made with it.',
  examples: [{ title: 'Delete', params: { uuid: example.uuid }, status: 200, response: {} }],
  handle: async ({ cloud, subject, input: { uuid } }) => {
    requireUuid(uuid);
    try {
      await cloud.flavors.delete(subject, uuid);
    } catch (error) {
      if (!(error instanceof CloudError) || error.code !== 'not_found') throw error;
    }
    return {};
  },
});

const diskGroup = 'Disk Offering';
const diskShared = { group: diskGroup, package: 'header.configuration', since: '0.6', allow: 'admin' } as const;
const diskExample = {
  uuid: '18293a4b5c6d4782a9f0011223344556',
  name: 'data-10g',
  diskSize: 10737418240,
  sortKey: 0,
  state: 'Enabled',
  type: 'zstack',
  allocatorStrategy: 'DefaultPrimaryStorageAllocationStrategy',
  createDate: 'Nov 21, 2026 2:00:00 PM',
  lastOpDate: 'Nov 21, 2026 2:00:00 PM',
};

const createDiskOffering = jobOperation({
  ...diskShared,
  id: 'CreateDiskOffering',
  creates: 'disk_offering',
  method: 'POST',
  path: '/disk-offerings',
  body: T.Object({
    name: nameField,
    description: descriptionField,
    diskSize: T.Integer({ minimum: 1, description: 'Bytes: whole sectors of 512.' }),
    sortKey: T.Optional(T.Integer({ description: 'A number to sort by.' })),
    allocationStrategy: textField('Accepted: storage is chosen by what it has free.'),
    type: textField('zstack.'),
  }),
  result: diskOffering,
  title: 'Create a disk offering',
  summary: 'Makes a size that data volumes can be made with.',
  examples: [creationExample('Ten gibibytes', { name: 'data-10g', diskSize: 10737418240 }, diskExample)],
  handle: async ({ cloud, input: { name, description, diskSize, sortKey, resourceUuid: id } }) => {
    if (diskSize % 512 !== 0) throw invalidArgument('field[diskSize] must be a multiple of 512');
    return { uuid: (await cloud.diskOfferings.create({ id, name, description, diskSize, sortKey })).id };
  },
});

const instanceChange = { ...shared, path: '/instance-offerings/{uuid}/actions', result: instanceOffering, example };
const diskChange = {
  ...diskShared,
  path: '/disk-offerings/{uuid}/actions',
  result: diskOffering,
  example: diskExample,
};

export const offeringOperations = [
  createInstanceOffering,
  deleteInstanceOffering,
  change({
    ...instanceChange,
    id: 'UpdateInstanceOffering',
    title: 'Change an instance offering',
    summary: 'Changes its name or description.',
    body: { allocatorStrategy: textField('Accepted: hosts are chosen by what they have free.') },
    apply: async ({ cloud, subject, input: { uuid, name, description } }) => {
      await cloud.flavors.update(subject, uuid, { name, description });
      return undefined;
    },
  }),
  stateChange({
    ...instanceChange,
    id: 'ChangeInstanceOfferingState',
    title: 'Enable or disable an instance offering',
    summary: 'No new servers can be made with a disabled one.',
    apply: ({ cloud, subject, input: { uuid } }, enabled) => cloud.flavors.update(subject, uuid, { enabled }),
  }),
  createDiskOffering,
  change({
    ...diskChange,
    id: 'UpdateDiskOffering',
    title: 'Change a disk offering',
    summary: 'Changes its name or description.',
    apply: async ({ cloud, input: { uuid, name, description } }) => {
      await cloud.diskOfferings.update(uuid, { name, description });
      return undefined;
    },
  }),
  stateChange({
    ...diskChange,
    id: 'ChangeDiskOfferingState',
    title: 'Enable or disable a disk offering',
    summary: 'No new volumes can be made with a disabled one.',
    apply: ({ cloud, input: { uuid } }, enabled) => cloud.diskOfferings.update(uuid, { enabled }),
  }),
  deletion({
    ...diskShared,
    id: 'DeleteDiskOffering',
    path: '/disk-offerings/{uuid}',
    title: 'Delete a disk offering',
    summary: 'Volumes keep the size they have; no new ones can be made with it.',
    example: diskExample,
    remove: async ({ cloud, input: { uuid } }) => {
      await cloud.diskOfferings.delete(uuid);
      return undefined;
    },
  }),
  ...queryOperations(diskOffering, {
    id: 'QueryDiskOffering',
    group: diskGroup,
    package: 'header.configuration',
    path: '/disk-offerings',
    since: '0.6',
    title: 'Query disk offerings',
    example: diskExample,
  }),
  ...queryOperations(instanceOffering, {
    id: 'QueryInstanceOffering',
    group,
    package: 'header.configuration',
    path: '/instance-offerings',
    since: '0.6',
    title: 'Query instance offerings',
    example,
  }),
];
