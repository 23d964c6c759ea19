import { Type as T } from 'typebox';
import { vmNic } from '../inventories/network.ts';
import { vmInstance } from '../inventories/vm-instance.ts';
import {
  descriptionField,
  oneOfField,
  optionalName,
  platforms,
  textField,
  uuidField,
  uuidIn,
} from '../protocol/field-schemas.ts';
import { jobOperation } from '../protocol/operation.ts';
import { ZStackError } from '../protocol/zstack-error.ts';
import { readInventory } from '../query/query.ts';
import { queryOperations } from '../query/query-operations.ts';
import { createVmInstance } from './create-vm-instance.ts';
import { vmExample } from './vm-examples.ts';
import { describeGuest } from './vm-guest.ts';
import { vmPowerOperations } from './vm-power.ts';
import { inAllowedState, stateOf } from './vm-words.ts';

const group = 'VM Instance';
const shared = { group, package: 'header.vm', since: '0.6', allow: 'member' } as const;
const byUuid = uuidIn('uuid', 'The server.');
const here = { uuid: vmExample.uuid };
const success = { inventory: vmExample, success: true };

const reimageVmInstance = jobOperation({
  ...shared,
  id: 'ReimageVmInstance',
  method: 'PUT',
  path: '/vm-instances/{vmInstanceUuid}/actions',
  since: '2.0',
  params: uuidIn('vmInstanceUuid', 'The server.'),
  result: vmInstance,
  title: 'Reimage a server',
  summary: 'Gives a stopped server a fresh root volume, made from the image that it was made from.',
  examples: [
    {
      title: 'Reimage',
      params: { vmInstanceUuid: vmExample.uuid },
      body: { reimageVmInstance: {} },
      status: 200,
      response: { inventory: { ...vmExample, state: 'Stopped' }, success: true },
    },
  ],
  handle: async ({ cloud, subject, input: { vmInstanceUuid: uuid } }) => {
    const rule = {
      message: 'org.zstack.header.vm.APIReimageVmInstanceMsg',
      allowed: ['Stopped'],
      code: 'SYS.1006',
    } as const;
    return await inAllowedState(cloud, subject, uuid, rule, async () => {
      const { imageId } = await cloud.servers.get(subject, uuid);
      if (!imageId) throw new ZStackError('SYS.1006', `vm[uuid:${uuid}] was not made from an image`);
      return { uuid, actionId: (await cloud.servers.rebuild(subject, uuid, { imageId })).actionId };
    });
  },
});

const updateVmInstance = jobOperation({
  ...shared,
  id: 'UpdateVmInstance',
  method: 'PUT',
  path: '/vm-instances/{uuid}/actions',
  params: byUuid,
  body: T.Object({
    name: optionalName,
    description: descriptionField,
    defaultL3NetworkUuid: uuidField('The network of its first interface; can not be changed here.'),
    platform: oneOfField(platforms, 'The kind of system in it.'),
    state: oneOfField(['Stopped', 'Running'], 'Its state; StartVmInstance and StopVmInstance change it.'),
    guestOsType: textField('The operating system in it.'),
    cpuNum: T.Optional(
      T.Integer({ minimum: 1, maximum: 1024, description: 'Processors; ChangeInstanceOffering changes them.' }),
    ),
    memorySize: T.Optional(
      T.Integer({ minimum: 1, description: 'Bytes of memory; ChangeInstanceOffering changes them.' }),
    ),
  }),
  result: vmInstance,
  title: 'Change a server',
  summary: 'Changes what is said of a server. What is left out stays as it is.',
  examples: [
    { title: 'Rename', params: here, body: { updateVmInstance: { name: 'web-1' } }, status: 200, response: success },
  ],
  handle: async ({ cloud, subject, input }) => {
    const { uuid, name, description } = input;
    await stateOf(cloud, subject, uuid);
    const now = await readInventory(cloud, vmInstance, uuid);
    for (const field of ['cpuNum', 'memorySize', 'defaultL3NetworkUuid', 'state'] as const) {
      if (input[field] === undefined || input[field] === now?.[field]) continue;
      throw new ZStackError('SYS.1014', `field[${field}] of a vm can't be changed by UpdateVmInstance in this cloud`);
    }
    await cloud.servers.update(subject, uuid, { name, description });
    await describeGuest(cloud, subject, uuid, input);
    return { uuid };
  },
});

const nicExample = { ...vmExample.vmNics[0]! };

export const vmInstanceOperations = [
  createVmInstance,
  ...vmPowerOperations,
  reimageVmInstance,
  updateVmInstance,
  ...queryOperations(vmInstance, {
    id: 'QueryVmInstance',
    group,
    package: 'header.vm',
    path: '/vm-instances',
    since: '0.6',
    title: 'Query servers',
    example: vmExample,
  }),
  ...queryOperations(vmNic, {
    id: 'QueryVmNic',
    group,
    package: 'header.vm',
    path: '/vm-instances/nics',
    since: '0.6',
    title: 'Query network interfaces of servers',
    example: nicExample,
  }),
];
