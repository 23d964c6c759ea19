import { CloudError } from '../../../cloud/errors.ts';

/**
 * What Nova knows of the extra specs of flavors, as its reference lists them: from 2.86 on they are checked when they are
 * set. A spec without a namespace, or of one that Nova does not know, may be anything: operators have filters of their own.
 */

interface Rule {
  /** A regular expression over the whole name. */
  name: string;
  value: 'text' | 'boolean' | { min?: number; max?: number } | { oneOf: readonly string[] } | { pattern: string };
}

const atLeast = (min: number) => ({ min });
const oneOf = (words: string) => ({ oneOf: words.split(' ') });
const processors = '\\^?\\d+((-|,\\^?)\\d+)*';
const group = '(_[a-zA-Z0-9_]*|\\d+)?';
const classes =
  'VCPU MEMORY_MB DISK_GB PCI_DEVICE SRIOV_NET_VF NUMA_SOCKET NUMA_CORE NUMA_THREAD NUMA_MEMORY_MB IPV4_ADDRESS VGPU ' +
  'VGPU_DISPLAY_HEAD NET_BW_EGR_KILOBIT_PER_SEC NET_BW_IGR_KILOBIT_PER_SEC PCPU MEM_ENCRYPTION_CONTEXT FPGA PGPU ' +
  'NET_PACKET_RATE_KILOPACKET_PER_SEC NET_PACKET_RATE_EGR_KILOPACKET_PER_SEC NET_PACKET_RATE_IGR_KILOPACKET_PER_SEC';

/** Value → the names that take it, as regular expressions. */
function named(names: string, value: Rule['value']): Rule[] {
  return names.split(' ').map((name) => ({ name, value }));
}

const rules: readonly Rule[] = [
  ...named('accel:device_profile aggregate_instance_extra_specs:.+ capabilities:.+', 'text'),
  ...named(
    'hw:boot_menu hw:cpu_realtime hw:ephemeral_encryption hw:hide_hypervisor_id hw:locked_memory hw:mem_encryption ' +
      'hw:pmu hw:vif_multiqueue_enabled hw:virtio_packed_ring hw_rng:allowed hide_hypervisor_id',
    'boolean',
  ),
  ...named(
    'hw:cpu_cores hw:cpu_sockets hw:cpu_threads hw:cpu_max_cores hw:cpu_max_sockets hw:cpu_max_threads ' +
      'hw:numa_nodes hw:numa_mem\\.\\d+',
    atLeast(1),
  ),
  ...named(
    'hw:serial_port_count hw:maxphysaddr_bits hw_rng:rate_bytes hw_rng:rate_period hw_video:ram_max_mb',
    atLeast(0),
  ),
  ...named('hw:cpu_dedicated_mask hw:cpu_realtime_mask hw:numa_cpus\\.\\d+', { pattern: processors }),
  ...named('hw:mem_page_size', { pattern: '(large|small|any|\\d+([kKMGT]i?)?(b|bit|B)?)' }),
  ...named('hw:pmem', { pattern: '\\w+(,\\w+)*' }),
  ...named('hw:cpu_policy', oneOf('dedicated shared mixed')),
  ...named('hw:cpu_thread_policy', oneOf('prefer isolate require')),
  ...named('hw:emulator_threads_policy', oneOf('isolate share')),
  ...named('hw:ephemeral_encryption_format', oneOf('luks')),
  ...named('hw:maxphysaddr_mode', oneOf('passthrough emulate')),
  ...named('hw:pci_numa_affinity_policy', oneOf('required preferred legacy socket')),
  ...named('hw:tpm_model', oneOf('tpm-tis tpm-crb')),
  ...named('hw:tpm_version', oneOf('1.2 2.0')),
  ...named('hw:viommu_model', oneOf('intel smmuv3 virtio auto')),
  ...named('hw:watchdog_action', oneOf('none pause poweroff reset disabled')),
  ...named('os:secure_boot', oneOf('disabled required')),
  ...named('pci_passthrough:alias', { pattern: '[^:]+:\\d+(\\s*,\\s*[^:]+:\\d+)*' }),
  ...named('powervm:(min|max)_mem', atLeast(256)),
  ...named('powervm:(min|max)_vcpu', atLeast(1)),
  ...named('powervm:((min|max)_)?proc_units', { pattern: '\\d+\\.\\d+' }),
  ...named('powervm:shared_weight powervm:availability_priority', { min: 0, max: 255 }),
  ...named('powervm:dedicated_proc powervm:uncapped powervm:srr_capability', 'boolean'),
  ...named('powervm:processor_compatibility powervm:shared_proc_pool_name', 'text'),
  ...named(
    'powervm:dedicated_sharing_mode',
    oneOf('share_idle_procs keep_idle_procs share_idle_procs_active share_idle_procs_always'),
  ),
  ...named('quota:cpu_(shares|period) quota:disk_(read|write|total)_(bytes|iops)_sec', atLeast(0)),
  ...named('quota:disk_(read|write|total)_(bytes|iops)_sec_max(_length)? quota:disk_size_iops_sec', atLeast(0)),
  ...named('quota:cpu_quota quota:vif_(in|out)bound_(average|burst|peak)', {}),
  ...named('quota:(cpu|memory|disk_io|vif)_(limit|reservation|shares_share)', atLeast(0)),
  ...named('quota:(cpu|memory|disk_io|vif)_shares_level', oneOf('custom high normal low')),
  ...named(`resources${group}:(${classes.replaceAll(' ', '|')}|CUSTOM_[A-Z0-9_]+)`, atLeast(0)),
  ...named(`trait${group}:[A-Z][A-Z0-9_]*`, oneOf('required forbidden')),
  ...named('group_policy', oneOf('none isolate')),
  ...named('vmware:hw_version vmware:storage_policy', 'text'),
];
const known = rules.map(({ name, value }) => ({ name: new RegExp(`^(?:${name})$`), value }));
const namespaces = new RegExp(
  `^(?:accel|aggregate_instance_extra_specs|capabilities|hw|hw_rng|hw_video|os|pci_passthrough|powervm|quota|resources${group}|trait${group}|vmware):`,
);

/** Throws `invalid`, in Nova's words, for a spec that Nova knows and that is not as it has to be. */
export function checkExtraSpec(name: string, value: string): void {
  const rule = known.find((one) => one.name.test(name));
  const why = rule ? whyNot(rule.value, value) : undefined;
  if (why !== undefined) throw failed(why);
  if (!rule && namespaces.test(name)) throw failed(`extra spec '${name}' does not appear to be a valid extra spec.`);
}

function failed(why: string): CloudError {
  return new CloudError('invalid', `Validation failed; ${why}`, { field: 'extra_specs' });
}

const booleans = /^(?:1|t|true|on|y|yes|0|f|false|off|n|no)$/i;

function whyNot(rule: Rule['value'], value: string): string | undefined {
  if (rule === 'text') return undefined;
  if (rule === 'boolean') return booleans.test(value.trim()) ? undefined : `'${value}' is not a valid boolean.`;
  if ('oneOf' in rule)
    return rule.oneOf.includes(value) ? undefined : `'${value}' is not one of: ${rule.oneOf.join(', ')}.`;
  if ('pattern' in rule) {
    const isFit = new RegExp(`^(?:${rule.pattern})$`).test(value);
    return isFit ? undefined : `'${value}' is not of the format '${rule.pattern}'.`;
  }
  if (!/^\s*[+-]?\d+\s*$/.test(value)) return `'${value}' is not a valid integer.`;
  if (rule.min !== undefined && Number(value) < rule.min)
    return `'${value}' is less than the min value of '${rule.min}'.`;
  if (rule.max !== undefined && Number(value) > rule.max) {
    return `'${value}' is greater than the max value of '${rule.max}'.`;
  }
  return undefined;
}
