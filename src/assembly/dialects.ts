import type { Dialect, DialectGroup } from '../api/dialect.ts';

// Dialects are imported when somebody asks for them: loading all of them is most of what a start would take.

/** Every API of the program but OpenStack's Identity API. */
const services: readonly DialectGroup[] = [
  {
    names: ['compute'],
    prefixes: ['/compute'],
    load: async () => (await import('../dialects/openstack/compute/compute.ts')).computeDialects,
  },
  {
    names: ['image'],
    prefixes: ['/image'],
    load: async () => [(await import('../dialects/openstack/image/image.ts')).image],
  },
  {
    names: ['network'],
    prefixes: ['/network'],
    load: async () => [(await import('../dialects/openstack/network/network.ts')).network],
  },
  {
    names: ['volume'],
    prefixes: ['/volume'],
    async load() {
      const { volume, volumeDiscovery } = await import('../dialects/openstack/volume/volume.ts');
      return [volume, volumeDiscovery];
    },
  },
  {
    names: ['placement'],
    prefixes: ['/placement'],
    load: async () => [(await import('../dialects/openstack/placement/placement.ts')).placement],
  },
  {
    names: ['k5'],
    prefixes: [
      '/v2',
      '/v1.1',
      '/v1/imageimport',
      '/v1/imageexport',
      '/v1/expansionstorageimageimport',
      '/object-store',
    ],
    load: async () => (await import('../dialects/k5/k5.ts')).k5Dialects,
  },
  {
    names: ['zstack'],
    prefixes: ['/zstack', '/v1'],
    load: async () => [(await import('../dialects/zstack/zstack.ts')).zstack],
  },
  {
    names: ['native'],
    prefixes: ['/unkai'],
    load: async () => [(await import('../dialects/native/native.ts')).native],
  },
];

const served = new Set<string>(['identity', ...services.flatMap(({ names }) => names)]);

/** Every API of the program. */
export const dialectGroups: readonly DialectGroup[] = [
  {
    names: ['identity'],
    prefixes: ['/identity'],
    async load() {
      const { usualCatalog } = await import('../dialects/openstack/identity/catalog.ts');
      const { identityDialect } = await import('../dialects/openstack/identity/identity.ts');
      // Catalogs name only what is really served.
      return [
        identityDialect(Object.entries(usualCatalog).flatMap(([name, entries]) => (served.has(name) ? entries : []))),
      ];
    },
  },
  ...services,
];

/** Loads every dialect there is, for those who look at all operations. */
export async function allDialects(): Promise<Dialect[]> {
  return (await Promise.all(dialectGroups.map((group) => group.load()))).flat();
}
