import { useQuery } from '@tanstack/react-query';
import type { Product } from './catalogue.ts';

/** What a release changed of the APIs: made by comparing its OpenAPI documents with those of the one before. */
export interface Release {
  version: string;
  date: string;
  changes: Array<{ product: Product; operation: string; kind: 'added' | 'changed' | 'removed' | 'breaking' }>;
}

export function useHistory(): Release[] {
  const { data } = useQuery({
    queryKey: ['api-history'],
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: async () => (await import('./history.json')).default as Release[],
  });
  return data ?? [];
}
