import { isIPv4, isIPv6 } from 'node:net';
import { Type as T } from 'typebox';
import type { Cloud } from '../../../cloud/cloud.ts';
import type { Subject } from '../../../cloud/identity/subject.ts';
import type { Port } from '../../../cloud/networks/model.ts';
import { textField, uuidIn } from '../protocol/field-schemas.ts';
import { jobOperation } from '../protocol/operation.ts';
import { invalidArgument, ZStackError } from '../protocol/zstack-error.ts';
import { l3Example } from './l3-examples.ts';
import { l3NetworkNamed } from './l3-words.ts';
import { vmExample } from './vm-examples.ts';
import { inAllowedState } from './vm-words.ts';

const shared = { group: 'VM Instance', package: 'header.vm', since: '0.6', allow: 'member' } as const;
const byVm = uuidIn('vmInstanceUuid', 'The server.');
const l3Field = T.String({ maxLength: 64, description: 'The network of the interface.' });

const setVmStaticIp = jobOperation({
  ...shared,
  id: 'SetVmStaticIp',
  method: 'PUT',
  path: '/vm-instances/{vmInstanceUuid}/actions',
  params: byVm,
  body: T.Object({
    l3NetworkUuid: l3Field,
    ip: textField('Its IPv4 address from now on.', 64),
    ip6: textField('Its IPv6 address from now on.', 64),
    netmask: textField('Accepted: that of the network’s range.', 64),
    gateway: textField('Accepted: that of the network’s range.', 64),
    ipv6Gateway: textField('Accepted: that of the network’s range.', 64),
    ipv6Prefix: textField('Accepted: that of the network’s range.', 8),
  }),
  title: 'Set the static address of a server',
  summary:
    'Gives the server’s interface in a network the address that is named. A guest that runs is told of it by DHCP when it asks again.',
  examples: [
    {
      title: 'An IPv4 address',
      params: { vmInstanceUuid: vmExample.uuid },
      body: { setVmStaticIp: { l3NetworkUuid: l3Example.uuid, ip: '10.0.0.9' } },
      status: 200,
      response: {},
    },
  ],
  handle: async ({ cloud, subject, input }) => {
    const { vmInstanceUuid, l3NetworkUuid, ip, ip6 } = input;
    if (ip === undefined && ip6 === undefined)
      throw invalidArgument('could not set ip address, due to no ip address is specified');
    if (ip !== undefined && !isIPv4(ip)) throw invalidArgument(`[${ip}] is not a valid IPv4 address`);
    if (ip6 !== undefined && !isIPv6(ip6)) throw invalidArgument(`[${ip6}] is not a valid IPv6 address`);
    const rule = {
      message: 'org.zstack.header.vm.APISetVmStaticIpMsg',
      allowed: ['Running', 'Stopped'],
      code: 'SYS.1006',
    } as const;
    await inAllowedState(cloud, subject, vmInstanceUuid, rule, async () => {
      const nic = await interfaceIn(cloud, subject, vmInstanceUuid, l3NetworkUuid);
      const wanted = [ip, ip6].filter((address) => address !== undefined);
      const fixedIps = ({ fixedIps: before }: Port) => {
        const kept = before.filter(({ ipAddress }) => (isIPv6(ipAddress) ? ip6 : ip) === undefined);
        return [...kept.map(({ ipAddress }) => ipAddress), ...wanted].map((ipAddress) => ({ ipAddress }));
      };
      await cloud.networks.ports.update(subject, nic.id, { fixedIps });
      const tags = wanted.map((address) => `${noteOf(l3NetworkUuid)}${address}`);
      await replaceNotes(cloud, subject, vmInstanceUuid, l3NetworkUuid, tags);
    });
    return {};
  },
});

const deleteVmStaticIp = jobOperation({
  ...shared,
  id: 'DeleteVmStaticIp',
  method: 'DELETE',
  path: '/vm-instances/{vmInstanceUuid}/static-ips',
  params: byVm,
  query: T.Object({
    l3NetworkUuid: l3Field,
    staticIp: textField('The address; all of the network where left out.', 64),
  }),
  title: 'Forget the static address of a server',
  summary: 'The address is not said to be static any more. The interface keeps it until it is given another one.',
  examples: [
    {
      title: 'Forget',
      params: { vmInstanceUuid: vmExample.uuid },
      query: { l3NetworkUuid: l3Example.uuid },
      status: 200,
      response: {},
    },
  ],
  handle: async ({ cloud, subject, input: { vmInstanceUuid, l3NetworkUuid, staticIp } }) => {
    const rule = {
      message: 'org.zstack.header.vm.APIDeleteVmStaticIpMsg',
      allowed: ['Running', 'Stopped', 'Paused', 'Error'],
      code: 'SYS.1006',
    } as const;
    await inAllowedState(cloud, subject, vmInstanceUuid, rule, async () => {
      await interfaceIn(cloud, subject, vmInstanceUuid, l3NetworkUuid);
      await replaceNotes(cloud, subject, vmInstanceUuid, l3NetworkUuid, [], staticIp);
    });
    return {};
  },
});

async function interfaceIn(cloud: Cloud, subject: Subject, vmUuid: string, l3NetworkUuid: string): Promise<Port> {
  await l3NetworkNamed(cloud, subject, 'l3NetworkUuid', l3NetworkUuid);
  const ports = await cloud.networks.ports.list(subject, { filters: { deviceId: [vmUuid] } });
  const nic = ports.find(({ networkId }) => networkId === l3NetworkUuid);
  if (nic) return nic;
  throw new ZStackError('SYS.1007', `the VM[uuid:${vmUuid}] has no nic on the L3 network[uuid:${l3NetworkUuid}]`);
}

const noteOf = (l3NetworkUuid: string) => `staticIp::${l3NetworkUuid}::`;

/** Puts system tags in the place of those that name static addresses of the network, or only this one. */
async function replaceNotes(
  cloud: Cloud,
  subject: Subject,
  vmUuid: string,
  l3NetworkUuid: string,
  tags: readonly string[],
  only?: string,
): Promise<void> {
  const prefix = `${noteOf(l3NetworkUuid)}${only ?? ''}`;
  const fits = (tag: string) => (only === undefined ? tag.startsWith(prefix) : tag === prefix);
  const on = { kind: 'system', resourceType: 'server', resourceId: vmUuid } as const;
  await cloud.tags.renew(subject, on, fits, tags);
}

export const vmStaticIpOperations = [setVmStaticIp, deleteVmStaticIp];
