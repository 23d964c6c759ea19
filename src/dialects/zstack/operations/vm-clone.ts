import { Type as T } from 'typebox';
import type { Cloud } from '../../../cloud/cloud.ts';
import type { Subject } from '../../../cloud/identity/subject.ts';
import type { Server } from '../../../cloud/servers/model.ts';
import { newId } from '../../../env/env.ts';
import { vmInstance } from '../inventories/vm-instance.ts';
import { booleanField, oneOfField, textField, uuidField, uuidIn } from '../protocol/field-schemas.ts';
import { jobOperation } from '../protocol/operation.ts';
import { operationFailed, ZStackError } from '../protocol/zstack-error.ts';
import { inventorySchema } from '../query/inventory-schema.ts';
import { readInventory } from '../query/query.ts';
import { ended } from './vm-data-volumes.ts';
import { vmExample } from './vm-examples.ts';
import { inAllowedState } from './vm-words.ts';

const clone = { ...vmExample, uuid: '4c0d2d1f3b7e4f8f9a6b2e3d4c5f6a71', name: 'web-2' };
const accepted = (what: string) => T.Optional(T.Array(textField(what), { maxItems: 100, description: what }));

export const cloneVmInstance = jobOperation({
  id: 'CloneVmInstance',
  group: 'VM Instance',
  package: 'header.vm',
  method: 'PUT',
  path: '/vm-instances/{vmInstanceUuid}/actions',
  since: '2.0',
  allow: 'member',
  timeoutSeconds: 72 * 3600,
  params: uuidIn('vmInstanceUuid', 'The server that is to be cloned.'),
  body: T.Object({
    names: T.Array(T.String({ minLength: 1, maxLength: 255 }), {
      minItems: 1,
      maxItems: 24,
      description: 'The names of the clones: one clone for each.',
    }),
    strategy: oneOfField(['InstantStart', 'JustCreate', 'CreateStopped'], 'InstantStart, the only one offered.'),
    full: booleanField('Whether its data volumes are cloned too.'),
    primaryStorageUuidForRootVolume: uuidField('Accepted: the storage of the host that is chosen.'),
    primaryStorageUuidForDataVolume: uuidField('Accepted: the storage of the host that is chosen.'),
    clusterUuid: uuidField('Accepted: the host is chosen by this cloud.'),
    hostUuid: uuidField('Accepted: the host is chosen by this cloud.'),
    rootVolumeSystemTags: accepted('Accepted.'),
    dataVolumeSystemTags: accepted('Accepted.'),
  }),
  response: T.Object({
    result: T.Object({
      numberOfClonedVm: T.Integer(),
      inventories: T.Array(T.Object({ inventory: T.Optional(inventorySchema(vmInstance)) })),
    }),
  }),
  answer: clonesOf,
  title: 'Clone a server',
  summary:
    'Makes servers like it: of its size, in its networks with addresses of their own, and with a copy of its root volume as that is at one moment. It may run meanwhile.',
  examples: [
    {
      title: 'Once',
      params: { vmInstanceUuid: vmExample.uuid },
      body: { cloneVmInstance: { names: ['web-2'] } },
      status: 200,
      response: { result: { numberOfClonedVm: 1, inventories: [{ inventory: clone }] } },
    },
  ],
  handle: async ({ cloud, subject, input: { vmInstanceUuid: uuid, names, strategy = 'InstantStart', full } }) => {
    if (strategy !== 'InstantStart') {
      throw new ZStackError('SYS.1014', `the strategy[${strategy}] is not offered by this cloud`);
    }
    const rule = {
      message: 'org.zstack.header.vm.APICloneVmInstanceMsg',
      allowed: ['Running', 'Stopped', 'Paused'],
      code: 'SYS.1006',
    } as const;
    return await inAllowedState(cloud, subject, uuid, rule, async () => {
      const origin = await cloud.servers.get(subject, uuid);
      if (origin.imageId === null) {
        throw new ZStackError('SYS.1014', `vm[uuid:${uuid}] boots from a volume, and can't be cloned in this cloud`);
      }
      const volumes = full ? await cloud.blockStorage.attachedTo(subject, uuid) : [];
      const template = { name: `clone-of-${origin.name}`, properties: { ...origin.hardware } };
      const { image, actionId } = await cloud.servers.createImage(subject, uuid, template);
      const clones = names.map((name) => ({ name, id: newId(cloud.env) }));
      const sourceVolumeIds = volumes.map(({ id }) => id);
      const afterwards = () => makeClones(cloud, subject, origin, { imageId: image.id, clones, sourceVolumeIds });
      return { actionId, uuid: clones.map(({ id }) => id).join(), afterwards };
    });
  },
});

interface Plan {
  /** Of the root volume. Deleted once the clones are made of it. */
  imageId: string;
  clones: ReadonlyArray<{ name: string; id: string }>;
  sourceVolumeIds: readonly string[];
}

/** All of the clones, or none of them. */
async function makeClones(cloud: Cloud, subject: Subject, origin: Server, plan: Plan): Promise<void> {
  const { imageId, clones, sourceVolumeIds } = plan;
  // What a project makes is its own, also where an administrator asks for it.
  const owner = { ...subject, projectId: origin.projectId };
  const ports = await cloud.networks.ports.list(owner, { filters: { deviceId: [origin.id] } });
  const zone = (await cloud.zones.names()).get(origin.zoneId);
  const flavor = { ...origin.flavor, description: null, rxtxFactor: 1, isPublic: false, enabled: true };
  const size = { ...flavor, createdAt: 0, updatedAt: 0 };
  const groups = [...new Set(ports.flatMap(({ securityGroupIds }) => securityGroupIds))];
  try {
    for (const { id, name } of clones) {
      const [made] = await cloud.servers.create(owner, {
        ...{ id, name, imageId, zone, flavorId: origin.flavor.id, flavor: size, configDrive: origin.hasConfigDrive },
        networks: ports.length > 0 ? ports.map(({ networkId }) => ({ networkId })) : 'none',
        securityGroups: groups,
        metadata: origin.metadata,
        userData: origin.userData ?? undefined,
      });
      if (origin.keyName !== null) await cloud.servers.setKey(owner, id, origin.keyName).catch(() => undefined);
      await ended(cloud, made!.actionId);
      for (const sourceVolumeId of sourceVolumeIds) await cloneVolume(cloud, owner, id, name, sourceVolumeId);
    }
  } catch (error) {
    for (const { id } of clones) await cloud.servers.delete(owner, id).catch(() => undefined);
    throw error;
  } finally {
    await cloud.images.delete(owner, imageId).catch(() => undefined);
  }
}

async function cloneVolume(cloud: Cloud, owner: Subject, serverId: string, name: string, sourceVolumeId: string) {
  const made = await cloud.blockStorage.create(owner, { name: `DATA-for-${name}`, sourceVolumeId });
  await ended(cloud, made.actionId);
  await ended(cloud, (await cloud.blockStorage.attach(owner, serverId, { volumeId: made.volume.id })).actionId);
}

/** @param uuids of the clones, parted by commas */
async function clonesOf(cloud: Cloud, uuids: string): Promise<Record<string, unknown>> {
  const found = await Promise.all(uuids.split(',').map((uuid) => readInventory(cloud, vmInstance, uuid)));
  const inventories = found.filter((one) => one !== undefined).map((inventory) => ({ inventory }));
  if (inventories.length === 0) throw operationFailed('the clones are gone already');
  return { result: { numberOfClonedVm: inventories.length, inventories } };
}
