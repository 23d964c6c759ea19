import { Type } from 'typebox';
import type { Flavor } from '../../../cloud/flavors/flavors.ts';
import { resourceLinks } from '../common/links.ts';
import { flavorIdView, IdAndLinks, Links } from './wire.ts';

export const FlavorSchema = Type.Object({
  ...IdAndLinks.properties,
  name: Type.String(),
  ram: Type.Integer({ description: 'MiB.' }),
  disk: Type.Integer({ description: 'GiB.' }),
  vcpus: Type.Integer(),
  swap: Type.Unsafe<number | ''>({ type: ['integer', 'string'], description: 'MiB, or an empty text for none.' }),
  rxtx_factor: Type.Number(),
  'OS-FLV-EXT-DATA:ephemeral': Type.Integer({ description: 'GiB.' }),
  'OS-FLV-DISABLED:disabled': Type.Boolean(),
  'os-flavor-access:is_public': Type.Boolean(),
});

export const FlavorDocument = Type.Object({ flavor: FlavorSchema });
export const FlavorDetailList = Type.Object({
  flavors: Type.Array(FlavorSchema),
  flavors_links: Type.Optional(Links),
});
export const FlavorList = Type.Object({
  flavors: Type.Array(Type.Object({ ...IdAndLinks.properties, name: Type.String() })),
  flavors_links: Type.Optional(Links),
});

export function flavorSummary(flavor: Flavor, base: string) {
  const id = flavorIdView(flavor);
  return { id, name: flavor.name, links: resourceLinks(base, `flavors/${id}`) };
}

export function flavorDetail(flavor: Flavor, base: string) {
  return {
    ...flavorSummary(flavor, base),
    ram: flavor.memoryMb,
    disk: flavor.diskGb,
    vcpus: flavor.vcpus,
    swap: flavor.swapMb === 0 ? '' : flavor.swapMb,
    rxtx_factor: flavor.rxtxFactor,
    'OS-FLV-EXT-DATA:ephemeral': flavor.ephemeralGb,
    'OS-FLV-DISABLED:disabled': !flavor.enabled,
    'os-flavor-access:is_public': flavor.isPublic,
  };
}
