import { Type } from 'typebox';
import { operation } from '../../../api/operation.ts';
import type { GuestDiagnostics } from '../../../cloud/servers/diagnostics.ts';
import { minorOf } from './microversions.ts';
import { closed, exampleServer, type Of, ServerParams, serverIdOf } from './wire.ts';

const changePassword = operation({
  id: 'ChangeServerPassword',
  dialect: 'compute',
  group: 'server actions',
  method: 'POST',
  path: '/servers/{server_id}/action',
  bodyKey: 'changePassword',
  since: '2.1',
  mode: 'async',
  allow: 'member',
  params: ServerParams,
  body: closed({ adminPass: Type.String({ maxLength: 1024 }) }),
  responses: { 202: null },
  errors: [400, 401, 403, 404, 409, 503],
  title: "Change the administrator's password",
  summary:
    "Sets the password of the administrator inside the server, by QEMU's guest agent. Where none runs there it is " +
    "refused. The user is the image's `os_admin_user`, else root.",
  examples: [
    {
      title: 'Of one server',
      params: exampleServer,
      body: { changePassword: { adminPass: 'n3w-Passw0rd' } },
      status: 202,
    },
  ],
  async handle(call) {
    await call.cloud.servers.changePassword(call.subject, serverIdOf(call), { password: call.body.adminPass });
    return {};
  },
});

const Figure = Type.Union([Type.Integer(), Type.Null()]);
const Standard = Type.Object({
  state: Type.String(),
  driver: Type.String(),
  hypervisor: Type.String(),
  hypervisor_os: Type.String(),
  uptime: Type.Integer({ description: 'Seconds.' }),
  config_drive: Type.Boolean(),
  num_cpus: Type.Integer(),
  num_nics: Type.Integer(),
  num_disks: Type.Integer(),
  memory_details: Type.Object({ maximum: Type.Integer({ description: 'MiB.' }), used: Type.Integer() }),
  cpu_details: Type.Array(
    Type.Object({ id: Type.Integer(), time: Type.Integer({ description: 'Nanoseconds.' }), utilisation: Figure }),
  ),
  nic_details: Type.Array(
    Type.Object({
      ...{ mac_address: Type.String(), rx_octets: Figure, rx_errors: Figure, rx_drop: Figure, rx_packets: Figure },
      ...{
        rx_rate: Figure,
        tx_octets: Figure,
        tx_errors: Figure,
        tx_drop: Figure,
        tx_packets: Figure,
        tx_rate: Figure,
      },
    }),
  ),
  disk_details: Type.Array(
    Type.Object({
      ...{ read_bytes: Figure, read_requests: Figure, write_bytes: Figure, write_requests: Figure },
      errors_count: Figure,
    }),
  ),
});
/** Before 2.48: a figure by the name of its device. */
const Named = Type.Record(Type.String(), Type.Number());

const showDiagnostics = operation({
  id: 'ShowServerDiagnostics',
  dialect: 'compute',
  group: 'servers',
  method: 'GET',
  path: '/servers/{server_id}/diagnostics',
  since: '2.1',
  mode: 'sync',
  allow: 'admin',
  params: ServerParams,
  responses: { 200: Type.Union([Standard, Named]) },
  errors: [401, 403, 404, 409, 503],
  title: "Show a server's diagnostics",
  summary:
    'What its host counts of a server that runs: processor time, memory, bytes of disks and interfaces. The same for ' +
    'every cloud from 2.48 on; before that by the names of devices.',
  examples: [{ title: 'Of one server', params: exampleServer, status: 200 }],
  async handle(call) {
    const { cloud, subject, context } = call;
    const id = serverIdOf(call);
    const figures = await cloud.servers.diagnostics(subject, id);
    if (minorOf(context) < 48) return { body: namedFigures(figures) };
    const server = await cloud.servers.get(subject, id);
    const host = (await cloud.hosts.list()).find((one) => one.id === server.hostId);
    return {
      body: standardFigures(figures, { configDrive: server.hasConfigDrive, isKvm: host?.accelerator === 'kvm' }),
    };
  },
});

const prefixes = { virtio: 'vd', sata: 'sd', ide: 'hd', cdrom: 'hd' } as const;

/** Named as libvirt's driver names them; an interface by the device at its other end. Bytes, nanoseconds, kibibytes. */
function namedFigures({ vcpus, memory, disks, nics }: GuestDiagnostics): Of<typeof Named> {
  const figures: Record<string, number> = { memory: memory.maximumMb * 1024, 'memory-rss': memory.usedMb * 1024 };
  for (const { id, nanoseconds } of vcpus) figures[`cpu${id}_time`] = nanoseconds;
  const seen: Record<string, number> = {};
  for (const disk of disks) {
    const prefix = prefixes[disk.bus];
    const index = seen[prefix] ?? 0;
    seen[prefix] = index + 1;
    const name = `${prefix}${String.fromCharCode(97 + index)}`;
    figures[`${name}_read`] = disk.readBytes;
    figures[`${name}_read_req`] = disk.readRequests;
    figures[`${name}_write`] = disk.writtenBytes;
    figures[`${name}_write_req`] = disk.writeRequests;
    figures[`${name}_errors`] = disk.errors;
  }
  for (const { portId, counters } of nics) {
    if (!counters) continue;
    const name = `tap${portId.slice(0, 8)}-${portId.slice(8, 10)}`;
    for (const [side, of] of [['rx', counters.received] as const, ['tx', counters.sent] as const]) {
      figures[`${name}_${side}`] = of.bytes;
      figures[`${name}_${side}_packets`] = of.packets;
      figures[`${name}_${side}_errors`] = of.errors;
      figures[`${name}_${side}_drop`] = of.dropped;
    }
  }
  return figures;
}

function standardFigures(
  { state, uptimeSeconds, vcpus, memory, disks, nics }: GuestDiagnostics,
  { configDrive, isKvm }: { configDrive: boolean; isKvm: boolean },
): Of<typeof Standard> {
  return {
    state,
    // The API knows five drivers by name; this is the one whose guests are QEMU's.
    driver: 'libvirt',
    hypervisor: isKvm ? 'kvm' : 'qemu',
    hypervisor_os: 'linux',
    uptime: uptimeSeconds,
    config_drive: configDrive,
    num_cpus: vcpus.length,
    num_nics: nics.length,
    num_disks: disks.length,
    memory_details: { maximum: memory.maximumMb, used: memory.usedMb },
    cpu_details: vcpus.map(({ id, nanoseconds }) => ({ id, time: nanoseconds, utilisation: null })),
    nic_details: nics.map(({ macAddress, counters }) => {
      const { received, sent } = counters ?? {};
      return {
        mac_address: macAddress,
        rx_octets: received?.bytes ?? null,
        rx_errors: received?.errors ?? null,
        rx_drop: received?.dropped ?? null,
        rx_packets: received?.packets ?? null,
        rx_rate: null,
        tx_octets: sent?.bytes ?? null,
        tx_errors: sent?.errors ?? null,
        tx_drop: sent?.dropped ?? null,
        tx_packets: sent?.packets ?? null,
        tx_rate: null,
      };
    }),
    disk_details: disks.map((disk) => ({
      read_bytes: disk.readBytes,
      read_requests: disk.readRequests,
      write_bytes: disk.writtenBytes,
      write_requests: disk.writeRequests,
      errors_count: disk.errors,
    })),
  };
}

/** What is asked of a server's guest itself. */
export const serverGuestOperations = [changePassword, showDiagnostics];
