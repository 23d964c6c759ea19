import type { DialectName } from '../../../api/operation.ts';

/** OpenStack's services, as far as Unkai serves them. */
export type OpenStackService = Extract<
  DialectName,
  'identity' | 'compute' | 'image' | 'network' | 'volume' | 'placement'
>;
