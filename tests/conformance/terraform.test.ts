import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestCloud } from '../support/cloud.ts';
import { runClient } from './run-client.ts';
import { terraformProvider } from './terraform-provider.ts';

const found = await terraformProvider();
if ('obstacle' in found) console.warn(`Terraform is not tested: ${found.obstacle}`);
const providerFolder = 'folder' in found ? found.folder : '';

const stack = `
terraform {
  required_providers {
    openstack = { source = "terraform-provider-openstack/openstack" }
  }
}

provider "openstack" {}

data "openstack_networking_network_v2" "public" {
  name     = "public"
  external = true
}

resource "openstack_networking_network_v2" "web" {
  name           = "web"
  admin_state_up = true
  tags           = ["blue", "green"]
}

resource "openstack_networking_subnet_v2" "web" {
  name            = "web"
  network_id      = openstack_networking_network_v2.web.id
  cidr            = "192.168.77.0/24"
  ip_version      = 4
  dns_nameservers = ["192.168.77.2"]
  allocation_pool {
    start = "192.168.77.10"
    end   = "192.168.77.99"
  }
}

resource "openstack_networking_subnetpool_v2" "six" {
  name              = "six"
  prefixes          = ["fd00:77::/48"]
  default_prefixlen = 64
}

resource "openstack_networking_subnet_v2" "web6" {
  name              = "web6"
  network_id        = openstack_networking_network_v2.web.id
  subnetpool_id     = openstack_networking_subnetpool_v2.six.id
  ip_version        = 6
  ipv6_address_mode = "slaac"
  ipv6_ra_mode      = "slaac"
}

resource "openstack_networking_router_v2" "out" {
  name                = "out"
  external_network_id = data.openstack_networking_network_v2.public.id
}

resource "openstack_networking_router_interface_v2" "web" {
  router_id = openstack_networking_router_v2.out.id
  subnet_id = openstack_networking_subnet_v2.web.id
}

resource "openstack_networking_secgroup_v2" "web" {
  name        = "web"
  description = "HTTP from anywhere"
}

resource "openstack_networking_secgroup_rule_v2" "http" {
  security_group_id = openstack_networking_secgroup_v2.web.id
  direction         = "ingress"
  ethertype         = "IPv4"
  protocol          = "tcp"
  port_range_min    = 80
  port_range_max    = 80
  remote_ip_prefix  = "0.0.0.0/0"
}

resource "openstack_networking_port_v2" "web" {
  name               = "web"
  network_id         = openstack_networking_network_v2.web.id
  security_group_ids = [openstack_networking_secgroup_v2.web.id]
  fixed_ip {
    subnet_id = openstack_networking_subnet_v2.web.id
  }
  depends_on = [openstack_networking_subnet_v2.web6]
}

resource "openstack_networking_floatingip_v2" "web" {
  pool = "public"
}

resource "openstack_networking_floatingip_associate_v2" "web" {
  floating_ip = openstack_networking_floatingip_v2.web.address
  port_id     = openstack_networking_port_v2.web.id
  depends_on  = [openstack_networking_router_interface_v2.web]
}

resource "openstack_compute_keypair_v2" "mine" {
  name = "mine"
}

resource "openstack_blockstorage_volume_v3" "data" {
  name = "data"
  size = 1
}

resource "openstack_images_image_v2" "tiny" {
  name             = "tiny"
  local_file_path  = "\${path.module}/tiny.raw"
  container_format = "bare"
  disk_format      = "raw"
}

resource "openstack_compute_instance_v2" "web" {
  name        = "web"
  image_id    = openstack_images_image_v2.tiny.id
  flavor_name = "m1.nano"
  key_pair    = openstack_compute_keypair_v2.mine.name
  metadata    = { role = "web" }
  network {
    port = openstack_networking_port_v2.web.id
  }
}

resource "openstack_compute_volume_attach_v2" "data" {
  instance_id = openstack_compute_instance_v2.web.id
  volume_id   = openstack_blockstorage_volume_v3.data.id
}
`;

/** Terraform and its OpenStack provider, unmodified: a stack is applied, is as it was written, and is destroyed. */
describe.skipIf('obstacle' in found)('terraform', () => {
  let cloud: TestCloud;
  let folder: string;
  let env: Record<string, string>;

  const terraform = (...args: string[]) => runClient('terraform', [`-chdir=${folder}`, ...args, '-no-color'], env);

  beforeAll(async () => {
    cloud = await TestCloud.start({ hypervisor: 'simulated' });
    folder = await mkdtemp(join(tmpdir(), 'unkai-terraform-'));
    await writeFile(join(folder, 'main.tf'), stack);
    await writeFile(join(folder, 'tiny.raw'), Buffer.alloc(2 ** 20));
    const overrides = `provider_installation {
      dev_overrides { "terraform-provider-openstack/openstack" = "${providerFolder}" }
      direct {}
    }`;
    await writeFile(join(folder, 'terraformrc'), overrides);
    env = {
      TF_CLI_CONFIG_FILE: join(folder, 'terraformrc'),
      CHECKPOINT_DISABLE: '1',
      OS_AUTH_URL: `${cloud.origin}/identity/v3`,
      OS_USERNAME: 'admin',
      OS_PASSWORD: 'test-password',
      OS_PROJECT_NAME: 'admin',
      OS_USER_DOMAIN_NAME: 'Default',
      OS_PROJECT_DOMAIN_NAME: 'Default',
      OS_REGION_NAME: 'RegionOne',
    };
  });

  afterAll(async () => {
    await cloud?.close();
    if (folder) await rm(folder, { recursive: true, force: true });
  });

  it('applies a stack, finds nothing to change in it, and destroys it', { timeout: 240_000 }, async () => {
    const applied = await terraform('apply', '-auto-approve');
    expect(applied, applied.stdout + applied.stderr).toMatchObject({ code: 0 });
    expect(applied.stdout).toContain('Apply complete!');
    // 0: nothing to do, 2: something differs.
    const planned = await terraform('plan', '-detailed-exitcode');
    expect(planned, planned.stdout + planned.stderr).toMatchObject({ code: 0 });
    const destroyed = await terraform('destroy', '-auto-approve');
    expect(destroyed, destroyed.stdout + destroyed.stderr).toMatchObject({ code: 0 });
    expect(destroyed.stdout).toContain('Destroy complete!');
  });
});
