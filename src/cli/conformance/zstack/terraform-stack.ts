import type { ProviderCloud } from './terraform.ts';

/**
 * What ZStack's Terraform provider is to make, in its own words.
 * @param schema what the provider says of itself: providers of different years call offerings differently
 */
export function terraformStack(cloud: ProviderCloud, schema: string): string {
  const named = (name: string, before: string) => (schema.includes(`"${name}"`) ? name : before);
  const kinds = {
    offering: named('zstack_instance_offering', 'zstack_instance_offer'),
    disk: named('zstack_disk_offering', 'zstack_disk_offer'),
  };
  const host = new URL(cloud.origin);
  return `
provider "zstack" {
  host             = "${host.hostname}"
  port             = ${host.port}
  account_name     = "admin"
  account_password = ${JSON.stringify(cloud.adminPassword)}
}

data "zstack_zones" "all" {}
data "zstack_clusters" "all" {}
data "zstack_hosts" "all" {}
data "zstack_l3networks" "public" { name = "default" }

resource "zstack_image" "tiny" {
  name          = "tiny"
  url           = "${cloud.imageUrl}"
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
  l2_network_uuid = "${cloud.l2NetworkUuid}"
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
}
