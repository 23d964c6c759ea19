import { afterAll, beforeAll, expect, test } from 'vitest';
import { computeDialects } from './compute.ts';
import { ComputeApi } from './test-compute-api.ts';

/**
 * What answers look like at each microversion: the members of the oldest one, and what each later one adds and takes away
 * (`-name`), as Nova's API reference has it. Nothing else may change.
 */

type Changes = Record<number, readonly string[]>;

let api: ComputeApi;
let server: string;
let request: string;
const newest = 96;

beforeAll(async () => {
  api = await ComputeApi.start(computeDialects);
  server = await api.server({ key_name: undefined });
  await api.act(server, { reboot: { type: 'HARD' } });
  const { body } = await api.call('GET', `/compute/v2.1/servers/${server}/os-instance-actions`);
  request = body.instanceActions[0].request_id;
});

afterAll(() => api?.stop());

/** The members that an answer has at every microversion, held against those that it should have. */
async function expectShape(path: string, pick: (body: never) => object, oldest: readonly string[], changes: Changes) {
  const expected = new Set(oldest);
  for (let minor = 1; minor <= newest; minor += 1) {
    for (const change of changes[minor] ?? []) {
      if (change.startsWith('-')) expected.delete(change.slice(1));
      else expected.add(change);
    }
    const isLookedAt = minor === 1 || minor === newest || changes[minor] || changes[minor + 1];
    if (!isLookedAt) continue;
    const { status, body } = await api.call('GET', `/compute/v2.1${path}`, { version: `2.${minor}` });
    expect(status, `${path} at 2.${minor}`).toBe(200);
    expect(Object.keys(pick(body as never)).sort(), `${path} at 2.${minor}`).toEqual([...expected].sort());
  }
}

const serverAtFirst = [
  ...['id', 'name', 'status', 'tenant_id', 'user_id', 'metadata', 'hostId', 'image', 'flavor', 'created', 'updated'],
  ...['addresses', 'accessIPv4', 'accessIPv6', 'links', 'progress', 'config_drive', 'key_name', 'security_groups'],
  ...['OS-DCF:diskConfig', 'OS-EXT-AZ:availability_zone', 'OS-EXT-STS:vm_state', 'OS-EXT-STS:task_state'],
  ...['OS-EXT-STS:power_state', 'OS-SRV-USG:launched_at', 'OS-SRV-USG:terminated_at'],
  ...['os-extended-volumes:volumes_attached', 'OS-EXT-SRV-ATTR:host', 'OS-EXT-SRV-ATTR:instance_name'],
  'OS-EXT-SRV-ATTR:hypervisor_hostname',
];
const serverChanges: Changes = {
  3: ['hostname', 'reservation_id', 'launch_index', 'ramdisk_id', 'kernel_id', 'root_device_name', 'user_data'].map(
    (name) => `OS-EXT-SRV-ATTR:${name}`,
  ),
  9: ['locked'],
  16: ['host_status'],
  19: ['description'],
  26: ['tags'],
  63: ['trusted_image_certificates'],
  73: ['locked_reason'],
  96: ['pinned_availability_zone'],
};

test('a server', async () => {
  const one = ({ server: shown }: { server: object }) => shown;
  await expectShape(`/servers/${server}`, one, serverAtFirst, { ...serverChanges, 71: ['server_groups'] });
});

test('servers in a list with details, which do not tell their groups', async () => {
  const first = ({ servers }: { servers: [object] }) => servers[0];
  await expectShape('/servers/detail', first, serverAtFirst, serverChanges);
});

test("a server's flavor", async () => {
  const flavor = ({ server: { flavor: shown } }: { server: { flavor: object } }) => shown;
  const embedded = ['vcpus', 'ram', 'disk', 'ephemeral', 'swap', 'original_name', 'extra_specs'];
  await expectShape(`/servers/${server}`, flavor, ['id', 'links'], { 47: ['-id', '-links', ...embedded] });
});

test('a flavor', async () => {
  const oldest = [
    ...['id', 'name', 'links', 'ram', 'disk', 'vcpus', 'swap', 'rxtx_factor', 'OS-FLV-EXT-DATA:ephemeral'],
    ...['OS-FLV-DISABLED:disabled', 'os-flavor-access:is_public'],
  ];
  await expectShape('/flavors/42', ({ flavor }: { flavor: object }) => flavor, oldest, {
    55: ['description'],
    61: ['extra_specs'],
  });
});

test('an action of a server, and its events', async () => {
  const path = `/servers/${server}/os-instance-actions/${request}`;
  type Action = { instanceAction: { events: [object] } };
  const oldest = ['action', 'instance_uuid', 'request_id', 'user_id', 'project_id', 'start_time', 'message', 'events'];
  await expectShape(path, ({ instanceAction }: Action) => instanceAction, oldest, { 58: ['updated_at'] });
  const event = ({ instanceAction }: Action) => instanceAction.events[0];
  await expectShape(path, event, ['event', 'start_time', 'finish_time', 'result', 'traceback'], {
    62: ['host', 'hostId'],
    84: ['details'],
  });
});

test('a hypervisor', async () => {
  const figures = [
    ...['vcpus', 'vcpus_used', 'memory_mb', 'memory_mb_used', 'free_ram_mb', 'local_gb', 'local_gb_used'],
    ...['free_disk_gb', 'disk_available_least', 'running_vms', 'current_workload', 'cpu_info'],
  ];
  const oldest = [
    ...['id', 'hypervisor_hostname', 'state', 'status', 'host_ip', 'hypervisor_type', 'hypervisor_version', 'service'],
    ...figures,
  ];
  const first = ({ hypervisors }: { hypervisors: [object] }) => hypervisors[0];
  await expectShape('/os-hypervisors/detail', first, oldest, { 88: ['uptime', ...figures.map((name) => `-${name}`)] });
});

test('limits and quotas', async () => {
  const { body } = await api.call('GET', '/compute/v2.1/limits', { version: '2.57' });
  expect(body.limits.absolute).not.toHaveProperty('maxPersonality');
  const quota = ({ quota_set }: { quota_set: object }) => quota_set;
  const files = ['injected_files', 'injected_file_content_bytes', 'injected_file_path_bytes'];
  const network = ['fixed_ips', 'floating_ips', 'security_groups', 'security_group_rules'];
  const lasting = ['id', 'instances', 'cores', 'ram', 'metadata_items', 'key_pairs', 'server_groups'];
  const oldest = [...lasting, 'server_group_members', ...files, ...network];
  await expectShape(`/os-quota-sets/${api.projectId}`, quota, oldest, {
    36: network.map((name) => `-${name}`),
    57: files.map((name) => `-${name}`),
  });
});

test('an answer to an update tells all from 2.75 on', async () => {
  const update = async (version: string) => {
    const body = { server: { name: 'one' } };
    return (await api.call('PUT', `/compute/v2.1/servers/${server}`, { version, body })).body.server;
  };
  expect(await update('2.74')).not.toHaveProperty('OS-EXT-STS:vm_state');
  expect(Object.keys(await update('2.75'))).toContain('OS-EXT-STS:vm_state');
});
