import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { volumeMicroversions } from '../../../src/dialects/openstack/volume/versions.ts';
import { TestCloud } from '../../support/cloud.ts';
import { type PublishedService, ServiceUnderTest } from './service-under-test.ts';
import { volumeScenes } from './volume-scenes.ts';

const newest = volumeMicroversions.max.minor;

const unlike: PublishedService['unlike'] = [
  ['PUT /volumes/{}', 61, newest, 'published as it was before 3.61; later versions answer with all of the volume'],
  ['GET /snapshots/detail', 14, newest, 'published as it was before 3.14, which brought groups'],
  ['GET /snapshots/{}', 14, newest, 'published as it was before 3.14, which brought groups'],
  ['GET /group_types/default', 11, newest, 'there is none until an operator says which it is'],
  ['GET /messages/{}', 3, newest, 'messages come of failures; cloud/volumes has tests of them'],
  ['DELETE /messages/{}', 3, newest, 'messages come of failures; cloud/volumes has tests of them'],
  ...['disable', 'disable-log-reason', 'freeze', 'thaw', 'failover_host'].map(
    (verb) => [`PUT /os-services/${verb}`, 0, newest, 'refused: disks are part of the hosts of servers'] as const,
  ),
];

/** Operations of which nobody published a shape of answers. */
const unpublished = [
  ...['revert', 'os-volume_upload_image', 'os-reimage', 'os-initialize_connection', 'os-migrate_volume'].map(
    (action) => `POST /volumes/{}/action ${action}`,
  ),
  ...['GET /attachments', 'GET /attachments/detail', 'POST /attachments', 'GET /attachments/{}', 'PUT /attachments/{}'],
  ...['POST /attachments/{}/action os-complete', 'DELETE /attachments/{}', 'POST /backups/{}/action os-force_delete'],
  ...['GET /default-types', 'PUT /default-types/{}', 'GET /default-types/{}', 'DELETE /default-types/{}'],
  ...['GET /os-availability-zone', 'GET /resource_filters'],
];

describe('answers of the volume API', () => {
  let cloud: TestCloud;
  let volume: ServiceUnderTest;

  beforeAll(async () => {
    cloud = await TestCloud.start();
    const service = { name: 'volume', mount: '/volume/v3/{project_id}', major: 3 } as const;
    volume = await ServiceUnderTest.open({ ...service, newest, scenes: volumeScenes, ends: [], unlike }, cloud);
  }, 300_000);

  afterAll(() => cloud?.close());

  it('have their shapes published, all but a few', () => {
    expect(volume.unpublished()).toEqual(unpublished.toSorted());
  });

  it('have the published members and types at each microversion at which they change', async () => {
    const { seen, wrong } = await volume.differences();
    expect(wrong).toEqual([]);
    expect(seen).toBeGreaterThan(200);
  }, 900_000);
});
