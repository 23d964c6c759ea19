/** What the examples of this API are about. */
export const exampleVolumeId = 'a07f71dc-8151-4e7d-a0cc-cd24a3f11113';
export const exampleSnapshotId = 'b4b2e7d1-0c4a-4d0e-9a35-6d3f4b1c2a90';
export const exampleImageId = '3eb2d8df-487b-4e82-a5ad-cde81d5f7a10';
const project = '776a290892b747c4af8cec5d1d1b4a3f';
const base = 'http://cloud.example.com/volume';

export const exampleVolume = {
  id: exampleVolumeId,
  name: 'data',
  links: [
    { rel: 'self', href: `${base}/v3/${project}/volumes/${exampleVolumeId}` },
    { rel: 'bookmark', href: `${base}/${project}/volumes/${exampleVolumeId}` },
  ],
  description: 'Where the database is',
  status: 'creating',
  size: 10,
  availability_zone: 'nova',
  created_at: '2026-01-31T10:00:00.000000',
  updated_at: '2026-01-31T10:00:00.000000',
  volume_type: 'local',
  snapshot_id: null,
  source_volid: null,
  metadata: { tier: 'gold' },
  attachments: [],
  user_id: '1c6f5b0c3f0d4b0b8f0f3a5f2d7e9c11',
  bootable: 'false',
  encrypted: false,
  replication_status: null,
  consistencygroup_id: null,
  multiattach: false,
  migration_status: null,
};

export const exampleSnapshot = {
  id: exampleSnapshotId,
  name: 'before-upgrade',
  description: null,
  volume_id: exampleVolumeId,
  status: 'creating',
  size: 10,
  created_at: '2026-01-31T11:00:00.000000',
  updated_at: '2026-01-31T11:00:00.000000',
  metadata: {},
};
