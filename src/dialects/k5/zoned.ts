import { Type } from 'typebox';
import { type AnyOperation, operation } from '../../api/operation.ts';
import type { Cloud } from '../../cloud/cloud.ts';
import { CloudError } from '../../cloud/errors.ts';
import type { Subject } from '../../cloud/identity/subject.ts';
import { createdView, KeypairCreated } from '../openstack/compute/keypairs-view.ts';
import { ServerGroupDocument, serverGroupView } from '../openstack/compute/server-groups.ts';

const common = { dialect: 'k5', since: '2.1', method: 'POST', mode: 'sync' } as const;

const ZoneName = Type.Optional(
  Type.String({
    description: 'The zone whose servers it is for. Without it the one that follows from the domain of the user.',
  }),
);

async function zoneOf(cloud: Cloud, subject: Subject, name: string | undefined): Promise<string> {
  const zone = name === undefined ? await cloud.zones.default(subject.domainId) : await cloud.zones.available(name);
  if (zone) return zone.id;
  throw new CloudError('invalid', 'The requested availability zone is not available', { reason: 'zone_not_found' });
}

/** What belongs to one availability zone in K5, each of which has a Nova of its own, and to none in Nova. */
export const zonedOperations: readonly AnyOperation[] = [
  operation({
    ...common,
    id: 'CreateKeypair',
    group: 'keypairs',
    path: '/os-keypairs',
    allow: 'authenticated',
    body: Type.Object({
      keypair: Type.Object({
        name: Type.String({ minLength: 1, maxLength: 255 }),
        public_key: Type.Optional(
          Type.Union([Type.String({ minLength: 1, maxLength: 65535 }), Type.Null()], {
            description: 'To be imported; without one a pair is generated.',
          }),
        ),
        availability_zone: ZoneName,
      }),
    }),
    responses: { 200: KeypairCreated },
    errors: [400, 401, 403, 409],
    title: 'Create or import key pair',
    summary:
      'Imports a public key, or generates a pair and gives the private key, this once. Servers of its availability zone ' +
      'may have it.',
    examples: [
      {
        title: 'Import',
        body: {
          keypair: {
            name: 'laptop',
            public_key:
              'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl hanako@example.com',
            availability_zone: 'nova',
          },
        },
        status: 200,
      },
      { title: 'Generate', body: { keypair: { name: 'generated' } }, status: 200 },
    ],
    handle: async ({ cloud, subject, body, context }) => {
      const { name, public_key, availability_zone } = body.keypair;
      const zoneId = await zoneOf(cloud, subject, availability_zone);
      const wanted = { name, zoneId, publicKey: public_key ?? undefined };
      const { keypair, privateKey } = await cloud.keypairs.create(subject, wanted);
      return { body: { keypair: createdView(keypair, privateKey, context) } };
    },
  }),
  operation({
    ...common,
    id: 'CreateServerGroup',
    group: 'server groups',
    path: '/os-server-groups',
    allow: 'member',
    body: Type.Object({
      server_group: Type.Object({
        name: Type.String({
          minLength: 1,
          maxLength: 255,
          pattern: '^\\S(.*\\S)?$',
          description: 'With no blanks around it.',
        }),
        policies: Type.Array(Type.Union([Type.Literal('affinity'), Type.Literal('anti-affinity')]), {
          minItems: 1,
          maxItems: 1,
        }),
        availability_zone: ZoneName,
      }),
    }),
    responses: { 200: ServerGroupDocument },
    errors: [400, 401, 403],
    title: 'Create server group',
    summary:
      'Servers of its availability zone that are made with the scheduler hint `group` are placed by its policy: together ' +
      'on one host, or each on another one. One that finds no host is in ERROR after its request was accepted.',
    examples: [
      {
        title: 'Servers that are not to fail together',
        body: { server_group: { name: 'replicas', policies: ['anti-affinity'], availability_zone: 'nova' } },
        status: 200,
      },
    ],
    handle: async ({ cloud, subject, body, context }) => {
      const { name, policies, availability_zone } = body.server_group;
      const zoneId = await zoneOf(cloud, subject, availability_zone);
      const group = await cloud.servers.groups.create(subject, { name, policy: policies[0]!, zoneId });
      return { body: { server_group: serverGroupView(group, context) } };
    },
  }),
];
