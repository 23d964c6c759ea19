import { readFile } from 'node:fs/promises';
import type { GuestDiagnostics, GuestDisk, GuestNic, GuestSpec, NicCounters } from '../../contract.ts';
import { diskDeviceId } from './command-line.ts';
import type { QmpConnection } from './qmp.ts';

interface BlockStatistics {
  qdev?: string;
  stats: {
    rd_bytes: number;
    wr_bytes: number;
    rd_operations: number;
    wr_operations: number;
    failed_rd_operations: number;
    failed_wr_operations: number;
  };
}

interface Subject {
  spec: GuestSpec;
  pid: number;
  /** The device of the host that is the other end of the guest's interface; undefined where there is none. */
  deviceOf(nic: GuestNic): string | undefined;
}

/** What QEMU and the kernel count of a guest that runs. */
export async function readDiagnostics(qmp: QmpConnection, { spec, pid, deviceOf }: Subject): Promise<GuestDiagnostics> {
  const { status } = await qmp.execute<{ status: string }>('query-status');
  const cpus = await qmp.execute<Array<{ 'cpu-index': number; 'thread-id': number }>>('query-cpus-fast');
  const blocks = await qmp.execute<BlockStatistics[]>('query-blockstats');
  const network = parseNetDev(await readProcess(pid, 'net/dev'));
  return {
    state: status === 'running' ? 'running' : 'paused',
    uptimeSeconds: await uptimeOf(pid),
    vcpus: await Promise.all(
      cpus.map(async (cpu) => ({ id: cpu['cpu-index'], nanoseconds: await threadTime(pid, cpu['thread-id']) })),
    ),
    memory: { maximumMb: spec.memoryMb, usedMb: await residentMb(pid) },
    disks: spec.disks.map((disk) => diskFigures(disk, blocks)),
    nics: spec.nics.map((nic) => ({
      macAddress: nic.macAddress,
      portId: nic.portId,
      counters: network.get(deviceOf(nic) ?? '') ?? null,
    })),
  };
}

function diskFigures(
  { volumeId, bus }: GuestDisk,
  blocks: readonly BlockStatistics[],
): GuestDiagnostics['disks'][number] {
  const id = diskDeviceId(volumeId);
  const stats = blocks.find(({ qdev }) => qdev?.split('/').includes(id))?.stats;
  return {
    volumeId,
    bus,
    readBytes: stats?.rd_bytes ?? 0,
    readRequests: stats?.rd_operations ?? 0,
    writtenBytes: stats?.wr_bytes ?? 0,
    writeRequests: stats?.wr_operations ?? 0,
    errors: (stats?.failed_rd_operations ?? 0) + (stats?.failed_wr_operations ?? 0),
  };
}

/**
 * The counters of /proc/PID/net/dev: the devices of the network namespace that the process is in. What the host's end
 * of a tap receives the guest has sent.
 */
function parseNetDev(text: string): Map<string, NicCounters> {
  const devices = new Map<string, NicCounters>();
  for (const line of text.split('\n').slice(2)) {
    const [name, figures] = line.split(':');
    if (!name || !figures) continue;
    const [
      rx = 0,
      rxPackets = 0,
      rxErrors = 0,
      rxDropped = 0,
      ,
      ,
      ,
      ,
      tx = 0,
      txPackets = 0,
      txErrors = 0,
      txDropped = 0,
    ] = figures.trim().split(/\s+/).map(Number);
    devices.set(name.trim(), {
      received: { bytes: tx, packets: txPackets, errors: txErrors, dropped: txDropped },
      sent: { bytes: rx, packets: rxPackets, errors: rxErrors, dropped: rxDropped },
    });
  }
  return devices;
}

function readProcess(pid: number, file: string): Promise<string> {
  return readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '');
}

/** The time for which a thread had a processor: the first figure of its schedstat. */
async function threadTime(pid: number, thread: number): Promise<number> {
  return Number((await readProcess(pid, `task/${thread}/schedstat`)).split(' ')[0]) || 0;
}

async function residentMb(pid: number): Promise<number> {
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(await readProcess(pid, 'status'))?.[1] ?? '0';
  return Math.round(Number(kibibytes) / 1024);
}

/** Ticks of a second in /proc: a constant of Linux's interface to programs, whatever the kernel's own. */
const ticksPerSecond = 100;

async function uptimeOf(pid: number): Promise<number> {
  const stat = await readProcess(pid, 'stat');
  const sinceBoot = Number((await readFile('/proc/uptime', 'utf8')).split(' ')[0]);
  // The name of the program, in parentheses, may hold anything; field 22 is the start.
  const begun = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]) / ticksPerSecond;
  return Number.isFinite(begun) ? Math.max(0, Math.round(sinceBoot - begun)) : 0;
}
