/**
 * How long a restarted control plane takes until it has found its running guests again: starts so many small guests
 * under QEMU (`node bench/adoption.ts 50`), lets go of them, and opens their host anew a few times.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { bootProgram } from '../src/agent/hypervisor/qemu/boot-program.ts';
import { writeBootSector } from '../src/agent/hypervisor/qemu/boot-sector.ts';
import { openQemuHost } from '../src/agent/hypervisor/qemu/qemu-host.ts';
import { newId } from '../src/env/env.ts';
import { realEnv } from '../src/env/real.ts';

const env = realEnv();
const count = Number(process.argv[2] ?? 50);
const rounds = 5;
const imageBytes = 2 ** 20;
const folder = await mkdtemp(join(tmpdir(), 'unkai-adoption-'));
const open = () => openQemuHost({ directory: join(folder, 'host'), env, accelerator: 'tcg' });

let host = await open();
try {
  const path = join(folder, 'boot.img');
  await writeBootSector(path, bootProgram());
  await host.ensureImageCached({ imageId: 'boot', format: 'raw', size: imageBytes, source: { kind: 'file', path } });
  for (let index = 0; index < count; index += 1) await startSmallGuest();
  const seconds: number[] = [];
  const busySeconds: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    await host.close();
    const began = performance.now();
    const used = process.cpuUsage();
    host = await open();
    const { guests } = await host.inventory();
    seconds.push((performance.now() - began) / 1000);
    const { user, system } = process.cpuUsage(used);
    busySeconds.push((user + system) / 1_000_000);
    const running = guests.filter(({ state }) => state === 'running').length;
    if (running !== count) throw new Error(`${running} of ${count} guests run after the restart`);
  }
  const per50 = (all: readonly number[]) => {
    const median = all.toSorted((a, b) => a - b)[Math.floor(rounds / 2)]!;
    return Number(((median * 50) / count).toFixed(3));
  };
  console.log(
    JSON.stringify({
      guests: count,
      rounds: seconds.map((one) => Number(one.toFixed(3))),
      secondsPer50: per50(seconds),
      // What of it this process computed: the rest it waited, for QEMU or for a processor.
      busySecondsPer50: per50(busySeconds),
      load: loadavg()[0],
    }),
  );
} finally {
  for (const { serverId } of (await host.inventory()).guests) await host.removeGuest(serverId);
  await host.close();
  await rm(folder, { recursive: true, force: true });
}

async function startSmallGuest(): Promise<void> {
  const serverId = newId(env);
  await host.ensureDisk({ diskId: serverId, size: imageBytes, base: { kind: 'image', imageId: 'boot' } });
  await host.ensureGuestRunning({
    serverId,
    instanceName: 'instance-00000001',
    vcpus: 1,
    memoryMb: 16,
    bootMode: 'bios',
    disks: [{ diskId: serverId, volumeId: serverId, bus: 'virtio' }],
    hasConfigDrive: false,
    nics: [],
  });
}
