import { Type } from 'typebox';
import { operation } from '../../../api/operation.ts';
import { withDashes } from '../../../env/env.ts';
import { resourceLinks } from '../common/links.ts';
import { CreateServerBody, readCreateRequest } from './server-request.ts';
import { closed, exampleImageId, IdAndLinks } from './wire.ts';

const Created = closed({
  ...IdAndLinks.properties,
  'OS-DCF:diskConfig': Type.String(),
  security_groups: Type.Array(Type.Object({ name: Type.String() })),
  adminPass: Type.String(),
});

export const createServer = operation({
  id: 'CreateServer',
  dialect: 'compute',
  group: 'servers',
  method: 'POST',
  path: '/servers',
  since: '2.1',
  mode: 'async',
  allow: 'member',
  body: CreateServerBody,
  responses: {
    202: Type.Object({ server: Type.Optional(Created), reservation_id: Type.Optional(Type.String()) }),
  },
  errors: [400, 401, 403, 409],
  title: 'Create a server',
  summary:
    'Creates one server or several. The answer comes at once; a server is built when its status is ACTIVE, and says in ' +
    'its fault why it could not be when its status is ERROR.',
  examples: [
    {
      title: 'From an image',
      body: { server: { name: 'web-1', imageRef: exampleImageId, flavorRef: '42', metadata: { role: 'web' } } },
      status: 202,
    },
    {
      title: 'From a new volume that outlives it',
      body: {
        server: {
          name: 'db-1',
          flavorRef: '42',
          block_device_mapping_v2: [
            {
              uuid: exampleImageId,
              source_type: 'image',
              destination_type: 'volume',
              volume_size: 1,
              boot_index: 0,
              delete_on_termination: false,
            },
          ],
        },
      },
      status: 202,
    },
    {
      title: 'Three at once',
      body: { server: { name: 'worker', imageRef: exampleImageId, flavorRef: '42', min_count: 3 } },
      status: 202,
    },
  ],
  async handle(call) {
    const { cloud, subject, base } = call;
    const { wanted, tags, wantsReservationId } = await readCreateRequest(call, call.body);
    const made = await cloud.servers.create(subject, wanted);
    for (const { server } of made) {
      const resource = { kind: 'user', resourceType: 'server', resourceId: server.id } as const;
      await cloud.tags.addAll(
        subject,
        [...new Set(tags)].map((tag) => ({ ...resource, tag })),
      );
    }
    const { server } = made[0]!;
    const links = resourceLinks(base, `servers/${withDashes(server.id)}`);
    if (wantsReservationId) return { body: { reservation_id: server.reservationId } };
    const groups = wanted.securityGroups.length > 0 ? wanted.securityGroups : ['default'];
    const body = {
      id: withDashes(server.id),
      links,
      'OS-DCF:diskConfig': server.diskConfig,
      security_groups: groups.map((name) => ({ name })),
      adminPass: wanted.adminPass,
    };
    return { headers: { location: links[0].href }, body: { server: body } };
  },
});
