import { Type } from 'typebox';
import { CloudError } from '../../../cloud/errors.ts';
import { type BlockDevice, invalidMapping } from '../../../cloud/servers/block-devices.ts';
import { BooleanOrWord, booleanOf, closed, integerOf, type Of, uuidOf } from './wire.ts';

/** Nova's first form of block device mappings, which it takes at every microversion. */
export const LegacyBlockDeviceMapping = closed({
  device_name: Type.Optional(Type.String({ minLength: 1, maxLength: 255, pattern: '^[a-zA-Z0-9._/-]*$' })),
  virtual_name: Type.Optional(
    Type.String({ maxLength: 255, description: 'As `swap` or `ephemeral0`: a blank disk that goes with the server.' }),
  ),
  volume_id: Type.Optional(Type.String()),
  snapshot_id: Type.Optional(Type.String()),
  volume_size: Type.Optional(Type.Unsafe<number | string | null>({ type: ['integer', 'string', 'null'] })),
  delete_on_termination: Type.Optional(BooleanOrWord),
  no_device: Type.Optional(Type.Unknown()),
  connection_info: Type.Optional(Type.String({ maxLength: 16_777_215 })),
});

type Mapping = Of<typeof LegacyBlockDeviceMapping>;

/**
 * What they ask for, as Nova reads them: without an image the server boots from the first that is not blank. Where the
 * disks appear in the guest is not up to their names. Throws `invalid` in Nova's words.
 */
export function legacyBlockDevices(
  mappings: readonly Mapping[],
  { hasImage, refuseMultiattach }: { hasImage: boolean; refuseMultiattach: boolean },
): BlockDevice[] {
  const devices = mappings.flatMap((mapping) => deviceOf(mapping, refuseMultiattach) ?? []);
  const root = hasImage ? undefined : devices.find(({ source }) => source !== 'blank');
  return devices.map((device) => (device === root ? { ...device, bootIndex: 0 } : device));
}

/** Undefined where the mapping only says that there is to be no disk. */
function deviceOf(mapping: Mapping, refuseMultiattach: boolean): BlockDevice | undefined {
  const { virtual_name: virtual = '', volume_id, snapshot_id } = mapping;
  const size = mapping.volume_size == null ? undefined : integerOf('volume_size', mapping.volume_size, 1);
  const common = { bootIndex: null, refuseMultiattach };
  if (virtual === 'swap' || /^ephemeral(?:\d|[1-9]\d+)$/.test(virtual)) {
    const disk = virtual === 'swap' ? { sizeMb: size, guestFormat: 'swap' } : { sizeGb: size };
    return { ...common, source: 'blank', destination: 'local', deleteOnTermination: true, ...disk };
  }
  const deleteOnTermination = booleanOf('delete_on_termination', mapping.delete_on_termination ?? false);
  const volume = { ...common, destination: 'volume', sizeGb: size, deleteOnTermination } as const;
  if (snapshot_id) return { ...volume, source: 'snapshot', id: uuidOf('snapshot_id', snapshot_id) };
  if (volume_id) return { ...volume, source: 'volume', id: uuidOf('volume_id', volume_id) };
  if (mapping.no_device) return undefined;
  throw invalidMapping('Unrecognized legacy format.');
}

/** Both forms at once are refused. */
export function refuseBothForms(legacy: readonly unknown[] | undefined, newer: readonly unknown[] | undefined): void {
  if (!legacy?.length || !newer?.length) return;
  throw new CloudError('invalid', 'Using different block_device_mapping syntaxes is not allowed in the same request.', {
    field: 'block_device_mapping',
  });
}
