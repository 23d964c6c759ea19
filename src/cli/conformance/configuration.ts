import type { HypervisorKind } from '../../assembly/open-unkai.ts';
import type { SecurityCompliance } from '../../cloud/identity/security-compliance.ts';

/** What Tempest has to know of a cloud. */
export interface CloudFacts {
  origin: string;
  adminPassword: string;
  region: string;
  hypervisor: HypervisorKind;
  /** Images that both boot, and are not the same. */
  images: readonly [string, string];
  /** The file of an image (qcow2), which scenarios upload. */
  imageFile: string;
  /** Where it can be fetched from by HTTP, where users may fetch from this machine. */
  imageUrl: string | undefined;
  /** Flavors that both suit the images. */
  flavors: readonly [string, string];
  /** A volume type whose volumes several servers may have. */
  sharedType: string;
  /** The external network, where there is one. */
  publicNetwork: { id: string; name: string } | undefined;
  /** Aliases of what the network API can do. */
  networkExtensions: readonly string[];
  /** Guests can be reached over floating IPs from this machine. */
  guestsAreReachable: boolean;
  hosts: number;
  /** What is asked of passwords and sign-ins. */
  compliance: SecurityCompliance;
  /** The newest microversions that the services offer. */
  newest: { compute: string; volume: string; placement: string | undefined };
}

/**
 * What differs between the passes of one run. Some tests upload random bytes under whatever format, which a cloud refuses
 * that looks at images, and Tempest skips them there: they get a pass of their own, with formats that have no shape.
 */
export interface Pass {
  formats: 'enforced' | 'shapeless';
}

type Value = string | number | boolean | readonly string[];
type Sections = Record<string, Record<string, Value>>;

/**
 * What tests call in a guest and TinyLinux has not, by what it has: everybody there is root, and the rest is BusyBox. A `$` is
 * `$$` in the file.
 */
const missingPrograms = [
  'sudo() { "$$@"; };',
  // Called as `curl URL` and `curl -X POST -d TEXT URL`.
  'curl() { if [ "$$1" = -X ]; then wget -q -O - --post-data "$$4" "$$5"; else wget -q -O - "$$@"; fi; };',
  // Called as `mkfs -t vfat DEVICE`.
  'mkfs() { [ "$$2" = vfat ] && mkdosfs "$$3"; };',
  // Called as `blkid -L LABEL -o device`.
  'blkid() { findfs "LABEL=$$2"; };',
  // The config drive tells a guest its addresses, so no DHCP client runs until somebody looks for its process.
  'cat() { case "$${1-}" in /var/run/udhcpc.*.pid) [ -e "$$1" ] || { rm -f /run/dns.config; lease "$$(basename "$$1" .pid | cut -d. -f2)"; };; esac; command cat "$$@"; };',
].join(' ');

/** What is asked of hosts for a server, hints of the request among it. */
const schedulerFilters = [
  'ComputeFilter',
  'ComputeCapabilitiesFilter',
  'ImagePropertiesFilter',
  'ServerGroupAntiAffinityFilter',
  'ServerGroupAffinityFilter',
  'SameHostFilter',
  'DifferentHostFilter',
];

/** TinyLinux runs from memory; what tests write to /tmp and look for after a restart goes to the disk. */
const tmpOnDisk =
  'grep -q " /tmp " /proc/mounts || { [ -d /disk ] && mkdir -p /disk/tmp && mount -o bind /disk/tmp /tmp; } || true;';

/** What is not said here is as Tempest has it by default. */
function sections(facts: CloudFacts, folder: string, { formats }: Pass): Sections {
  const [image, otherImage] = facts.images;
  const [flavor, otherFlavor] = facts.flavors;
  const { compliance } = facts;
  const isReal = facts.hypervisor === 'qemu';
  const patience = { build_interval: 1, build_timeout: isReal ? 300 : 120 };
  return {
    DEFAULT: { log_dir: folder, log_file: 'tempest.log', debug: true },
    oslo_concurrency: { lock_path: `${folder}/locks` },
    auth: {
      use_dynamic_credentials: true,
      create_isolated_networks: true,
      admin_username: 'admin',
      admin_project_name: 'admin',
      admin_password: facts.adminPassword,
      admin_domain_name: 'Default',
      tempest_roles: ['member'],
    },
    identity: {
      uri_v3: `${facts.origin}/identity/v3`,
      auth_version: 'v3',
      region: facts.region,
      user_lockout_failure_attempts: compliance.lockoutFailureAttempts,
      user_lockout_duration: compliance.lockoutDuration,
      user_unique_last_password_count: compliance.uniqueLastPasswordCount,
      user_minimum_password_age: compliance.minimumPasswordAge,
    },
    'identity-feature-enabled': {
      api_v2: false,
      api_v2_admin: false,
      // What its tests try of it.
      security_compliance: compliance.lockoutFailureAttempts > 0 && compliance.uniqueLastPasswordCount > 0,
    },
    compute: {
      ...patience,
      image_ref: image,
      image_ref_alt: otherImage,
      flavor_ref: flavor,
      flavor_ref_alt: otherFlavor,
      max_microversion: facts.newest.compute,
      hypervisor_type: 'QEMU',
      volume_device_name: 'vdb',
      shelved_offload_time: 0,
      min_compute_nodes: facts.hosts,
    },
    'compute-feature-enabled': {
      resize: true,
      serial_console: true,
      vnc_console: isReal,
      console_output: isReal,
      stable_rescue: true,
      hostname_fqdn_sanitization: true,
      scheduler_enabled_filters: schedulerFilters,
      volume_multiattach: true,
      swap_volume: true,
      personality: true,
      cold_migration: facts.hosts > 1,
      live_migration: facts.hosts > 1,
      // Disks of guests and volumes go along, whichever of Tempest's names one has for it.
      block_migration_for_live_migration: facts.hosts > 1,
      volume_backed_live_migration: facts.hosts > 1,
      // There are no encrypted volumes.
      attach_encrypted_volume: false,
      // TinyLinux has no driver for it.
      ide_bus: false,
    },
    // Tests take the first six pairs of formats.
    image: {
      ...patience,
      ...(facts.imageUrl === undefined ? {} : { http_qcow2_image: facts.imageUrl }),
      ...(formats === 'shapeless' ? { disk_formats: ['raw', 'ami', 'ari', 'aki', 'raw', 'ami'] } : {}),
    },
    'image-feature-enabled': { image_format_enforcement: formats === 'enforced' },
    network: {
      ...patience,
      ...(facts.publicNetwork
        ? { public_network_id: facts.publicNetwork.id, floating_network_name: facts.publicNetwork.name }
        : {}),
    },
    'network-feature-enabled': {
      ipv6: true,
      ipv6_subnet_attributes: true,
      api_extensions: facts.networkExtensions.join(','),
      floating_ips: facts.publicNetwork !== undefined,
      port_security: facts.networkExtensions.includes('port-security'),
    },
    validation: {
      run_validation: facts.guestsAreReachable,
      image_ssh_user: 'root',
      image_alt_ssh_user: 'root',
      ssh_timeout: 240,
      ping_timeout: 180,
      ssh_shell_prologue: `set -eu; PATH=$$PATH:/sbin:/usr/sbin; ${missingPrograms} ${tmpOnDisk}`,
    },
    ...(facts.newest.placement ? { placement: { max_microversion: facts.newest.placement } } : {}),
    volume: {
      ...patience,
      max_microversion: facts.newest.volume,
      vendor_name: 'Unkai',
      storage_protocol: 'file',
      volume_type_multiattach: facts.sharedType,
    },
    'volume-feature-enabled': { backup: true, extend_attached_volume: true },
    scenario: { dhcp_client: 'udhcpc', img_file: facts.imageFile, img_disk_format: 'qcow2' },
    service_available: { nova: true, glance: true, neutron: true, cinder: true, swift: false, horizon: false },
  };
}

/** The text of tempest.conf; what the run writes besides goes into the folder. */
export function tempestConf(facts: CloudFacts, folder: string, pass: Pass): string {
  return Object.entries(sections(facts, folder, pass))
    .map(([name, values]) => {
      const lines = Object.entries(values).map(([key, value]) => `${key} = ${asText(value)}`);
      return `[${name}]\n${lines.join('\n')}\n`;
    })
    .join('\n');
}

function asText(value: Value): string {
  return Array.isArray(value) ? value.join(',') : String(value);
}
