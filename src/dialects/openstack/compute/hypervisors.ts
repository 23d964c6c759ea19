import { Type } from 'typebox';
import { type Call, operation } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';
import { capacityOf } from '../../../cloud/hosts/model.ts';
import type { HostUsage } from '../../../cloud/hosts/scheduler.ts';
import { findHost, hostIdView, isUp } from './hosts-view.ts';
import { minorOf } from './microversions.ts';

const common = {
  dialect: 'compute',
  group: 'hosts',
  method: 'GET',
  since: '2.1',
  mode: 'sync',
  allow: 'admin',
} as const;

const Id = Type.Unsafe<number | string>({ type: ['integer', 'string'], description: 'A UUID from 2.53 on.' });
const summary = {
  id: Id,
  hypervisor_hostname: Type.String(),
  state: Type.String({ description: '`up` or `down`.' }),
  status: Type.String({ description: '`enabled` or `disabled`.' }),
};
const figures = {
  vcpus: Type.Integer(),
  vcpus_used: Type.Integer(),
  memory_mb: Type.Integer(),
  memory_mb_used: Type.Integer(),
  free_ram_mb: Type.Integer(),
  local_gb: Type.Integer(),
  local_gb_used: Type.Integer(),
  free_disk_gb: Type.Integer(),
  disk_available_least: Type.Integer(),
  running_vms: Type.Integer(),
  current_workload: Type.Integer(),
};
const Detail = Type.Object({
  ...summary,
  ...figures,
  host_ip: Type.String(),
  hypervisor_type: Type.String(),
  hypervisor_version: Type.Integer(),
  cpu_info: Type.Unsafe<string | object>({
    type: ['string', 'object'],
    properties: {
      arch: { type: 'string' },
      topology: { type: 'object', properties: { sockets: { type: 'integer' } } },
    },
    description: 'An object from 2.28 on.',
  }),
  service: Type.Object({
    id: Id,
    host: Type.String(),
    disabled_reason: Type.Unsafe<string | null>({ type: ['string', 'null'] }),
  }),
});

function summaryView({ host }: HostUsage, minor: number) {
  return {
    id: hostIdView(host, minor),
    hypervisor_hostname: host.name,
    state: isUp(host) ? 'up' : 'down',
    status: host.state === 'enabled' ? 'enabled' : 'disabled',
  };
}

function figuresOf({ host, used, servers }: HostUsage) {
  const memoryUsed = host.reservedMemoryMb + used.memoryMb;
  return {
    vcpus: host.vcpus,
    vcpus_used: used.vcpus,
    memory_mb: host.memoryMb,
    memory_mb_used: memoryUsed,
    free_ram_mb: host.memoryMb - memoryUsed,
    local_gb: host.diskGb,
    local_gb_used: used.diskGb,
    free_disk_gb: host.diskGb - used.diskGb,
    disk_available_least: Math.max(0, capacityOf(host).diskGb - used.diskGb),
    running_vms: servers,
    current_workload: 0,
  };
}

function detailView(usage: HostUsage, minor: number) {
  const { host } = usage;
  const cpu = { arch: host.architecture, topology: { sockets: host.vcpus } };
  return {
    ...summaryView(usage, minor),
    ...figuresOf(usage),
    host_ip: host.managementAddress,
    hypervisor_type: host.hypervisorType,
    hypervisor_version: host.hypervisorVersion,
    cpu_info: minor >= 28 ? cpu : JSON.stringify(cpu),
    service: { id: hostIdView(host, minor), host: host.name, disabled_reason: null },
  };
}

async function usages({ cloud }: Call): Promise<HostUsage[]> {
  return (await cloud.hosts.usage()).toSorted((a, b) => (a.host.name < b.host.name ? -1 : 1));
}

export const hypervisorOperations = [
  operation({
    ...common,
    id: 'ListHypervisors',
    path: '/os-hypervisors',
    responses: { 200: Type.Object({ hypervisors: Type.Array(Type.Object(summary)) }) },
    errors: [401, 403],
    title: 'List hypervisors',
    summary: 'The hosts that servers run on.',
    examples: [{ title: 'All', status: 200 }],
    async handle(call) {
      const minor = minorOf(call.context);
      return { body: { hypervisors: (await usages(call)).map((usage) => summaryView(usage, minor)) } };
    },
  }),
  operation({
    ...common,
    id: 'ListHypervisorsDetails',
    path: '/os-hypervisors/detail',
    responses: { 200: Type.Object({ hypervisors: Type.Array(Detail) }) },
    errors: [401, 403],
    title: 'List hypervisors with details',
    summary: 'The hosts that servers run on, with what is taken of them.',
    examples: [{ title: 'All', status: 200 }],
    async handle(call) {
      const minor = minorOf(call.context);
      return { body: { hypervisors: (await usages(call)).map((usage) => detailView(usage, minor)) } };
    },
  }),
  operation({
    ...common,
    id: 'ShowHypervisorStatistics',
    path: '/os-hypervisors/statistics',
    responses: { 200: Type.Object({ hypervisor_statistics: Type.Object({ count: Type.Integer(), ...figures }) }) },
    errors: [401, 403],
    title: 'Show hypervisor statistics',
    summary: 'The figures of all hosts together.',
    examples: [{ title: 'All', status: 200 }],
    async handle(call) {
      const all = (await usages(call)).map(figuresOf);
      const names = Object.keys(figures) as Array<keyof typeof figures>;
      const sums = names.map((name) => [name, all.reduce((sum, one) => sum + one[name], 0)]);
      const statistics = { count: all.length, ...Object.fromEntries(sums) };
      return { body: { hypervisor_statistics: statistics } };
    },
  }),
  operation({
    ...common,
    id: 'ShowHypervisor',
    path: '/os-hypervisors/{hypervisor_id}',
    params: Type.Object({ hypervisor_id: Type.String() }),
    responses: { 200: Type.Object({ hypervisor: Detail }) },
    errors: [401, 403, 404],
    title: 'Show a hypervisor',
    summary: 'One host that servers run on.',
    examples: [{ title: 'By its number', params: { hypervisor_id: '1' }, status: 200 }],
    async handle(call) {
      const { hypervisor_id: id } = call.params;
      const minor = minorOf(call.context);
      const all = await usages(call as Call);
      const host = findHost(
        all.map((usage) => usage.host),
        id,
        minor,
      );
      const usage = all.find((one) => one.host === host);
      if (usage) return { body: { hypervisor: detailView(usage, minor) } };
      const words = `Hypervisor with ID '${id}' could not be found.`;
      throw new CloudError('not_found', words, { resource: 'hypervisor' });
    },
  }),
];
