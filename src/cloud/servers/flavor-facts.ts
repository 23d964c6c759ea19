import type { Flavor } from '../flavors/flavors.ts';
import type { FlavorFacts } from './model.ts';

/** What a server remembers of its flavor. */
export function factsOf(flavor: Flavor): FlavorFacts {
  return {
    id: flavor.id,
    uuid: flavor.uuid,
    name: flavor.name,
    vcpus: flavor.vcpus,
    memoryMb: flavor.memoryMb,
    diskGb: flavor.diskGb,
    ephemeralGb: flavor.ephemeralGb,
    swapMb: flavor.swapMb,
    extraSpecs: flavor.extraSpecs,
  };
}
