import type { Profile } from '../openstack/compute/profile.ts';

/** Steps of the control plane that K5 does not show. */
const hidden = new Set(['rebuild_server', 'conductor_migrate_server', 'get_image_info']);

/** K5's compute API, as its reference describes it. */
export const k5Profile: Profile = {
  metadataUnit: 'bytes',
  rebuildTellsDiskConfig: false,
  // Of a server that is shelved K5 shows that it left its host; what went before only where it did not get so far.
  showsEvent: (name, all) =>
    !hidden.has(name) && !(name === 'compute_shelve_instance' && all.has('compute_shelve_offload_instance')),
};
