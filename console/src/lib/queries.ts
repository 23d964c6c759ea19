import { useQuery } from '@tanstack/react-query';
import type { ComputeListKeypairs } from '../api/answers.ts';
import { get } from './api.ts';
import type { Flavor, Image, Network, Overview, SecurityGroup, Subnet } from './types.ts';

/** Every image that the project can use. Follows the pages to their end. */
export function useImages() {
  return useQuery({ queryKey: ['images', false], queryFn: ({ signal }) => allImages(signal) });
}

async function allImages(signal: AbortSignal): Promise<Image[]> {
  const images: Image[] = [];
  let next: string | undefined = '/v2/images?limit=200';
  while (next) {
    const page: { images: Image[]; next?: string } = await get(`/image${next}`, signal);
    images.push(...page.images);
    next = page.next;
  }
  return images;
}

/** The smallest first: of all that would do, a person is offered that. */
export function useFlavors() {
  return useQuery({
    queryKey: ['flavors'],
    queryFn: async ({ signal }) =>
      (await get<{ flavors: Flavor[] }>('/compute/v2.1/flavors/detail?limit=1000', signal)).flavors.sort(
        (one, other) => one.ram - other.ram || one.vcpus - other.vcpus || one.disk - other.disk,
      ),
  });
}

export function useNetworks() {
  return useQuery({
    queryKey: ['networks'],
    queryFn: async ({ signal }) => (await get<{ networks: Network[] }>('/network/v2.0/networks', signal)).networks,
  });
}

export function useSubnets() {
  return useQuery({
    queryKey: ['subnets'],
    queryFn: async ({ signal }) => (await get<{ subnets: Subnet[] }>('/network/v2.0/subnets', signal)).subnets,
  });
}

export function useKeypairs() {
  return useQuery({
    queryKey: ['keypairs'],
    queryFn: async ({ signal }) =>
      (await get<ComputeListKeypairs>('/compute/v2.1/os-keypairs', signal)).keypairs.map(({ keypair }) => keypair),
  });
}

export function useSecurityGroups() {
  return useQuery({
    queryKey: ['securitygroups'],
    queryFn: async ({ signal }) =>
      (await get<{ security_groups: SecurityGroup[] }>('/network/v2.0/security-groups', signal)).security_groups,
  });
}

export function useOverview() {
  return useQuery({ queryKey: ['overview'], queryFn: ({ signal }) => get<Overview>('/unkai/v1/overview', signal) });
}
