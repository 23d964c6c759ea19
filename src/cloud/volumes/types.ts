import { notFound } from '../errors.ts';

/** A kind of storage that volumes can be on. */
export interface VolumeType {
  /** The same in every cloud, as there is nothing to configure about it. */
  id: string;
  name: string;
  description: string;
}

/** The disks of the hosts themselves: the only storage so far. */
export const localVolumeType: VolumeType = {
  id: '6c6f63616c0040008000766f6c756d65',
  name: 'local',
  description: "On the host's own disks. Servers that use such a volume run on its host.",
};

/** The type by its name or id. Throws `not_found`. */
export function volumeTypeOf(nameOrId: string): VolumeType {
  const { name, id } = localVolumeType;
  if (nameOrId === name || nameOrId === '__DEFAULT__' || nameOrId.replaceAll('-', '').toLowerCase() === id) {
    return localVolumeType;
  }
  throw notFound('volume_type', nameOrId, `Volume type ${nameOrId} could not be found.`);
}
