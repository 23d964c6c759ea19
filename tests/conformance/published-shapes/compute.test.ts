import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { computeMicroversions } from '../../../src/dialects/openstack/compute/microversions.ts';
import { TestCloud } from '../../support/cloud.ts';
import { computeScenes } from './compute-scenes.ts';
import { type PublishedService, ServiceUnderTest } from './service-under-test.ts';

const newest = computeMicroversions.max.minor;

/** As Nova's history of microversions has them. */
const ends: PublishedService['ends'] = [
  [/ os-get(VNC|Serial)Console$/, 5],
  [/ \/images(\/\{\})?(\/detail)?$/, 35],
  [/ \/os-(security-group|floating-ip|tenant-network|network|volumes|snapshots)/, 35],
  [/ \/images\/\{\}\/metadata/, 38],
  [/ \/os-hosts/, 42],
  [/ (add|remove)(Floating|Fixed)Ip$/, 43],
  [/ \/os-hypervisors\/\{\}\/(search|servers)$/, 52],
  [/ \/os-services\/(enable|disable|disable-log-reason|force-down)$/, 52],
  [/ \/os-hypervisors\/(\{\}\/uptime|statistics)$/, 87],
];

const unlike: PublishedService['unlike'] = [
  ['GET /servers/{}/diagnostics', 1, 47, 'what a driver told had no shape before 2.48'],
  ['GET /os-hypervisors/detail', 88, newest, 'the published schemas end with 2.53; compute/shapes.test.ts holds it'],
  ['GET /os-hypervisors/{}', 88, newest, 'the published schemas end with 2.53; compute/shapes.test.ts holds it'],
  [
    'POST /servers/{}/remote-consoles',
    6,
    newest,
    'simulated guests have none; tests/api/consoles.test.ts has real ones',
  ],
  ['POST /servers/{}/action os-getVNCConsole', 1, 5, 'simulated guests have no screens'],
  ['POST /servers/{}/migrations/{}/action force_complete', 22, newest, 'simulated moves are over before it comes'],
  ['PUT /servers/{}/os-volume_attachments/{}', 1, 84, 'it can only be to swap the volume then, which Nova refuses'],
  ['POST /servers/{}/action evacuate', 2, 9, 'the suite compares these versions as texts'],
  ...['startup', 'shutdown', 'reboot'].map(
    (verb) => [`GET /os-hosts/{}/${verb}`, 1, 42, 'refused: nothing here has power over hosts'] as const,
  ),
];

/** Operations of which nobody published a shape of answers. */
const unpublished = [
  ...['trigger_crash_dump', 'os-getSerialConsole'].map((action) => `POST /servers/{}/action ${action}`),
  ...['DELETE /os-services/{}', 'GET /extensions/{}', 'POST /os-aggregates/{}/images', 'GET /servers/{}/topology'],
  ...['GET /servers/{}/os-virtual-interfaces', 'GET /os-floating-ip-pools', 'GET /os-networks', 'GET /os-networks/{}'],
  ...['GET /servers/{}/migrations/{}', 'DELETE /servers/{}/migrations/{}'],
  ...['POST /os-assisted-volume-snapshots', 'DELETE /os-assisted-volume-snapshots/{}'],
];

describe('answers of the compute API', () => {
  let cloud: TestCloud;
  let compute: ServiceUnderTest;

  beforeAll(async () => {
    cloud = await TestCloud.start({ hosts: 2, settings: { reclaimInterval: 3600 } });
    const service = { name: 'compute', mount: '/compute/v2.1', major: 2 } as const;
    compute = await ServiceUnderTest.open({ ...service, newest, scenes: computeScenes, ends, unlike }, cloud);
  }, 300_000);

  afterAll(() => cloud?.close());

  it('have their shapes published, all but a few', () => {
    expect(compute.unpublished()).toEqual(unpublished.toSorted());
  });

  it('have the published members and types at each microversion at which they change', async () => {
    const { seen, wrong } = await compute.differences();
    expect(wrong).toEqual([]);
    expect(seen).toBeGreaterThan(350);
  }, 900_000);

  it('end where operations were taken back', async () => {
    expect(await compute.outlived()).toEqual([]);
  }, 300_000);
});
