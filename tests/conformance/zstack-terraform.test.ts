import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ImageFiles } from '../../src/dialects/zstack/image-files.fixture.ts';
import { TestCloud } from '../support/cloud.ts';
import { runClient } from './run-client.ts';

const execute = promisify(execFile);
/** A stack takes seconds, on machines that have nothing else to do. */
const patienceMs = 300_000;

/** The address by which the provider calls itself. */
const source = 'zstack.io/terraform-provider-zstack/zstack';
const program = process.env['UNKAI_ZSTACK_PROVIDER'] ?? '';
const terraform = await runClient('terraform', ['version']).catch(() => undefined);
const obstacle = terraform
  ? existsSync(program)
    ? undefined
    : 'UNKAI_ZSTACK_PROVIDER does not name a terraform-provider-zstack program'
  : 'terraform is not installed';
if (obstacle) console.warn(`ZStack's Terraform provider is not tested: ${obstacle}`);

const stack = (at: URL, l2: string, image: string, kinds: { offering: string; disk: string }) => `
terraform {
  required_providers {
    zstack = { source = "${source}" }
  }
}
provider "zstack" {
  host             = "${at.hostname}"
  port             = ${at.port}
  account_name     = "admin"
  account_password = "test-password"
}

data "zstack_zones" "all" {}
data "zstack_clusters" "all" {}
data "zstack_hosts" "all" {}
data "zstack_l3networks" "public" { name = "default" }

resource "zstack_image" "tiny" {
  name          = "tiny"
  url           = "${image}"
  format        = "qcow2"
  media_type    = "RootVolumeTemplate"
  guest_os_type = "Linux"
  platform      = "Linux"
  architecture  = "x86_64"
  boot_mode     = "Legacy"
  virtio        = true
  expunge       = true
}
resource "zstack_vpc" "net" {
  name            = "net"
  l2_network_uuid = "${l2}"
  enable_ipam     = true
  dns             = "10.77.0.1"
  subnet_cidr     = { name = "r", network_cidr = "10.77.0.0/24", gateway = "10.77.0.1" }
}
resource "${kinds.offering}" "small" {
  name        = "small"
  cpu_num     = 1
  memory_size = 256
}
resource "${kinds.disk}" "one" {
  name      = "one"
  disk_size = 1
}
resource "zstack_instance" "vm" {
  name                   = "vm"
  image_uuid             = zstack_image.tiny.uuid
  instance_offering_uuid = ${kinds.offering}.small.uuid
  network_interfaces     = [{ l3_network_uuid = zstack_vpc.net.uuid, default_l3 = true, static_ip = "10.77.0.50" }]
  root_disk              = { size = 2 }
  data_disks             = [{ size = 1 }, { offering_uuid = ${kinds.disk}.one.uuid }]
  user_data              = "#cloud-config"
  expunge                = true
}
resource "zstack_networking_secgroup" "web" {
  name         = "web"
  ip_version   = 4
  vswitch_type = "LinuxBridge"
}
resource "zstack_networking_secgroup_rule" "web" {
  name                    = "web"
  security_group_uuid     = zstack_networking_secgroup.web.uuid
  direction               = "Ingress"
  priority                = 1
  action                  = "ACCEPT"
  state                   = "Enabled"
  ip_version              = 4
  protocol                = "TCP"
  ip_ranges               = "10.0.0.0/8"
  destination_port_ranges = "22,80-90"
}
resource "zstack_networking_secgroup_attachment" "web" {
  secgroup_uuid = zstack_networking_secgroup.web.uuid
  nic_uuid      = zstack_instance.vm.vm_nics[0].uuid
}
`;

describe.skipIf(obstacle)("ZStack's Terraform provider", () => {
  let cloud: TestCloud;
  let files: ImageFiles;
  let folder: string;
  let env: Record<string, string>;

  beforeAll(async () => {
    cloud = await TestCloud.start({});
    files = await ImageFiles.start();
    folder = await mkdtemp(join(tmpdir(), 'unkai-zstack-terraform-'));
    const overrides = `provider_installation {\n  dev_overrides { "${source}" = "${dirname(program)}" }\n  direct {}\n}\n`;
    await writeFile(join(folder, 'rc'), overrides);
    env = { TF_CLI_CONFIG_FILE: join(folder, 'rc'), CHECKPOINT_DISABLE: '1' };
    // Providers of different years call offerings differently.
    await writeFile(
      join(folder, 'main.tf'),
      `terraform {\n  required_providers {\n    zstack = { source = "${source}" }\n  }\n}\n`,
    );
    const schema = await runClient('terraform', [`-chdir=${folder}`, 'providers', 'schema', '-json'], env);
    const has = (name: string) => schema.stdout.includes(`"${name}"`);
    const kinds = {
      offering: has('zstack_instance_offering') ? 'zstack_instance_offering' : 'zstack_instance_offer',
      disk: has('zstack_disk_offering') ? 'zstack_disk_offering' : 'zstack_disk_offer',
    };
    await writeFile(
      join(folder, 'main.tf'),
      stack(new URL(cloud.origin), await l2Network(), files.url('tiny.qcow2'), kinds),
    );
  }, patienceMs);

  afterAll(async () => {
    await files?.stop();
    await cloud?.close();
    if (folder) await rm(folder, { recursive: true, force: true });
  });

  /** What an administrator sets up once, by hand. */
  async function l2Network(): Promise<string> {
    const client = await cloud.zstack();
    const { inventories } = await client.call('GET', '/zones');
    const params = { name: 'wire', zoneUuid: inventories[0].uuid, vlan: 100, physicalInterface: 'eth0' };
    return (await client.call('POST', '/l2-networks/vlan', { params })).inventory.uuid;
  }

  async function run(...args: string[]): Promise<{ code: number; text: string }> {
    const options = { env: { PATH: process.env['PATH'], HOME: '/nonexistent', ...env }, timeout: patienceMs };
    try {
      const { stdout, stderr } = await execute('terraform', [`-chdir=${folder}`, ...args], options);
      return { code: 0, text: `${stdout}\n${stderr}` };
    } catch (error) {
      const { code, stdout, stderr, message } = error as Error & { code?: number; stdout?: string; stderr?: string };
      return { code: code ?? -1, text: [message, stdout, stderr].join('\n') };
    }
  }

  it(
    'makes a server with image, network, volumes and security group, sees no change, and takes all away',
    async () => {
      const applied = await run('apply', '-auto-approve', '-input=false', '-no-color');
      expect(applied.code, applied.text).toBe(0);
      const planned = await run('plan', '-input=false', '-detailed-exitcode', '-no-color');
      expect(planned.code, planned.text).toBe(0);
      const destroyed = await run('destroy', '-auto-approve', '-input=false', '-no-color');
      expect(destroyed.code, destroyed.text).toBe(0);
    },
    3 * patienceMs,
  );
});
