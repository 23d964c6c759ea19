import { Type as T } from 'typebox';
import type { Cloud } from '../../../cloud/cloud.ts';
import { type Allowed, ownsOrAdmin, type Subject } from '../../../cloud/identity/subject.ts';
import { image } from '../inventories/image.ts';
import { l3Network } from '../inventories/network.ts';
import { booleanField, uuidField } from '../protocol/field-schemas.ts';
import { syncOperation } from '../protocol/operation.ts';
import { mayCall } from '../protocol/permission.ts';
import { operationOfMessage } from '../protocol/traits.ts';
import { invalidArgument, resourceNotFound, resourcesNotFound } from '../protocol/zstack-error.ts';
import { inventorySchema } from '../query/inventory-schema.ts';
import { ofClass } from '../query/java-classes.ts';
import { inventoriesWith } from '../query/query.ts';
import { imageExample } from './image-examples.ts';
import { l3Example } from './l3-examples.ts';

const uuidList = (description: string) =>
  T.Optional(T.Array(T.String({ maxLength: 64 }), { maxItems: 100, description }));

/** Something that is the same for every cloud of this kind. */
const fact = (
  about: Pick<
    Parameters<typeof syncOperation>[0],
    'id' | 'group' | 'package' | 'path' | 'since' | 'title' | 'response'
  > & { allow?: Allowed },
  answer: Record<string, unknown>,
) =>
  syncOperation({
    allow: 'reader',
    ...about,
    method: 'GET',
    summary: 'The same for every cloud of this kind.',
    examples: [{ title: 'Get', status: 200, response: answer }],
    handle: () => answer,
  });

const facts = [
  fact(
    {
      id: 'GetVolumeFormat',
      group: 'Volume',
      package: 'header.volume',
      path: '/volumes/formats',
      since: '0.6',
      title: 'Get the formats of volumes',
      response: T.Object({
        formats: T.Array(
          T.Object(
            {
              format: T.String(),
              masterHypervisorType: T.String(),
              supportingHypervisorTypes: T.Array(T.String()),
            },
            ofClass('org.zstack.header.volume.APIGetVolumeFormatReply$VolumeFormatReplyStruct'),
          ),
        ),
      }),
    },
    { formats: [{ format: 'qcow2', masterHypervisorType: 'KVM', supportingHypervisorTypes: ['KVM'] }] },
  ),
  fact(
    {
      id: 'GetHostAllocatorStrategies',
      group: 'Host',
      package: 'header.allocator',
      path: '/hosts/allocators/strategies',
      since: '0.6',
      title: 'Get the ways in which hosts are chosen',
      response: T.Object({ strategies: T.Array(T.String()) }),
    },
    { strategies: ['LeastVmPreferredHostAllocatorStrategy'] },
  ),
  fact(
    {
      id: 'GetPlatformTimeZone',
      group: 'Management Node',
      package: 'header.managementnode',
      path: '/management-nodes/platform-timezone',
      since: '4.1.0',
      title: 'Get the time zone',
      response: T.Object({ timezone: T.String(), offset: T.String() }),
    },
    { timezone: 'UTC', offset: '+00:00' },
  ),
  fact(
    {
      id: 'GetLicenseCapabilities',
      group: 'Licence',
      package: 'license',
      path: '/licenses/capabilities',
      title: 'Get what the licence allows',
      response: T.Object({ capabilities: T.Record(T.String(), T.Unknown()) }),
    },
    { capabilities: {} },
  ),
  fact(
    {
      id: 'GetLicenseAddOns',
      group: 'Licence',
      package: 'license',
      path: '/licenses/addons',
      // Clients ask before they sign in.
      allow: 'anyone',
      title: 'Get the additions of the licence',
      response: T.Object({ addons: T.Array(T.Unknown()) }),
    },
    { addons: [] },
  ),
];

const addImage = 'org.zstack.header.image.APIAddImageMsg';
const createZone = 'org.zstack.header.zone.APICreateZoneMsg';

const checkApiPermission = syncOperation({
  id: 'CheckApiPermission',
  group: 'Account',
  package: 'header.identity',
  method: 'PUT',
  path: '/accounts/permissions/actions',
  since: '0.6',
  allow: 'reader',
  body: T.Object({
    userUuid: uuidField('A user of the caller’s account; the caller where it is left out.'),
    apiNames: T.Array(T.String({ maxLength: 255 }), {
      minItems: 1,
      maxItems: 500,
      description: 'Requests, by the names of their classes.',
    }),
  }),
  response: T.Object({ inventory: T.Record(T.String(), T.String()) }),
  title: 'Check permissions',
  summary: 'Whether the caller, or a user of the account, may make requests of these kinds: Allow or Deny of each.',
  ofUsers: 'always',
  examples: [
    {
      title: 'What an account may not',
      body: { checkApiPermission: { apiNames: [addImage, createZone] } },
      status: 200,
      response: { inventory: { [addImage]: 'Allow', [createZone]: 'Deny' } },
    },
  ],
  handle: async ({ cloud, subject, input: { userUuid, apiNames } }) => {
    const asked = await askedAbout(cloud, subject, userUuid);
    const permissions = apiNames.map((name) => {
      const operation = operationOfMessage(name.split('.').at(-1)!);
      if (!operation) throw invalidArgument(`${name} is not an API`);
      return [name, mayCall(asked, operation) ? 'Allow' : 'Deny'];
    });
    return { inventory: Object.fromEntries(permissions) };
  },
});

/** The caller, or one of the users of the caller's account. */
async function askedAbout(cloud: Cloud, subject: Subject, userUuid: string | undefined): Promise<Subject> {
  if (!userUuid || userUuid === subject.userId || userUuid === subject.projectId) return subject;
  const accountUuid = await cloud.identity.accountUsers.accountOf(userUuid);
  const isTheirs = accountUuid !== undefined && !subject.statements && ownsOrAdmin(subject, accountUuid);
  const found = isTheirs ? await cloud.identity.sessions.subjectFor(userUuid, accountUuid) : undefined;
  if (!found) throw resourceNotFound('userUuid', userUuid, 'UserVO');
  return { ...found, requestId: subject.requestId };
}

const getInterdependent = syncOperation({
  id: 'GetInterdependentL3NetworksImages',
  group: 'L3 Network',
  package: 'header.vm',
  method: 'GET',
  path: '/images-l3networks/dependencies',
  since: '0.6',
  allow: 'reader',
  query: T.Object({
    zoneUuid: T.String({ maxLength: 64, description: 'The zone.' }),
    l3NetworkUuids: uuidList('The networks for which images are looked for …'),
    imageUuid: uuidField('… or the image for which networks are looked for.'),
    raiseException: booleanField('Whether it is an error that there are none.'),
  }),
  response: T.Object({
    inventories: T.Array(T.Union([inventorySchema(image), inventorySchema(l3Network)])),
  }),
  title: 'Get images for networks, or networks for an image',
  summary: 'What a server of the zone can be made of together. Every network of a zone goes with every usable image.',
  examples: [
    {
      title: 'Networks for an image',
      query: { zoneUuid: l3Example.zoneUuid, imageUuid: imageExample.uuid },
      status: 200,
      response: { inventories: [l3Example] },
    },
  ],
  handle: async ({ cloud, subject, input }) => {
    const { zoneUuid, l3NetworkUuids = [], imageUuid, raiseException } = input;
    if ((imageUuid === undefined) === (l3NetworkUuids.length === 0)) {
      throw invalidArgument('either l3NetworkUuids or imageUuid must be set, and not both');
    }
    const find = (definition: typeof image, q: string[]) => inventoriesWith(cloud, definition, subject, q);
    const told = (inventories: Awaited<ReturnType<typeof find>>) => {
      if (raiseException && inventories.length === 0) throw invalidArgument('no image goes with these networks there');
      return { inventories };
    };
    if (imageUuid !== undefined) {
      const [found] = await find(image, [`uuid=${imageUuid}`, `backupStorage.zone.uuid=${zoneUuid}`]);
      if (!found) throw resourceNotFound('imageUuid', imageUuid, 'ImageVO');
      return told(await find(l3Network, ['state=Enabled', 'system=false', `zoneUuid=${zoneUuid}`]));
    }
    const known = await find(l3Network, [`uuid?=${l3NetworkUuids.join()}`]);
    const unknown = l3NetworkUuids.filter((uuid) => !known.some((one) => one['uuid'] === uuid));
    if (unknown.length > 0) throw resourcesNotFound('l3NetworkUuids', unknown, 'L3NetworkVO');
    const usable = ['state=Enabled', 'status=Ready', 'system=false', 'mediaType!=DataVolumeTemplate'];
    return told(await find(image, [...usable, `backupStorage.zone.uuid=${zoneUuid}`]));
  },
});

/** What this cloud can do, and who may do it. */
export const capabilityOperations = [...facts, checkApiPermission, getInterdependent];
