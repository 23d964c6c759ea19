import { Type as T } from 'typebox';
import type { Cloud } from '../../../cloud/cloud.ts';
import type { Subject } from '../../../cloud/identity/subject.ts';
import { booleanField } from '../protocol/field-schemas.ts';
import { jobOperation } from '../protocol/operation.ts';
import { resourceNotFound, ZStackError } from '../protocol/zstack-error.ts';
import { imageExample } from './image-examples.ts';
import { l3Example } from './l3-examples.ts';

const shared = {
  group: 'Account',
  package: 'header.identity',
  since: '0.6',
  allow: 'admin',
  ofUsers: 'never',
} as const;
const uuids = (description: string) => T.Optional(T.Array(T.String({ maxLength: 64 }), { maxItems: 100, description }));
const resourceUuids = T.Array(T.String({ maxLength: 64 }), {
  minItems: 1,
  maxItems: 100,
  description: 'The resources.',
});

/** How resources of a type are shown to other accounts: to all of them, or to some. */
interface Sharing {
  toPublic(isPublic: boolean): Promise<unknown>;
  add(projectId: string): Promise<unknown>;
  remove(projectId: string): Promise<unknown>;
  projects(): Promise<string[]>;
}

const networkPolicy = (objectId: string) => ({ objectType: 'network', objectId, action: 'access_as_shared' }) as const;

/** Networks and images can be shared; offerings are everybody's already. */
async function sharingOf(cloud: Cloud, subject: Subject, uuid: string): Promise<Sharing> {
  const { networks, rbacPolicies } = cloud.networks;
  const network = await networks.get(subject, uuid).catch(() => undefined);
  if (network) {
    const policies = async () => (await rbacPolicies.list(subject)).filter(({ objectId }) => objectId === uuid);
    return {
      toPublic: (isPublic) => networks.update(subject, uuid, { shared: isPublic }),
      add: (targetProject) => rbacPolicies.create(subject, [{ ...networkPolicy(uuid), targetProject }]),
      async remove(projectId) {
        const own = (await policies()).find(({ targetProject }) => targetProject === projectId);
        if (own) await rbacPolicies.delete(subject, own.id);
      },
      projects: async () => (await policies()).map(({ targetProject }) => targetProject).filter((id) => id !== '*'),
    };
  }
  const image = await cloud.images.get(subject, uuid).catch(() => undefined);
  if (image) {
    const { members } = cloud.images;
    return {
      toPublic: (isPublic) => cloud.images.update(subject, uuid, { visibility: isPublic ? 'public' : 'private' }),
      async add(projectId) {
        if (image.visibility === 'private') await cloud.images.update(subject, uuid, { visibility: 'shared' });
        await members.add(subject, uuid, projectId);
      },
      remove: (projectId) => members.remove(subject, uuid, projectId).catch(() => undefined),
      async projects() {
        const { visibility } = await cloud.images.get(subject, uuid);
        if (visibility !== 'shared') return [];
        return (await members.list(subject, uuid)).map((member) => member.projectId);
      },
    };
  }
  if (await cloud.flavors.get(subject, uuid).catch(() => undefined)) {
    throw new ZStackError('SYS.1014', `resource[uuid:${uuid}, type:InstanceOfferingVO] is everybody's in this cloud`);
  }
  throw resourceNotFound('resourceUuids', uuid, 'ResourceVO');
}

const shareResource = jobOperation({
  ...shared,
  id: 'ShareResource',
  method: 'PUT',
  path: '/accounts/resources/actions',
  body: T.Object({
    resourceUuids,
    accountUuids: uuids('The accounts that shall see them.'),
    toPublic: booleanField('All accounts shall see them.'),
  }),
  title: 'Share resources',
  summary: 'Shows networks and images to other accounts, which can use them from then on.',
  examples: [
    {
      title: 'A network with everybody',
      body: { shareResource: { resourceUuids: [l3Example.uuid], toPublic: true } },
      status: 200,
      response: {},
    },
  ],
  handle: async ({ cloud, subject, input: { resourceUuids: wanted, accountUuids = [], toPublic } }) => {
    for (const uuid of wanted) {
      const sharing = await sharingOf(cloud, subject, uuid);
      if (toPublic) await sharing.toPublic(true);
      const known = await sharing.projects();
      for (const account of accountUuids) if (!known.includes(account)) await sharing.add(account);
    }
    return {};
  },
});

const revokeResourceSharing = jobOperation({
  ...shared,
  id: 'RevokeResourceSharing',
  method: 'PUT',
  path: '/accounts/resources/actions',
  body: T.Object({
    resourceUuids,
    accountUuids: uuids('The accounts that shall see them no more.'),
    toPublic: booleanField('Not everybody shall see them any more.'),
    all: booleanField('Nobody else shall see them any more.'),
  }),
  title: 'Share resources no more',
  summary: 'Refused for networks that other accounts have interfaces in.',
  examples: [
    {
      title: 'An image with nobody',
      body: { revokeResourceSharing: { resourceUuids: [imageExample.uuid], all: true } },
      status: 200,
      response: {},
    },
  ],
  handle: async ({ cloud, subject, input: { resourceUuids: wanted, accountUuids = [], toPublic, all } }) => {
    for (const uuid of wanted) {
      const sharing = await sharingOf(cloud, subject, uuid);
      for (const account of all ? await sharing.projects() : accountUuids) await sharing.remove(account);
      if (toPublic || all) await sharing.toPublic(false);
    }
    return {};
  },
});

export const sharingOperations = [shareResource, revokeResourceSharing];
