import { expect, test } from 'vitest';
import { connectionOf } from './connection.ts';

const id = '8c868818761c4206ab4eb10f2b6047de';
const qosSpecs = { read_iops_sec: '100' };

test('a volume in a file is told by its path, to its host', () => {
  const connection = { kind: 'file', hostName: 'one', path: '/disks/a.qcow2', format: 'qcow2', qosSpecs } as const;
  expect(connectionOf(connection, 'ro')).toEqual({
    driver_volume_type: 'file',
    data: {
      ...{ device_path: '/disks/a.qcow2', host: 'one', format: 'qcow2' },
      ...{ access_mode: 'ro', encrypted: false, qos_specs: qosSpecs },
    },
  });
});

test("a volume in Ceph is told as Cinder's RBD driver does", () => {
  const place = { pool: 'vms', image: id, user: 'cinder', conf: '/etc/ceph/blue.conf' };
  const monitors = { hosts: ['10.0.0.1'], ports: ['6789'] };
  const connection = { kind: 'rbd', volumeId: id, ...place, ...monitors, qosSpecs: undefined } as const;
  expect(connectionOf(connection, 'rw')).toEqual({
    driver_volume_type: 'rbd',
    data: {
      name: `vms/${id}`,
      ...monitors,
      ...{ cluster_name: 'blue', auth_enabled: true, auth_username: 'cinder', secret_type: 'ceph', secret_uuid: null },
      ...{ volume_id: '8c868818-761c-4206-ab4e-b10f2b6047de', discard: true },
      ...{ access_mode: 'rw', encrypted: false, qos_specs: null },
    },
  });
});
