import { Type as T } from 'typebox';
import { limitsAbove } from '../../../cloud/servers/guest-spec.ts';
import { combinedLimits, type LimitKind, type OwnLimitChanges } from '../../../cloud/volumes/own-limits.ts';
import { volume } from '../inventories/volume.ts';
import { booleanField, oneOfField, uuidIn } from '../protocol/field-schemas.ts';
import { jobOperation, syncOperation } from '../protocol/operation.ts';
import { invalidArgument } from '../protocol/zstack-error.ts';
import { volumeExample } from './volume-examples.ts';
import { onVolume, volumeNamed } from './volume-words.ts';

const shared = { group: 'Volume', package: 'header.volume', since: '0.6', allow: 'member' } as const;
const byUuid = uuidIn('uuid', 'The volume, root or data.');
const here = { uuid: volumeExample.uuid };
const success = { inventory: volumeExample, success: true };

/** QEMU's largest. */
const largest = 10 ** 15;
// Go clients send 0 for what they leave out.
const bandwidth = (what: string) =>
  T.Optional(T.Integer({ minimum: 0, maximum: largest, description: `${what}, bytes a second, 1024 at least.` }));
const requests = (what: string) =>
  T.Optional(T.Integer({ minimum: 0, maximum: largest, description: `${what}, requests a second.` }));

interface Wanted {
  mode?: 'total' | 'read' | 'write';
  volumeBandwidth?: number;
  readBandwidth?: number;
  writeBandwidth?: number;
  totalBandwidth?: number;
  readIOPS?: number;
  writeIOPS?: number;
  totalIOPS?: number;
}

const kindsOf = {
  total: ['totalBytes', 'totalRequests'],
  read: ['readBytes', 'readRequests'],
  write: ['writeBytes', 'writeRequests'],
} as const satisfies Record<string, readonly LimitKind[]>;
type Mode = keyof typeof kindsOf;
const modes = Object.keys(kindsOf) as Mode[];

/** `mode` says which of the fields count, and for what `volumeBandwidth` stands; without one, all do that are given. */
function changesOf(wanted: Wanted): OwnLimitChanges {
  const { mode, volumeBandwidth } = wanted;
  const changes: OwnLimitChanges = {};
  for (const one of mode ? [mode] : modes) {
    const isMeant = one === (mode ?? 'total');
    const bytes = wanted[`${one}Bandwidth`] || (isMeant ? volumeBandwidth : undefined);
    const [ofBytes, ofRequests] = kindsOf[one];
    if (bytes) changes[ofBytes] = bytes;
    if (wanted[`${one}IOPS`]) changes[ofRequests] = wanted[`${one}IOPS`];
    if (bytes && bytes < 1024) throw invalidArgument('the bandwidth of a volume must be at least 1024 bytes a second');
  }
  for (const [total, read, write] of [
    ['totalBytes', 'readBytes', 'writeBytes'],
    ['totalRequests', 'readRequests', 'writeRequests'],
  ] as const) {
    if (changes[total] && (changes[read] || changes[write])) {
      throw invalidArgument('a total can not be set along with a limit of reads or writes');
    }
  }
  if (Object.keys(changes).length === 0) throw invalidArgument('at least one bandwidth or IOPS must be set');
  return changes;
}

const setVolumeQos = jobOperation({
  ...shared,
  id: 'SetVolumeQos',
  method: 'PUT',
  path: '/volumes/{uuid}/actions',
  params: byUuid,
  body: T.Object({
    mode: oneOfField(modes, 'Which of the fields count, and for what volumeBandwidth stands.'),
    volumeBandwidth: bandwidth('Of what mode says: of reads and writes together where it is left out'),
    totalBandwidth: bandwidth('Reads and writes together'),
    readBandwidth: bandwidth('Reads'),
    writeBandwidth: bandwidth('Writes'),
    totalIOPS: requests('Reads and writes together'),
    readIOPS: requests('Reads'),
    writeIOPS: requests('Writes'),
  }),
  result: volume,
  title: 'Limit a volume',
  summary:
    'Limits how fast a guest may use a volume, at once where a server has it. A total takes the place of limits of ' +
    'reads and writes, and the other way round. Of these limits and those of the volume’s type, or its server’s ' +
    'offering, the lower ones hold.',
  examples: [
    {
      title: 'A mebibyte a second',
      params: here,
      body: { setVolumeQos: { mode: 'total', volumeBandwidth: 1048576 } },
      status: 200,
      response: success,
    },
    {
      title: 'Reads and writes by themselves',
      params: here,
      body: { setVolumeQos: { readIOPS: 1000, writeIOPS: 500 } },
      status: 200,
      response: success,
    },
  ],
  handle: async ({ cloud, subject, input }) => {
    const { uuid } = input;
    await volumeNamed(cloud, subject, 'uuid', uuid);
    const changes = changesOf(input);
    return { ...(await onVolume(uuid, () => cloud.blockStorage.limit(subject, uuid, changes))), uuid };
  },
});

const deleteVolumeQos = jobOperation({
  ...shared,
  id: 'DeleteVolumeQos',
  method: 'DELETE',
  path: '/volumes/{uuid}/qos',
  params: byUuid,
  query: T.Object({
    mode: oneOfField([...modes, 'all', 'overwrite', ''], 'total where left out or empty; all for all limits.'),
  }),
  result: volume,
  title: 'Take limits off a volume',
  summary: 'What its type or its server’s offering says of it holds on.',
  examples: [{ title: 'All', params: here, query: { mode: 'all' }, status: 200, response: success }],
  handle: async ({ cloud, subject, input: { uuid, mode } }) => {
    await volumeNamed(cloud, subject, 'uuid', uuid);
    const kinds = mode === 'all' || mode === 'overwrite' ? Object.values(kindsOf).flat() : kindsOf[mode || 'total'];
    const changes: OwnLimitChanges = Object.fromEntries(kinds.map((kind) => [kind, null]));
    return { ...(await onVolume(uuid, () => cloud.blockStorage.limit(subject, uuid, changes))), uuid };
  },
});

/** The answer's names for limits; the same with `Upthreshold` for those above the volume's own. */
const members = {
  volumeBandwidth: 'totalBytes',
  volumeBandwidthRead: 'readBytes',
  volumeBandwidthWrite: 'writeBytes',
  iopsTotal: 'totalRequests',
  iopsRead: 'readRequests',
  iopsWrite: 'writeRequests',
} as const satisfies Record<string, LimitKind>;

function shown(limits: ReturnType<typeof combinedLimits>, suffix = ''): Record<string, number> {
  return Object.fromEntries(
    Object.entries(members).map(([name, kind]) => [`${name}${suffix}`, limits?.[kind]?.rate ?? -1]),
  );
}

const rate = T.Integer({ description: '-1 where there is no limit.' });
const noLimits = { ...shown(undefined), ...shown(undefined, 'Upthreshold') };

const getVolumeQos = syncOperation({
  ...shared,
  allow: 'reader',
  id: 'GetVolumeQos',
  method: 'GET',
  path: '/volumes/{uuid}/qos',
  params: byUuid,
  query: T.Object({ forceSync: booleanField('Accepted: what is answered is always what hosts are told.') }),
  response: T.Object({
    volumeUuid: T.String(),
    ...Object.fromEntries(Object.keys(noLimits).map((name) => [name, rate])),
  }),
  title: 'Get the limits of a volume',
  summary:
    'What holds for a volume in all, bytes and requests a second; and, as upper thresholds, what its type or its ' +
    'server’s offering says.',
  examples: [
    {
      title: 'A mebibyte a second',
      params: here,
      status: 200,
      response: { volumeUuid: volumeExample.uuid, ...noLimits, volumeBandwidth: 1048576 },
    },
  ],
  handle: async ({ cloud, subject, input: { uuid } }) => {
    const found = await volumeNamed(cloud, subject, 'uuid', uuid);
    const server = found.origin === 'server' && found.serverId ? await cloud.servers.byId(found.serverId) : undefined;
    const above = await limitsAbove(cloud, found, server?.flavor ?? { extraSpecs: {} });
    const limits = combinedLimits(above, found.ownLimits);
    return { volumeUuid: uuid, ...shown(limits), ...shown(above, 'Upthreshold') };
  },
});

/** How fast guests may use volumes. */
export const volumeQosOperations = [setVolumeQos, deleteVolumeQos, getVolumeQos];
