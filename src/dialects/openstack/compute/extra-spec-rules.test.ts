import { expect, test } from 'vitest';
import { checkExtraSpec } from './extra-spec-rules.ts';

test.each([
  ['hw:cpu_policy', 'dedicated'],
  ['hw:cpu_realtime', 'Yes'],
  ['hw:cpu_realtime_mask', '^0-1,3'],
  ['hw:numa_nodes', '2'],
  ['hw:numa_cpus.1', '0-3,^2'],
  ['hw:mem_page_size', '2MB'],
  ['hw:mem_page_size', 'large'],
  ['hw_rng:rate_bytes', '0'],
  ['os:secure_boot', 'required'],
  ['pci_passthrough:alias', 'gpu:1, nic:2'],
  ['quota:disk_total_iops_sec', '100'],
  ['quota:cpu_quota', '-1'],
  ['quota:vif_inbound_peak', '10'],
  ['resources:VGPU', '1'],
  ['resources1:CUSTOM_FPGA', '1'],
  ['resources_NIC:PCPU', '0'],
  ['trait:HW_CPU_X86_AVX2', 'required'],
  ['trait2:CUSTOM_FAST', 'forbidden'],
  ['aggregate_instance_extra_specs:ssd', 'true'],
  ['capabilities:cpu_info:features', '<in> avx'],
  ['vmware:hw_version', '15'],
  ['group_policy', 'isolate'],
  ['whatever', 'it is'],
  ['mine:own', 'words'],
])('%s may be %s', (name, value) => {
  expect(() => checkExtraSpec(name, value)).not.toThrow();
});

test.each([
  ['hw:cpu_policy', 'fast', "Validation failed; 'fast' is not one of: dedicated, shared, mixed."],
  ['hw:cpu_realtime', '2', "Validation failed; '2' is not a valid boolean."],
  ['hw:numa_nodes', '0', "Validation failed; '0' is less than the min value of '1'."],
  ['hw:numa_nodes', 'two', "Validation failed; 'two' is not a valid integer."],
  ['powervm:shared_weight', '256', "Validation failed; '256' is greater than the max value of '255'."],
  ['pci_passthrough:alias', 'gpu', /is not of the format/],
  ['hw:cpu_dedicated_mask', '0-', /is not of the format/],
  ['hw:numa_node', '1', "Validation failed; extra spec 'hw:numa_node' does not appear to be a valid extra spec."],
  ['resources:GOLD', '1', /does not appear to be a valid extra spec/],
  ['trait1:lower', 'required', /does not appear to be a valid extra spec/],
  ['quota:anything', '1', /does not appear to be a valid extra spec/],
])('%s may not be %s', (name, value, message) => {
  expect(() => checkExtraSpec(name, value)).toThrow(message);
});

test('what takes long to find out is refused as quickly', () => {
  expect(() => checkExtraSpec('hw:cpu_realtime_mask', `1${',1-1'.repeat(5000)}x`)).toThrow(/is not of the format/);
});
