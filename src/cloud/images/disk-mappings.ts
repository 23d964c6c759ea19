import { parseId, withDashes } from '../../env/env.ts';
import { CloudError } from '../errors.ts';
import type { Image } from './model.ts';

/** Where an image names the snapshots and volumes of which a server's disks are made, as Nova writes it: JSON. */
export const mappingProperty = 'block_device_mapping';

/** A disk that an image names. */
export interface MappedDisk {
  bootIndex: number | null;
  source: 'image' | 'volume' | 'snapshot' | 'blank';
  destination: 'volume' | 'local';
  id?: string;
  sizeGb?: number;
  /** Of a local disk, which is blank. */
  sizeMb?: number;
  guestFormat?: string;
  deleteOnTermination: boolean;
}

/** What the image says that a server's disks are made of; undefined for one that is bytes. Throws `invalid`. */
export function mappingsOf({ properties }: Pick<Image, 'properties'>): MappedDisk[] | undefined {
  const text = properties[mappingProperty];
  if (text === undefined || text === '' || text === '[]') return undefined;
  const mappings = parsed(text);
  return mappings.map((mapping) => {
    const id = mapping['snapshot_id'] ?? mapping['volume_id'] ?? mapping['image_id'];
    const source = mapping['source_type'];
    const isKnown = source === 'snapshot' || source === 'volume' || source === 'image' || source === 'blank';
    const isLocal = source === 'blank' && mapping['destination_type'] === 'local';
    if (!isKnown || (mapping['destination_type'] !== 'volume' && !isLocal)) {
      throw invalidMapping(`the image names a disk from ${String(source)} to ${String(mapping['destination_type'])}.`);
    }
    const number = Number(mapping['volume_size']);
    const size = Number.isInteger(number) && number > 0 ? number : undefined;
    const guestFormat = mapping['guest_format'];
    const format = isLocal && typeof guestFormat === 'string' ? { guestFormat } : {};
    return {
      bootIndex: mapping['boot_index'] === 0 ? 0 : null,
      source,
      destination: isLocal ? 'local' : 'volume',
      id: typeof id === 'string' ? (parseId(id) ?? id) : undefined,
      ...(format.guestFormat === 'swap' ? { sizeMb: size } : { sizeGb: size }),
      ...format,
      deleteOnTermination: mapping['delete_on_termination'] === true,
    };
  });
}

/** The snapshot that a server made of the image would boot from a copy of; undefined for an image that is bytes. */
export function bootSnapshotOf(image: Pick<Image, 'properties'>): string | undefined {
  return mappingsOf(image)?.find(({ bootIndex, source }) => bootIndex === 0 && source === 'snapshot')?.id;
}

/** Throws `invalid` for an image of which no disk can be made. */
export function refuseMapped(image: Pick<Image, 'id' | 'properties'>): void {
  if (mappingsOf(image) === undefined) return;
  const message = `Image ${withDashes(image.id)} is unacceptable: it holds no bytes, only names of snapshots of volumes.`;
  throw new CloudError('invalid', message, { reason: 'image_is_mapped', id: image.id });
}

function parsed(text: string): Array<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    const isList = Array.isArray(value) && value.every((one) => typeof one === 'object' && one !== null);
    if (isList) return value as Array<Record<string, unknown>>;
  } catch {
    // Properties are anybody's texts.
  }
  throw invalidMapping(`the image's ${mappingProperty} can't be read.`);
}

function invalidMapping(why: string): CloudError {
  return new CloudError('invalid', `Block Device Mapping is Invalid: ${why}`, { reason: 'block_device' });
}
