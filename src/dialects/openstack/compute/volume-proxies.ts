import { Type } from 'typebox';
import { type Call, operation } from '../../../api/operation.ts';
import { notFound } from '../../../cloud/errors.ts';
import type { Volume } from '../../../cloud/volumes/model.ts';
import { parseId, withDashes } from '../../../env/env.ts';
import { isoMicros } from '../common/time.ts';
import { until } from './microversions.ts';
import { ProxyPage, pageOfProxy } from './proxy-pages.ts';
import { closed, integerOf, NumberOrText, TextOrNull } from './wire.ts';

const common = { dialect: 'compute', group: 'volume proxies', since: '2.1', mode: 'sync' } as const;
const Params = Type.Object({ volume_id: Type.String() });
const exampleVolume = { volume_id: '6edbc2f4-1507-44f8-ac0d-eed1d2608d38' };
const Words = Type.Record(Type.String(), Type.String());

const VolumeSchema = Type.Object({
  id: Type.String(),
  status: Type.String(),
  size: Type.Integer({ description: 'GiB.' }),
  availabilityZone: Type.String(),
  createdAt: Type.String(),
  displayName: TextOrNull,
  displayDescription: TextOrNull,
  volumeType: TextOrNull,
  snapshotId: TextOrNull,
  metadata: Words,
  attachments: Type.Array(
    Type.Partial(
      Type.Object({ id: Type.String(), volumeId: Type.String(), serverId: Type.String(), device: Type.String() }),
    ),
    { description: 'One that is empty where no server has the volume.' },
  ),
});
const VolumeDocument = Type.Object({ volume: VolumeSchema });
const VolumeList = Type.Object({ volumes: Type.Array(VolumeSchema) });

const NewVolume = closed({
  size: NumberOrText,
  display_name: Type.Optional(TextOrNull),
  display_description: Type.Optional(TextOrNull),
  volume_type: Type.Optional(TextOrNull),
  snapshot_id: Type.Optional(TextOrNull),
  availability_zone: Type.Optional(TextOrNull),
  metadata: Type.Optional(Type.Union([Words, Type.Null()])),
});

async function shown({ cloud }: Pick<Call, 'cloud'>, volumes: readonly Volume[]) {
  const [zones, types] = await Promise.all([cloud.zones.names(), cloud.blockStorage.types.names()]);
  return volumes.map((volume) => {
    const id = withDashes(volume.id);
    const { serverId, device } = volume;
    return {
      id,
      status: volume.status,
      size: Math.ceil(volume.size / 2 ** 30),
      availabilityZone: zones.get(volume.zoneId) ?? '',
      createdAt: isoMicros(volume.createdAt),
      displayName: volume.name,
      displayDescription: volume.description,
      volumeType: types.get(volume.volumeType) ?? null,
      snapshotId: volume.snapshotId && withDashes(volume.snapshotId),
      metadata: volume.metadata,
      attachments: [
        serverId === null ? {} : { id, volumeId: id, serverId: withDashes(serverId), device: device ?? '' },
      ],
    };
  });
}

function idOf(text: string): string {
  const id = parseId(text);
  if (id) return id;
  throw notFound('volume', text, `Volume ${text} could not be found.`);
}

function list(id: string, path: string, title: string) {
  return operation({
    ...common,
    id,
    method: 'GET',
    path,
    allow: 'reader',
    query: ProxyPage,
    responses: { 200: VolumeList },
    errors: [400, 401, 403],
    title,
    summary: "The project's volumes. Up to 2.35; the volume API tells more.",
    examples: [{ title: 'All', status: 200 }],
    async handle(call) {
      const volumes = await call.cloud.blockStorage.list(call.subject, {}, pageOfProxy(call.query));
      return { body: { volumes: await shown(call, volumes) } };
    },
  });
}

/** Volumes, which Nova passed on to the volume service up to 2.35. */
export const volumeProxies = [
  list('ListVolumes', '/os-volumes', 'List volumes'),
  list('ListVolumesDetails', '/os-volumes/detail', 'List volumes with details'),
  operation({
    ...common,
    id: 'CreateVolume',
    method: 'POST',
    path: '/os-volumes',
    allow: 'member',
    body: closed({ volume: NewVolume }),
    responses: { 200: VolumeDocument },
    errors: [400, 401, 403, 404],
    title: 'Create a volume',
    summary: 'Blank, or of a snapshot. Up to 2.35.',
    examples: [{ title: 'Blank', body: { volume: { size: 1, display_name: 'data' } }, status: 200 }],
    async handle(call) {
      const { cloud, subject, origin } = call;
      const body = call.body.volume;
      const { volume } = await cloud.blockStorage.create(subject, {
        size: integerOf('size', body.size, 1) * 2 ** 30,
        name: body.display_name ?? null,
        description: body.display_description ?? null,
        volumeType: body.volume_type || undefined,
        snapshotId: body.snapshot_id ? (parseId(body.snapshot_id) ?? body.snapshot_id) : undefined,
        zone: body.availability_zone || undefined,
        metadata: body.metadata ?? undefined,
      });
      const [view] = await shown(call, [volume]);
      return { headers: { location: `${origin}/compute/v2.1/os-volumes/${view!.id}` }, body: { volume: view! } };
    },
  }),
  operation({
    ...common,
    id: 'ShowVolume',
    method: 'GET',
    path: '/os-volumes/{volume_id}',
    allow: 'reader',
    params: Params,
    responses: { 200: VolumeDocument },
    errors: [401, 403, 404],
    title: 'Show a volume',
    summary: 'Up to 2.35.',
    examples: [{ title: 'By id', params: exampleVolume, status: 200 }],
    async handle(call) {
      const volume = await call.cloud.blockStorage.get(call.subject, idOf(call.params.volume_id));
      const [view] = await shown(call, [volume]);
      return { body: { volume: view! } };
    },
  }),
  operation({
    ...common,
    id: 'DeleteVolume',
    method: 'DELETE',
    path: '/os-volumes/{volume_id}',
    allow: 'member',
    params: Params,
    responses: { 202: null },
    errors: [400, 401, 403, 404],
    title: 'Delete a volume',
    summary: 'Up to 2.35.',
    examples: [{ title: 'By id', params: exampleVolume, status: 202 }],
    async handle({ cloud, subject, params }) {
      await cloud.blockStorage.delete(subject, idOf(params.volume_id));
      return {};
    },
  }),
].map((proxy) => until(35, proxy));
