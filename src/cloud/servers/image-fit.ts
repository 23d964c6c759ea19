import { CloudError } from '../errors.ts';
import { refuseMapped } from '../images/disk-mappings.ts';
import type { Image } from '../images/model.ts';
import { hardwareProperties } from './guest-spec.ts';
import type { FlavorFacts } from './model.ts';

const gib = 2 ** 30;

/** The size in bytes that the server's root disk gets; refuses images that do not fit the flavor. Texts are Nova's. */
export function checkImageFits(image: Image, flavor: Pick<FlavorFacts, 'diskGb' | 'memoryMb'>): number {
  refuseMapped(image);
  if (flavor.memoryMb < image.minMemoryMb) {
    throw new CloudError('invalid', "Flavor's memory is too small for requested image.", { reason: 'flavor_memory' });
  }
  const needed = image.virtualSize ?? image.size ?? 0;
  // A flavor without a disk size takes the image's.
  if (flavor.diskGb === 0) return needed;
  const room = flavor.diskGb * gib;
  // What is on a CD-ROM need not fit on the disk.
  if (needed > room && image.diskFormat !== 'iso') {
    const sizes = `Flavor disk is ${room} bytes, image is ${needed} bytes.`;
    throw new CloudError('invalid', `Flavor's disk is too small for requested image. ${sizes}`, {
      reason: 'flavor_disk',
    });
  }
  if (image.minDiskGb > flavor.diskGb) {
    const sizes = `Flavor disk is ${room} bytes, minimum size is ${image.minDiskGb * gib} bytes.`;
    throw new CloudError(
      'invalid',
      `Flavor's disk is smaller than the minimum size specified in image metadata. ${sizes}`,
      { reason: 'flavor_disk' },
    );
  }
  return room;
}

/** The image's properties that configure guests made of it. */
export function hardwareOf(image: Pick<Image, 'properties'>): Record<string, string> {
  const found = hardwareProperties.filter((name) => image.properties[name] !== undefined);
  return Object.fromEntries(found.map((name) => [name, image.properties[name]!]));
}
