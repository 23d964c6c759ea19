import { Type } from 'typebox';
import type { Flavor } from '../../../cloud/flavors/flavors.ts';
import { resourceLinks } from '../common/links.ts';
import { flavorIdView, IdAndLinks, Links, TextOrNull } from './wire.ts';

const FlavorSchema = Type.Object({
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
  description: Type.Optional(TextOrNull),
  extra_specs: Type.Optional(Type.Record(Type.String(), Type.String())),
});

export const FlavorDocument = Type.Object({ flavor: FlavorSchema });
export const FlavorDetailList = Type.Object({
  flavors: Type.Array(FlavorSchema),
  flavors_links: Type.Optional(Links),
});
export const FlavorList = Type.Object({
  flavors: Type.Array(
    Type.Object({ ...IdAndLinks.properties, name: Type.String(), description: Type.Optional(TextOrNull) }),
  ),
  flavors_links: Type.Optional(Links),
});

export function flavorSummary(flavor: Flavor, base: string, minor: number) {
  const id = flavorIdView(flavor);
  const described = minor >= 55 ? { description: flavor.description } : {};
  return { id, name: flavor.name, links: resourceLinks(base, `flavors/${id}`), ...described };
}

export function flavorDetail(flavor: Flavor, base: string, minor: number) {
  return {
    ...flavorSummary(flavor, base, minor),
    ram: flavor.memoryMb,
    disk: flavor.diskGb,
    vcpus: flavor.vcpus,
    swap: flavor.swapMb === 0 && minor < 75 ? '' : flavor.swapMb,
    rxtx_factor: flavor.rxtxFactor,
    'OS-FLV-EXT-DATA:ephemeral': flavor.ephemeralGb,
    'OS-FLV-DISABLED:disabled': !flavor.enabled,
    'os-flavor-access:is_public': flavor.isPublic,
    ...(minor >= 61 ? { extra_specs: flavor.extraSpecs } : {}),
  };
}
