/** One thing that is not as it has to be. */
export interface Finding {
  /** The rule that does not hold, in stable words, as `disk-has-owner`. */
  invariant: Invariant;
  /** What kind of thing it is about, as `disk`. */
  resource: string;
  id: string;
  /** A sentence for the operator. */
  text: string;
  /**
   * `violation`: something is stuck, leaked or lost. `remaining work`: something is left over for a known reason, and
   * what keeps the cloud as it is meant to be still works on it.
   */
  level: 'violation' | 'remaining work';
}

export type Invariant =
  | 'state-is-final'
  | 'error-has-fault'
  | 'server-has-parts'
  | 'guest-has-server'
  | 'guest-is-as-server'
  | 'guest-on-one-host'
  | 'allocation-is-exact'
  | 'capacity-is-kept'
  | 'disk-is-known'
  | 'disk-exists'
  | 'disk-has-owner'
  | 'disk-has-one-writer'
  | 'volume-has-disk'
  | 'holder-lives'
  | 'volume-is-shared'
  | 'backup-has-bytes'
  | 'bytes-have-backup'
  | 'port-is-bound'
  | 'address-in-subnet'
  | 'address-is-unique'
  | 'balancer-has-router'
  | 'image-has-bytes'
  | 'bytes-have-image'
  | 'cached-image-is-known'
  | 'no-stray-files'
  | 'host-answers'
  | 'action-progresses'
  | 'action-is-known'
  | 'failure-has-cause'
  | 'events-are-closed';

export function violation(invariant: Invariant, resource: string, id: string, text: string): Finding {
  return { invariant, resource, id, text, level: 'violation' };
}

export function remainingWork(invariant: Invariant, resource: string, id: string, text: string): Finding {
  return { invariant, resource, id, text, level: 'remaining work' };
}
