import { Type } from 'typebox';
import { type Call, operation } from '../../../api/operation.ts';
import { CloudError, notFound } from '../../../cloud/errors.ts';
import { isUp } from '../../../cloud/hosts/model.ts';
import { backend } from '../../../cloud/volumes/backend.ts';
import type { MigrationTarget } from '../../../cloud/volumes/transitions/migrate.ts';
import { atLeast } from '../common/microversion.ts';
import { exampleVolumeId } from './example.ts';
import { backendSuffix } from './services.ts';
import { booleanOf, flag, idOf, textOrNull } from './wire.ts';

/** What is named as `host@backend#pool`. Throws `not_found` where the host is not there, or takes nothing. */
async function placeNamed({ cloud }: Pick<Call, 'cloud'>, text: string): Promise<MigrationTarget> {
  const [service, pool] = text.split('#');
  const host = (await cloud.hosts.list()).find(({ name }) => service === name || service === `${name}${backendSuffix}`);
  if (host?.state === 'enabled' && isUp(host)) {
    return { hostId: host.id, storageId: pool === backend.volume_backend_name ? null : pool };
  }
  throw notFound('service', text, `Service cinder-volume could not be found on host ${text}.`);
}

/** What is said of where to. There are no clusters of storage. */
function hostIn(
  { host, cluster }: { host?: string | null; cluster?: string | null },
  context: Call['context'],
): string {
  const knowsClusters = atLeast(context, 3, 16);
  if (cluster && !knowsClusters) {
    const words =
      "Invalid input for field/attribute os-migrate_volume. Additional properties are not allowed ('cluster' was unexpected)";
    throw new CloudError('invalid', words, { field: 'cluster' });
  }
  if (Boolean(host) === Boolean(cluster)) {
    const words = knowsClusters ? 'One and only one of cluster and host must be set.' : 'Host field is missing.';
    throw new CloudError('invalid', `Invalid input received: ${words}`, { field: 'host' });
  }
  if (host) return host;
  throw notFound('service', cluster!, `Service cinder-volume could not be found in cluster ${cluster}.`);
}

export const migrateVolume = operation({
  dialect: 'volume',
  group: 'volume actions',
  method: 'POST',
  path: '/volumes/{volume_id}/action',
  since: '3.0',
  allow: 'admin',
  id: 'MigrateVolume',
  bodyKey: 'os-migrate_volume',
  mode: 'async',
  params: Type.Object({ volume_id: Type.String() }),
  body: Type.Object({
    host: Type.Optional(textOrNull({ maxLength: 255, description: `A pool, as \`simulated${backendSuffix}#local\`.` })),
    cluster: Type.Optional(textOrNull({ maxLength: 255, description: 'From 3.16 on. There are none.' })),
    force_host_copy: Type.Optional(flag({ description: 'What lies on hosts is copied in any case.' })),
    lock_volume: Type.Optional(flag({ description: 'A volume is in `maintenance` while it moves in any case.' })),
  }),
  responses: { 202: null },
  errors: [400, 401, 403, 404],
  title: 'Migrate a volume',
  summary:
    'Moves a free volume to another host of its availability zone, or to another pool of its host. One that a server has ' +
    'goes to another pool of its host while the server goes on, which its actions tell as `swap_volume`; to another host it ' +
    'moves with its server. `migration_status` says how far it is. One that has snapshots or is in a group stays.',
  examples: [
    {
      title: 'To a host that there is not',
      params: { volume_id: exampleVolumeId },
      body: { 'os-migrate_volume': { host: `nowhere${backendSuffix}#local` } },
      status: 404,
    },
  ],
  handle: async (call) => {
    const { cloud, subject, params, body } = call;
    for (const name of ['force_host_copy', 'lock_volume'] as const) {
      if (body[name] !== undefined) booleanOf(body[name], name);
    }
    const { id } = await cloud.blockStorage.get(subject, idOf('volume', params.volume_id));
    await cloud.blockStorage.migrate(subject, id, await placeNamed(call, hostIn(body, call.context)));
    return { status: 202 };
  },
});
