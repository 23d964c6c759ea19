import type { Dialect } from '../api/dialect.ts';
import { k5Dialects } from '../dialects/k5/k5.ts';
import { computeDialects } from '../dialects/openstack/compute/compute.ts';
import { usualCatalog } from '../dialects/openstack/identity/catalog.ts';
import { identityDialect } from '../dialects/openstack/identity/identity.ts';
import { image } from '../dialects/openstack/image/image.ts';
import { network } from '../dialects/openstack/network/network.ts';
import { volume, volumeDiscovery } from '../dialects/openstack/volume/volume.ts';
import { zstack } from '../dialects/zstack/zstack.ts';

/** Every API that stands on the engine, besides OpenStack's Identity API. */
const services: readonly Dialect[] = [
  ...computeDialects,
  image,
  network,
  volume,
  volumeDiscovery,
  ...k5Dialects,
  zstack,
];

const served = new Set<string>(['identity', ...services.map(({ name }) => name)]);

/** Catalogs name only what is really served. */
const catalog = Object.entries(usualCatalog).flatMap(([service, entries]) => (served.has(service) ? entries : []));

/** Every API of the program. */
export const dialects: readonly Dialect[] = [identityDialect(catalog), ...services];
