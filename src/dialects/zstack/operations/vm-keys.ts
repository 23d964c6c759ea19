import { Type as T } from 'typebox';
import { sshKeyPair } from '../inventories/ssh-key-pair.ts';
import { vmInstance } from '../inventories/vm-instance.ts';
import { uuidIn } from '../protocol/field-schemas.ts';
import { jobOperation, syncOperation } from '../protocol/operation.ts';
import { operationFailed } from '../protocol/zstack-error.ts';
import { keyPairNamed, sshKeyPairExample } from './ssh-key-pairs.ts';
import { vmExample } from './vm-examples.ts';
import { keyNameFor } from './vm-placement.ts';
import { stateOf } from './vm-words.ts';

const shared = { group: 'VM Instance', package: 'header.vm', since: '0.6', allow: 'member' } as const;
const pairs = { group: 'SSH Key Pair', package: 'header.sshkeypair', since: '4.7.21', allow: 'member' } as const;
const byUuid = uuidIn('uuid', 'The server.');
const here = { uuid: vmExample.uuid };
const both = T.Object({
  sshKeyPairUuid: T.String({ maxLength: 64, description: 'The key pair.' }),
  vmInstanceUuid: T.String({ maxLength: 64, description: 'The server.' }),
});
const ofBoth = { sshKeyPairUuid: sshKeyPairExample.uuid, vmInstanceUuid: vmExample.uuid };

const setVmSshKey = jobOperation({
  ...shared,
  id: 'SetVmSshKey',
  method: 'PUT',
  path: '/vm-instances/{uuid}/actions',
  params: byUuid,
  body: T.Object({ SshKey: T.String({ minLength: 1, maxLength: 4096, description: 'The public key.' }) }),
  result: vmInstance,
  title: 'Set the SSH key of a server',
  summary: 'The guest is told of the key by metadata, which most systems read when they are set up anew.',
  examples: [
    {
      title: 'Set',
      params: here,
      body: { setVmSshKey: { SshKey: sshKeyPairExample.publicKey } },
      status: 200,
      response: { inventory: vmExample, success: true },
    },
  ],
  handle: async ({ cloud, subject, input: { uuid, SshKey } }) => {
    await stateOf(cloud, subject, uuid);
    await cloud.servers.setKey(subject, uuid, await keyNameFor(cloud, subject, SshKey));
    return { uuid };
  },
});

const getVmSshKey = syncOperation({
  ...shared,
  allow: 'reader',
  id: 'GetVmSshKey',
  method: 'GET',
  path: '/vm-instances/{uuid}/ssh-keys',
  params: byUuid,
  response: T.Object({ sshKey: T.Optional(T.String()) }),
  title: 'Get the SSH key of a server',
  summary: 'The public key that its guest is told of.',
  examples: [{ title: 'Get', params: here, status: 200, response: { sshKey: sshKeyPairExample.publicKey } }],
  handle: async ({ cloud, subject, input: { uuid } }) => {
    await stateOf(cloud, subject, uuid);
    const { publicKey } = await cloud.servers.get(subject, uuid);
    return publicKey === null ? {} : { sshKey: publicKey };
  },
});

const deleteVmSshKey = jobOperation({
  ...shared,
  id: 'DeleteVmSshKey',
  method: 'DELETE',
  path: '/vm-instances/{uuid}/ssh-keys',
  params: byUuid,
  title: 'Delete the SSH key of a server',
  summary: 'The guest is told of no key any more. What it has taken over already it keeps.',
  examples: [{ title: 'Delete', params: here, status: 200, response: {} }],
  handle: async ({ cloud, subject, input: { uuid } }) => {
    await stateOf(cloud, subject, uuid);
    await cloud.servers.setKey(subject, uuid, null);
    return {};
  },
});

const attachSshKeyPair = jobOperation({
  ...pairs,
  id: 'AttachSshKeyPairToVmInstance',
  method: 'POST',
  path: '/ssh-key-pair/{sshKeyPairUuid}/vm-instance/{vmInstanceUuid}',
  params: both,
  result: sshKeyPair,
  title: 'Give a server the key of a key pair',
  summary: 'In the place of any other one: a server has one key here. Its guest is told of it by metadata.',
  examples: [
    {
      title: 'Attach',
      params: ofBoth,
      body: { params: {} },
      status: 200,
      response: { inventory: sshKeyPairExample, success: true },
    },
  ],
  handle: async ({ cloud, subject, input: { sshKeyPairUuid, vmInstanceUuid } }) => {
    await stateOf(cloud, subject, vmInstanceUuid, 'vmInstanceUuid');
    const pair = await keyPairNamed(cloud, subject, [sshKeyPairUuid], 'sshKeyPairUuid');
    await cloud.servers.setKey(subject, vmInstanceUuid, pair!.name);
    return { uuid: sshKeyPairUuid };
  },
});

const detachSshKeyPair = jobOperation({
  ...pairs,
  id: 'DetachSshKeyPairFromVmInstance',
  method: 'DELETE',
  path: '/ssh-key-pair/{sshKeyPairUuid}/vm-instance/{vmInstanceUuid}',
  params: both,
  title: 'Take the key of a key pair from a server',
  summary: 'The guest is told of no key any more. What it has taken over already it keeps.',
  examples: [{ title: 'Detach', params: ofBoth, status: 200, response: {} }],
  handle: async ({ cloud, subject, input: { sshKeyPairUuid, vmInstanceUuid } }) => {
    await stateOf(cloud, subject, vmInstanceUuid, 'vmInstanceUuid');
    const pair = await keyPairNamed(cloud, subject, [sshKeyPairUuid], 'sshKeyPairUuid');
    const { keyName } = await cloud.servers.get(subject, vmInstanceUuid);
    if (keyName !== pair!.name) {
      throw operationFailed(`ssh key pair[uuid:${sshKeyPairUuid}] is not attached to vm[uuid:${vmInstanceUuid}]`);
    }
    await cloud.servers.setKey(subject, vmInstanceUuid, null);
    return {};
  },
});

export const vmKeyOperations = [setVmSshKey, getVmSshKey, deleteVmSshKey, attachSshKeyPair, detachSshKeyPair];
