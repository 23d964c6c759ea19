import type { VolumeConnection } from '../../../cloud/volumes/attachments.ts';

/** A connection as Cinder's drivers tell it: for whoever may open files of the host. */
export function connectionOf({ hostName, path, format, qosSpecs }: VolumeConnection, mode: 'rw' | 'ro') {
  const data = { device_path: path, host: hostName, format, access_mode: mode, encrypted: false };
  return { driver_volume_type: 'file', data: { ...data, qos_specs: qosSpecs ?? null } };
}
