import { noteHost } from '../../../cloud/hosts/notes.ts';
import { removeHost } from '../../../cloud/hosts/removal.ts';
import { host, primaryStorage } from '../inventories/places.ts';
import { textField } from '../protocol/field-schemas.ts';
import { ZStackError } from '../protocol/zstack-error.ts';
import { readInventory } from '../query/query.ts';
import { updateAdded } from './added-primary-storage.ts';
import { storageExample } from './host-care.ts';
import { checkManagementIp, connecting } from './kvm-hosts.ts';
import { hostExample } from './place-changes.ts';
import { isOwnDisk, requireStorage } from './primary-storage-words.ts';
import { change, deletion } from './simple-operations.ts';

const shared = { since: '0.6', allow: 'admin' } as const;
const hosts = { ...shared, group: 'Host', package: 'header.host', example: hostExample } as const;
const storages = {
  ...shared,
  group: 'Primary Storage',
  package: 'header.storage.primary',
  example: storageExample,
} as const;

/** Refuses what would be another host, or another storage: hosts are parts of the machine that the cloud runs on. */
function refuseMove(field: string, asked: string | undefined, now: unknown): void {
  if (asked === undefined || asked === '' || asked === now) return;
  throw new ZStackError('SYS.1014', `the ${field}[${String(now)}] of a host of this machine can't be changed`);
}

/** Changing hosts and their storage, and taking them out of the cloud. */
export const hostChangeOperations = [
  change({
    ...hosts,
    id: 'UpdateHost',
    path: '/hosts/{uuid}/actions',
    result: host,
    title: 'Change a host',
    summary: 'Changes what a host is called here. OpenStack’s clients know it by the name that the machine has.',
    body: {
      managementIp: textField('The address at which it is managed: another one only for a host on another machine.'),
    },
    apply: async ({ cloud, input: { uuid, name, description } }, { managementIp }) => {
      const { managementAddress } = await cloud.hosts.get(uuid);
      const isFar = (await cloud.farHosts.place(uuid)) !== undefined;
      if (!isFar) refuseMove('managementIp', managementIp, managementAddress);
      else if (managementIp !== undefined && managementIp !== managementAddress) {
        checkManagementIp(managementIp);
        await connecting(() => cloud.farHosts.update(uuid, { address: managementIp }));
      }
      await noteHost(cloud, uuid, { name, description });
      return undefined;
    },
  }),
  deletion({
    ...hosts,
    id: 'DeleteHost',
    path: '/hosts/{uuid}',
    title: 'Delete a host',
    summary:
      'Takes a host that has neither servers nor volumes out of the cloud. It gives up the images and networks that it has, ' +
      'and only comes back where the cloud is started with --readmit-host.',
    remove: async ({ cloud, input: { uuid } }) => {
      await removeHost(cloud, uuid);
      return undefined;
    },
  }),
  change({
    ...storages,
    id: 'UpdatePrimaryStorage',
    path: '/primary-storage/{uuid}/actions',
    result: primaryStorage,
    title: 'Change a primary storage',
    summary: 'Changes its name or description, the folder of one that is not in use, or where an NFS server is.',
    body: {
      url: textField(
        'Where it is. Another folder only while no cluster has it and nothing lies in it; the same folder of an NFS server elsewhere only while no server runs on it.',
        2048,
      ),
    },
    apply: async ({ cloud, input: { uuid, name, description } }, { url }) => {
      if (!isOwnDisk(await requireStorage(cloud, 'uuid', uuid))) {
        await updateAdded(cloud, uuid, { name, description, url });
        return undefined;
      }
      const storage = await readInventory(cloud, primaryStorage, uuid);
      refuseMove('url', url, storage?.['url']);
      await noteHost(cloud, uuid, { storageName: name, storageDescription: description });
      return undefined;
    },
  }),
];
