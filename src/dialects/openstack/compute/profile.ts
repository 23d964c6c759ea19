/** What differs between the compute APIs that share the operations of this folder. */
export interface Profile {
  /** In what the 255 that a key or value of metadata may have are counted. */
  metadataUnit: 'characters' | 'bytes';
  /** Whether the answer to a rebuild has what came with extensions of the API. */
  rebuildTellsDiskConfig: boolean;
  /** Whether an event is shown; `all` are the names of its action's events. */
  showsEvent(name: string, all: ReadonlySet<string>): boolean;
}

/** Nova as it is now. */
export const novaProfile: Profile = {
  metadataUnit: 'characters',
  rebuildTellsDiskConfig: true,
  // A server that is shelved is offloaded at once: that is a part of being shelved.
  showsEvent: (name, all) => !(name === 'compute_shelve_offload_instance' && all.has('compute_shelve_instance')),
};

export function profileOf(context: Record<string, unknown>): Profile {
  return (context['profile'] as Profile | undefined) ?? novaProfile;
}
