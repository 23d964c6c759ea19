import type { Cloud } from '../../../cloud/cloud.ts';
import { CloudError } from '../../../cloud/errors.ts';
import type { Subject } from '../../../cloud/identity/subject.ts';
import type { Server } from '../../../cloud/servers/model.ts';
import { vmInstance } from '../inventories/vm-instance.ts';
import { volumeSnapshot } from '../inventories/volume-snapshot.ts';
import { uuidIn } from '../protocol/field-schemas.ts';
import { jobOperation } from '../protocol/operation.ts';
import { resourceNotFound } from '../protocol/zstack-error.ts';
import { inventoriesWith } from '../query/query.ts';
import { requireUuid } from './images.ts';
import { ended } from './vm-data-volumes.ts';
import { vmExample } from './vm-examples.ts';
import { inAllowedState } from './vm-words.ts';

const shared = { group: 'VM Instance', package: 'header.vm', since: '0.6', allow: 'member' } as const;
const byUuid = uuidIn('uuid', 'The server.');
const here = { uuid: vmExample.uuid };

const destroyVmInstance = jobOperation({
  ...shared,
  id: 'DestroyVmInstance',
  method: 'DELETE',
  path: '/vm-instances/{uuid}',
  params: byUuid,
  title: 'Destroy a server',
  summary:
    'Ends a server. Where the cloud keeps deleted servers for a while, RecoverVmInstance brings it back until then; else its root volume is removed at once. One that is not there is destroyed already.',
  examples: [{ title: 'Destroy', params: here, status: 200, response: {} }],
  handle: async ({ cloud, subject, input: { uuid } }) => {
    requireUuid(uuid);
    try {
      const { vmState, rootVolumeId } = await cloud.servers.get(subject, uuid);
      if (vmState === 'soft-delete') return {};
      const { actionId } = await cloud.servers.delete(subject, uuid);
      return { actionId, afterwards: () => dropSnapshots(cloud, subject, uuid, rootVolumeId) };
    } catch (error) {
      if (error instanceof CloudError && error.code === 'not_found') return {};
      throw error;
    }
  },
});

const recoverVmInstance = jobOperation({
  ...shared,
  id: 'RecoverVmInstance',
  method: 'PUT',
  path: '/vm-instances/{uuid}/actions',
  params: byUuid,
  result: vmInstance,
  title: 'Recover a server',
  summary: 'Brings a destroyed server back, stopped, with its disks and addresses. Only until it is expunged.',
  examples: [
    {
      title: 'Recover',
      params: here,
      body: { recoverVmInstance: {} },
      status: 200,
      response: { inventory: { ...vmExample, state: 'Stopped' }, success: true },
    },
  ],
  handle: async ({ cloud, subject, input: { uuid } }) => {
    const rule = {
      message: 'org.zstack.header.vm.APIRecoverVmInstanceMsg',
      allowed: ['Destroyed'],
      code: 'SYS.1006',
    } as const;
    return await inAllowedState(cloud, subject, uuid, rule, async () => {
      return { uuid, actionId: (await cloud.servers.restore(subject, uuid, { start: false })).actionId };
    });
  },
});

const expungeVmInstance = jobOperation({
  ...shared,
  id: 'ExpungeVmInstance',
  method: 'PUT',
  path: '/vm-instances/{uuid}/actions',
  params: byUuid,
  title: 'Expunge a server',
  summary:
    'Removes a destroyed server and its root volume for good. Where destroying has left nothing of it, this confirms it.',
  examples: [{ title: 'Expunge', params: here, body: { expungeVmInstance: {} }, status: 200, response: {} }],
  handle: async ({ cloud, subject, input: { uuid } }) => {
    const { deletedAt, rootVolumeId } = await destroyedToo(cloud, subject, uuid);
    if (deletedAt !== null) return {};
    const rule = {
      message: 'org.zstack.header.vm.APIExpungeVmInstanceMsg',
      allowed: ['Destroyed', 'Destroying'],
      code: 'SYS.1006',
    } as const;
    return await inAllowedState(cloud, subject, uuid, rule, async () => {
      // While it is being deleted for good there is nothing to do but to let it.
      const { actionId } = await cloud.servers.forceDelete(subject, uuid);
      return { actionId, afterwards: () => dropSnapshots(cloud, subject, uuid, rootVolumeId) };
    });
  },
});

/** To the dialect the snapshots of a root volume go with it. A server that can still be recovered keeps them. */
async function dropSnapshots(cloud: Cloud, subject: Subject, uuid: string, volumeId: string | null): Promise<void> {
  if (!volumeId || (await cloud.servers.byId(uuid)).deletedAt === null) return;
  const inventories = await inventoriesWith(cloud, volumeSnapshot, subject, [`volumeUuid=${volumeId}`]);
  if (await cloud.volumes.get(subject, volumeId).catch(() => undefined)) return;
  for (const { uuid: snapshotId } of inventories) {
    const { actionId } = await cloud.blockStorage.deleteSnapshot(subject, String(snapshotId));
    if (actionId) await ended(cloud, actionId);
  }
}

/** The subject's server, also when nothing is left of it but the memory. */
async function destroyedToo(cloud: Cloud, subject: Subject, uuid: string): Promise<Server> {
  const server = await cloud.servers.byId(uuid).catch(() => undefined);
  if (!server || (!subject.isAdmin && server.projectId !== subject.projectId)) {
    throw resourceNotFound('uuid', uuid, 'VmInstanceVO');
  }
  return server;
}

export const vmDestructionOperations = [destroyVmInstance, recoverVmInstance, expungeVmInstance];
