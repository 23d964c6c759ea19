import { Type as T } from 'typebox';
import type { Cloud } from '../../../cloud/cloud.ts';
import { CloudError } from '../../../cloud/errors.ts';
import type { Subject } from '../../../cloud/identity/subject.ts';
import type { Keypair } from '../../../cloud/keypairs/model.ts';
import { sshKeyPair } from '../inventories/ssh-key-pair.ts';
import { descriptionField, nameField, uuidIn } from '../protocol/field-schemas.ts';
import { jobOperation, syncOperation } from '../protocol/operation.ts';
import { formatTimestamp } from '../protocol/timestamp.ts';
import { invalidArgument, resourceNotFound } from '../protocol/zstack-error.ts';
import { ofClass } from '../query/java-classes.ts';
import { queryOperations } from '../query/query-operations.ts';
import { change } from './simple-operations.ts';

const group = 'SSH Key Pair';
const shared = { group, package: 'header.sshkeypair', since: '4.7.21', allow: 'member' } as const;
/** The key pair of the examples. */
export const sshKeyPairExample = {
  uuid: 'aa7c6b5d4e3f42108796a5b4c3d2e1f0',
  name: 'laptop',
  publicKey: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1n0oFh0o6kG9m3hT1B3x7mQ2pYw8bq1sVd5oE0u0aX alice@laptop',
  createDate: 'Nov 21, 2026 2:00:00 PM',
  lastOpDate: 'Nov 21, 2026 2:00:00 PM',
};

const createSshKeyPair = jobOperation({
  ...shared,
  id: 'CreateSshKeyPair',
  creates: 'untagged',
  method: 'POST',
  path: '/ssh-key-pair',
  body: T.Object({
    name: nameField,
    description: descriptionField,
    publicKey: T.String({ minLength: 1, maxLength: 4096, description: 'The public key, as OpenSSH writes it.' }),
  }),
  result: sshKeyPair,
  title: 'Create an SSH key pair',
  summary: 'Imports a public key, to be put on new servers.',
  examples: [
    {
      title: 'Import a key',
      body: { params: { name: sshKeyPairExample.name, publicKey: sshKeyPairExample.publicKey } },
      status: 200,
      response: { inventory: sshKeyPairExample, success: true },
    },
  ],
  handle: async ({ cloud, subject, input: { resourceUuid: id, name, description, publicKey } }) => {
    const wanted = { id, name, description, publicKey };
    const { keypair } = await taken(name, () => cloud.keypairs.create(subject, wanted));
    return { uuid: keypair.id };
  },
});

const generateSshKeyPair = syncOperation({
  ...shared,
  id: 'GenerateSshKeyPair',
  method: 'POST',
  path: '/ssh-key-pair/generate',
  body: T.Object({ name: nameField, description: descriptionField }),
  response: T.Object({
    inventory: T.Object(
      {
        uuid: T.String(),
        name: T.String(),
        description: T.Optional(T.String()),
        publicKey: T.String(),
        privateKey: T.String({ description: 'Given this once, and kept nowhere.' }),
        createDate: T.String(),
        lastOpDate: T.String(),
      },
      ofClass('org.zstack.header.sshkeypair.SshPrivateKeyPairInventory'),
    ),
  }),
  title: 'Generate an SSH key pair',
  summary: 'Makes a pair, keeps the public key and gives the private key this once.',
  examples: [
    {
      title: 'Generate',
      body: { params: { name: sshKeyPairExample.name } },
      status: 200,
      response: { inventory: { ...sshKeyPairExample, privateKey: '-----BEGIN OPENSSH PRIVATE KEY-----\n…' } },
    },
  ],
  handle: async ({ cloud, subject, input: { name, description } }) => {
    const { keypair, privateKey } = await taken(name, () => cloud.keypairs.create(subject, { name, description }));
    const { id, publicKey, createdAt } = keypair;
    const date = formatTimestamp(createdAt);
    return { inventory: { uuid: id, name, description, publicKey, privateKey, createDate: date, lastOpDate: date } };
  },
});

const deleteSshKeyPair = jobOperation({
  ...shared,
  id: 'DeleteSshKeyPair',
  method: 'DELETE',
  path: '/ssh-key-pair/{uuid}',
  params: uuidIn('uuid', 'The key pair.'),
  title: 'Delete an SSH key pair',
  summary: 'Forgets a key pair. Servers that have the key keep it.',
  examples: [{ title: 'Delete', params: { uuid: sshKeyPairExample.uuid }, status: 200, response: {} }],
  handle: async ({ cloud, subject, input: { uuid } }) => {
    const found = (await cloud.keypairs.list(subject)).find(({ id }) => id === uuid);
    if (found) await cloud.keypairs.delete(subject, found.name);
    return {};
  },
});

async function taken<Result>(name: string, create: () => Promise<Result>): Promise<Result> {
  try {
    return await create();
  } catch (error) {
    if (!(error instanceof CloudError) || error.code !== 'duplicate') throw error;
    throw invalidArgument(`there is an SSH key pair of the name[${name}] already`);
  }
}

/** The user's key pair that is to be put on a server: only one can be. */
export async function keyPairNamed(
  cloud: Cloud,
  subject: Subject,
  uuids: readonly string[],
  field = 'sshKeyPairUuids',
): Promise<Keypair | undefined> {
  if (uuids.length > 1) throw invalidArgument('sshKeyPairUuids can have one element only in this cloud');
  const [uuid] = uuids;
  if (uuid === undefined) return undefined;
  const found = (await cloud.keypairs.list(subject)).find(({ id }) => id === uuid);
  if (!found) throw resourceNotFound(field, uuid, 'SshKeyPairVO');
  return found;
}

export const sshKeyPairOperations = [
  createSshKeyPair,
  generateSshKeyPair,
  change({
    ...shared,
    id: 'UpdateSshKeyPair',
    path: '/ssh-key-pair/{uuid}/actions',
    result: sshKeyPair,
    title: 'Change an SSH key pair',
    summary: 'Changes its name or description. Servers that have the key know it by its new name.',
    example: sshKeyPairExample,
    apply: async ({ cloud, subject, input: { uuid, name, description } }) => {
      await taken(name ?? '', () => cloud.keypairs.update(subject, uuid, { name, description }));
      return undefined;
    },
  }),
  deleteSshKeyPair,
  ...queryOperations(sshKeyPair, {
    id: 'QuerySshKeyPair',
    group,
    package: 'header.sshkeypair',
    path: '/ssh-key-pair',
    since: '4.7.21',
    title: 'Query SSH key pairs',
    example: sshKeyPairExample,
  }),
];
