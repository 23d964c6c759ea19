import { isIPv4 } from 'node:net';
import { Type as T } from 'typebox';
import { CloudError } from '../../../cloud/errors.ts';
import { noteHost } from '../../../cloud/hosts/notes.ts';
import { host } from '../inventories/places.ts';
import { descriptionField, nameField, optionalName, uuidIn } from '../protocol/field-schemas.ts';
import { jobOperation } from '../protocol/operation.ts';
import { invalidArgument, operationFailed, resourceNotFound, ZStackError } from '../protocol/zstack-error.ts';
import { hostExample } from './place-changes.ts';
import { creationExample } from './simple-operations.ts';

const shared = { group: 'Host', package: 'kvm', since: '0.9', allow: 'admin', dryRun: false } as const;
const text = (description: string) => T.String({ minLength: 1, maxLength: 255, description });
const sshPort = T.Optional(
  T.Integer({ minimum: 1, maximum: 65_535, description: 'The port of its SSH server. Default: 22.' }),
);
/** A host on another machine, as the examples show it. */
const farExample = {
  ...hostExample,
  uuid: '2b9f6d0a4c8e4f1b9a7d5e3c1b0a9f8e',
  name: 'host-2',
  managementIp: '192.0.2.12',
  username: 'root',
  sshPort: 22,
};

/** Says in the dialect's words why a machine can't be reached, or can't be a host. */
export async function connecting<Result>(work: () => Promise<Result>, clusterUuid = ''): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof CloudError)) throw error;
    const { reason } = error.details;
    if (reason === 'unreachable') throw operationFailed(`failed to connect to the host, ${error.message}`);
    if (reason === 'no_such_cluster') throw resourceNotFound('clusterUuid', clusterUuid, 'ClusterVO');
    if (reason === 'networks_end_here') throw operationFailed(error.message);
    if (error.code === 'duplicate') throw new ZStackError('SYS.1006', error.message);
    throw error;
  }
}

/** Guests' frames go to the address, so it is one, and not this machine's own. */
export function checkManagementIp(address: string): void {
  if (isIPv4(address) && !address.startsWith('127.') && address !== '0.0.0.0') return;
  throw invalidArgument(`managementIp[${address}] is not an IPv4 address of another machine`);
}

const add = jobOperation({
  ...shared,
  id: 'AddKVMHost',
  creates: 'untagged',
  method: 'POST',
  path: '/hosts/kvm',
  body: T.Object({
    name: nameField,
    description: descriptionField,
    managementIp: text('The IPv4 address of the machine.'),
    clusterUuid: T.String({ maxLength: 64, description: 'The cluster that it is to be in.' }),
    username: text('As whom it is logged in to by SSH: root, or somebody who may become it by sudo.'),
    password: text('The password of that user.'),
    sshPort,
  }),
  result: host,
  title: 'Add a KVM host',
  summary:
    'Makes another machine a host: logs in to it by SSH, installs what guests need, puts the agent there and starts it. The machine is known by its host key from then on.',
  examples: [
    creationExample(
      'A machine in the rack',
      {
        name: 'host-2',
        managementIp: '192.0.2.12',
        clusterUuid: hostExample.clusterUuid,
        username: 'root',
        password: 'password',
        sshPort: 22,
      },
      farExample,
    ),
  ],
  handle: async ({ cloud, input }) => {
    const { resourceUuid: id, name, description, managementIp, clusterUuid, username, password } = input;
    checkManagementIp(managementIp);
    const place = { address: managementIp, port: input.sshPort ?? 22, user: username };
    const wanted = { id, name, description, clusterId: clusterUuid, ...place, password };
    const added = await connecting(() => cloud.farHosts.add(wanted), clusterUuid);
    return { uuid: added.id };
  },
});

const update = jobOperation({
  ...shared,
  id: 'UpdateKVMHost',
  method: 'PUT',
  path: '/hosts/kvm/{uuid}/actions',
  params: uuidIn('uuid', 'The host.'),
  body: T.Object({
    name: optionalName,
    description: descriptionField,
    managementIp: T.Optional(text('The address of the machine, whose host key is trusted anew.')),
    username: T.Optional(text('As whom it is logged in to by SSH.')),
    password: T.Optional(text('The password of that user.')),
    sshPort,
  }),
  result: host,
  title: 'Change a KVM host',
  summary:
    'Changes its name or description, or how its machine is reached: refused where that fails now. Naming the address again also accepts its new host key.',
  examples: [
    {
      title: 'Another password',
      params: { uuid: farExample.uuid },
      body: { updateKVMHost: { password: 'password' } },
      status: 200,
      response: { inventory: farExample, success: true },
    },
  ],
  handle: async ({ cloud, input }) => {
    const { uuid, name, description, managementIp: address, username: user, password, sshPort: port } = input;
    await cloud.hosts.get(uuid);
    const given = Object.entries({ address, user, password, port }).filter(([, value]) => value !== undefined);
    if (given.length > 0) {
      if (!(await cloud.farHosts.place(uuid)))
        throw operationFailed(
          `host[uuid:${uuid}] is a part of the machine that the cloud runs on, it is not logged in to`,
        );
      if (address !== undefined) checkManagementIp(address);
      await connecting(() => cloud.farHosts.update(uuid, Object.fromEntries(given)));
    }
    await noteHost(cloud, uuid, { name, description });
    return { uuid };
  },
});

/** Hosts on other machines. */
export const kvmHostOperations = [add, update];
