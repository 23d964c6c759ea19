import { Type as T } from 'typebox';
import { isHostAddress } from '../../../cloud/networks/subnet-plan.ts';
import { vmNic } from '../inventories/network.ts';
import { vmInstance } from '../inventories/vm-instance.ts';
import { textField, uuidField, uuidIn } from '../protocol/field-schemas.ts';
import { jobOperation } from '../protocol/operation.ts';
import { invalidArgument, operationFailed } from '../protocol/zstack-error.ts';
import { l3Example } from './l3-examples.ts';
import { l3NetworkNamed } from './l3-words.ts';
import { nicExample } from './nic-examples.ts';
import { nicQosOperations } from './nic-qos.ts';
import { nicNamed, nicParamsField, refuseNicParams } from './nic-words.ts';
import { creationExample, deletion } from './simple-operations.ts';
import { vmExample } from './vm-examples.ts';
import { inAllowedState } from './vm-words.ts';

const group = 'VM Instance';
const shared = { group, package: 'header.vm', since: '0.6', allow: 'member' } as const;

/** The states in which interfaces may be changed, as the dialect has them. */
const changeable = ['Running', 'Stopped', 'Paused'];

const attachL3NetworkToVm = jobOperation({
  ...shared,
  id: 'AttachL3NetworkToVm',
  method: 'POST',
  path: '/vm-instances/{vmInstanceUuid}/l3-networks/{l3NetworkUuid}',
  params: T.Object({
    vmInstanceUuid: T.String({ maxLength: 64, description: 'The server.' }),
    l3NetworkUuid: T.String({ maxLength: 64, description: 'The network.' }),
  }),
  body: T.Object({
    staticIp: textField('The address that it shall have.', 64),
    driverType: textField('Accepted: virtio.'),
    customMac: textField('Not offered.'),
    vmNicParams: nicParamsField,
  }),
  result: vmInstance,
  title: 'Give a server an interface in an L3 network',
  summary: 'Adds one interface with an address of the network.',
  examples: [
    creationExample('Attach', {}, vmExample, { vmInstanceUuid: vmExample.uuid, l3NetworkUuid: l3Example.uuid }),
  ],
  handle: async ({ cloud, subject, input }) => {
    refuseNicParams(input);
    const { vmInstanceUuid, l3NetworkUuid, staticIp } = input;
    await l3NetworkNamed(cloud, subject, 'l3NetworkUuid', l3NetworkUuid);
    const rule = {
      message: 'org.zstack.header.vm.APIAttachL3NetworkToVmMsg',
      allowed: changeable,
      code: 'SYS.1006',
    } as const;
    const wanted = {
      networkId: l3NetworkUuid,
      isOpen: true,
      ...(staticIp === undefined ? {} : { fixedIp: staticIp }),
    };
    const { actionId } = await inAllowedState(cloud, subject, vmInstanceUuid, rule, () =>
      cloud.servers.attachInterface(subject, vmInstanceUuid, wanted),
    );
    return { actionId, uuid: vmInstanceUuid };
  },
});

const detachL3NetworkFromVm = jobOperation({
  ...shared,
  id: 'DetachL3NetworkFromVm',
  method: 'DELETE',
  path: '/vm-instances/nics/{vmNicUuid}',
  params: uuidIn('vmNicUuid', 'The interface.'),
  result: vmInstance,
  title: 'Take an interface from a server',
  summary: 'The interface and its address go with it.',
  examples: [
    {
      title: 'Detach',
      params: { vmNicUuid: nicExample.uuid },
      status: 200,
      response: { inventory: { ...vmExample, vmNics: [] }, success: true },
    },
  ],
  handle: async ({ cloud, subject, input: { vmNicUuid } }) => {
    const { deviceId: serverId } = await nicNamed(cloud, subject, 'vmNicUuid', vmNicUuid);
    const rule = {
      message: 'org.zstack.header.vm.APIDetachL3NetworkFromVmMsg',
      allowed: changeable,
      code: 'SYS.1006',
    } as const;
    const { actionId } = await inAllowedState(cloud, subject, serverId, rule, () =>
      cloud.servers.detachInterface(subject, serverId, vmNicUuid),
    );
    return { actionId, uuid: serverId };
  },
});

const changeVmNicNetwork = jobOperation({
  ...shared,
  id: 'ChangeVmNicNetwork',
  method: 'POST',
  path: '/vm-instances/nics/{vmNicUuid}/l3-networks/{destL3NetworkUuid}',
  params: T.Object({
    vmNicUuid: T.String({ maxLength: 64, description: 'The interface.' }),
    destL3NetworkUuid: T.String({ maxLength: 64, description: 'The network that it shall be in.' }),
  }),
  body: T.Object({
    staticIp: textField('The address that it shall have there.', 64),
    vmNicParams: nicParamsField,
  }),
  result: vmNic,
  title: 'Put an interface into another L3 network',
  summary:
    'The interface stays the same, with an address of the network. A guest that runs sees it go and come back. Refused while an EIP stands for it.',
  examples: [
    creationExample('Any address', {}, nicExample, { vmNicUuid: nicExample.uuid, destL3NetworkUuid: l3Example.uuid }),
  ],
  handle: async ({ cloud, subject, input }) => {
    refuseNicParams(input);
    const { vmNicUuid, destL3NetworkUuid, staticIp } = input;
    const { deviceId: serverId } = await nicNamed(cloud, subject, 'vmNicUuid', vmNicUuid);
    const { subnets } = await l3NetworkNamed(cloud, subject, 'destL3NetworkUuid', destL3NetworkUuid);
    if (serverId === '') throw operationFailed(`vm nic[uuid:${vmNicUuid}] is not attached to any vm`);
    if (staticIp !== undefined && !subnets.some((subnet) => isHostAddress(subnet, staticIp))) {
      throw invalidArgument(`the static IP[${staticIp}] is not in L3 network[uuid:${destL3NetworkUuid}]`);
    }
    const rule = {
      message: 'org.zstack.header.vm.APIChangeVmNicNetworkMsg',
      allowed: ['Running', 'Stopped'],
      code: 'SYS.1006',
    } as const;
    const to = { networkId: destL3NetworkUuid, ...(staticIp !== undefined && { fixedIp: staticIp }) };
    const { actionId } = await inAllowedState(cloud, subject, serverId, rule, () =>
      cloud.servers.changeInterfaceNetwork(subject, serverId, vmNicUuid, to),
    );
    return { actionId, uuid: vmNicUuid };
  },
});

const createVmNic = jobOperation({
  ...shared,
  id: 'CreateVmNic',
  creates: 'port',
  method: 'POST',
  path: '/nics',
  body: T.Object({
    l3NetworkUuid: T.String({ maxLength: 64, description: 'The network.' }),
    ip: textField('The address that it shall have.', 64),
  }),
  result: vmNic,
  title: 'Create an interface',
  summary: 'Makes an interface with an address, to be given to a server.',
  examples: [
    creationExample('With any address', { l3NetworkUuid: l3Example.uuid }, { ...nicExample, vmInstanceUuid: '' }),
  ],
  handle: async ({ cloud, subject, input: { l3NetworkUuid, ip, resourceUuid } }) => {
    const { subnets } = await l3NetworkNamed(cloud, subject, 'l3NetworkUuid', l3NetworkUuid);
    const fixedIps = ip === undefined || !subnets[0] ? undefined : [{ ipAddress: ip }];
    const [port] = await cloud.networks.ports.create(subject, [
      { id: resourceUuid, networkId: l3NetworkUuid, deviceOwner: 'compute:zstack', fixedIps, isOpen: true },
    ]);
    return { uuid: port!.id };
  },
});

const attachVmNicToVm = jobOperation({
  ...shared,
  id: 'AttachVmNicToVm',
  method: 'POST',
  path: '/vm-instances/{vmInstanceUuid}/nices/{vmNicUuid}',
  params: T.Object({
    vmInstanceUuid: T.String({ maxLength: 64, description: 'The server.' }),
    vmNicUuid: T.String({ maxLength: 64, description: 'The interface.' }),
  }),
  body: T.Object({ l3NetworkUuid: uuidField('Accepted.') }),
  result: vmInstance,
  title: 'Give a server an interface that exists',
  summary: 'The interface keeps its address; taken from the server again it stays.',
  examples: [creationExample('Attach', {}, vmExample, { vmInstanceUuid: vmExample.uuid, vmNicUuid: nicExample.uuid })],
  handle: async ({ cloud, subject, input: { vmInstanceUuid, vmNicUuid } }) => {
    await nicNamed(cloud, subject, 'vmNicUuid', vmNicUuid);
    const rule = {
      message: 'org.zstack.header.vm.APIAttachVmNicToVmMsg',
      allowed: changeable,
      code: 'SYS.1006',
    } as const;
    const { actionId } = await inAllowedState(cloud, subject, vmInstanceUuid, rule, () =>
      cloud.servers.attachInterface(subject, vmInstanceUuid, { portId: vmNicUuid }),
    );
    return { actionId, uuid: vmInstanceUuid };
  },
});

export const nicOperations = [
  attachL3NetworkToVm,
  detachL3NetworkFromVm,
  createVmNic,
  attachVmNicToVm,
  changeVmNicNetwork,
  ...nicQosOperations,
  deletion({
    ...shared,
    id: 'DeleteVmNic',
    path: '/nics/{uuid}',
    title: 'Delete an interface',
    summary: 'Takes it from its server, if it has one.',
    example: nicExample,
    remove: async ({ cloud, subject, input: { uuid } }) => {
      const { deviceId } = await cloud.networks.ports.get(subject, uuid);
      if (deviceId === '') {
        await cloud.networks.ports.delete(subject, uuid);
        return undefined;
      }
      const { actionId } = await cloud.servers.detachInterface(subject, deviceId, uuid);
      return { actionId };
    },
  }),
];
