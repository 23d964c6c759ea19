import { useQuery } from '@tanstack/react-query';
import { useSyncExternalStore } from 'react';
import type { CatalogueEntry, Product } from './catalogue.ts';

/** The APIs with microversions: where they tell which they serve, and the name of the service in the header. */
const versioned: Partial<Record<Product, { root: string; service: string }>> = {
  compute: { root: '/compute/', service: 'compute' },
  volume: { root: '/volume/', service: 'volume' },
  placement: { root: '/placement/', service: 'placement' },
};

const listeners = new Set<() => void>();
const key = (product: Product) => `unkai.version.${product}`;

/** The version that was chosen for the product. Undefined: the newest one. */
export function useChosenVersion(product: Product): string | undefined {
  const read = () => localStorage.getItem(key(product)) ?? undefined;
  return useSyncExternalStore((changed) => {
    listeners.add(changed);
    return () => listeners.delete(changed);
  }, read);
}

export function chooseVersion(product: Product, version: string | undefined): void {
  if (version === undefined) localStorage.removeItem(key(product));
  else localStorage.setItem(key(product), version);
  for (const changed of listeners) changed();
}

/** The header that asks for a version; none for products without, or without a choice. */
export function versionHeader(product: Product, version: string | undefined): Record<string, string> {
  const service = versioned[product]?.service;
  return service && version ? { 'OpenStack-API-Version': `${service} ${version}` } : {};
}

/** Versions to choose from: the newest that is served, and each that brought an operation. Empty without versions. */
export function useVersions(product: Product, catalogue: readonly CatalogueEntry[]): string[] {
  const root = versioned[product]?.root;
  const { data } = useQuery({
    queryKey: ['versions', product],
    enabled: root !== undefined,
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: async ({ signal }) => newest(await (await fetch(root!, { signal })).json()),
  });
  if (!root) return [];
  const since = catalogue.filter((entry) => entry.product === product).map(({ operation }) => operation['x-since']);
  const found = new Set([...since, data].filter((version): version is string => /^\d+\.\d+$/.test(version ?? '')));
  return [...found].sort((a, b) => -compareVersions(a, b));
}

/** The highest version that a discovery document names: Nova calls it `version`, Placement `max_version`. */
function newest(document: unknown): string | undefined {
  const { versions = [] } = document as { versions?: Array<{ version?: string; max_version?: string }> };
  const all = versions.map(({ version, max_version }) => version || max_version || '').filter(Boolean);
  return all.sort(compareVersions).at(-1);
}

/** By numbers: 2.9 comes before 2.10. */
function compareVersions(a: string, b: string): number {
  const [major = 0, minor = 0] = a.split('.').map(Number);
  const [otherMajor = 0, otherMinor = 0] = b.split('.').map(Number);
  return major - otherMajor || minor - otherMinor;
}

/** Whether an operation came only after the version. */
export function isLater({ operation }: CatalogueEntry, version: string | undefined): boolean {
  const since = operation['x-since'];
  return version !== undefined && since !== undefined && /^\d/.test(since) && compareVersions(since, version) > 0;
}
