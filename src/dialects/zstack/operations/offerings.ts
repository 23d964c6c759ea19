import { Type as T } from 'typebox';
import { CloudError } from '../../../cloud/errors.ts';
import { mebibyte } from '../inventories/common.ts';
import { instanceOffering } from '../inventories/offering.ts';
import { descriptionField, nameField, textField, uuidIn } from '../protocol/field-schemas.ts';
import { jobOperation } from '../protocol/operation.ts';
import { invalidArgument } from '../protocol/zstack-error.ts';
import { queryOperations } from '../query/query-operations.ts';
import { requireUuid } from './images.ts';

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

export const offeringOperations = [
  createInstanceOffering,
  deleteInstanceOffering,
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
