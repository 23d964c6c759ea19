import { basename } from 'node:path';
import type { VolumeConnection } from '../../../cloud/volumes/connections.ts';
import { withDashes } from '../../../env/env.ts';

/** A connection as Cinder's drivers tell it: for whoever may open files of the host, or has the key for Ceph. */
export function connectionOf(connection: VolumeConnection, mode: 'rw' | 'ro') {
  const common = { access_mode: mode, encrypted: false, qos_specs: connection.qosSpecs ?? null };
  if (connection.kind === 'file') {
    const { hostName: host, path: device_path, format } = connection;
    return { driver_volume_type: 'file', data: { device_path, host, format, ...common } };
  }
  const { volumeId, pool, image, user, conf, hosts, ports } = connection;
  const data = {
    name: `${pool}/${image}`,
    hosts,
    ports,
    cluster_name: basename(conf, '.conf'),
    auth_enabled: true,
    auth_username: user,
    // Whoever connects it has the key already: it is told to nobody.
    secret_type: 'ceph',
    secret_uuid: null,
    volume_id: withDashes(volumeId),
    discard: true,
  };
  return { driver_volume_type: 'rbd', data: { ...data, ...common } };
}
