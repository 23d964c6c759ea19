import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { buildTinyLinux } from '../../guest/tinylinux.ts';
import type { CloudProcess } from '../cloud-process.ts';
import { type Figure, percentile } from '../report.ts';
import { createServer, deleteServer, networkAndImage, waitFor } from '../servers.ts';

const rounds = 10;

/** What the cloud adds to making a disk and starting QEMU by hand, with the same memory and image. */
export async function qemuServers(cloud: CloudProcess, cacheDir: string): Promise<Figure[]> {
  const { path: image } = await buildTinyLinux({ cacheDir });
  const bare: number[] = [];
  const ours: number[] = [];
  const made = await networkAndImage(cloud);
  // The first server also fills the host's image cache.
  const first = await createServer(cloud, made, 'first');
  await waitFor(cloud, first, 'ACTIVE');
  await deleteServer(cloud, first);
  for (let round = 0; round < rounds; round += 1) {
    bare.push(await bareQemu(image));
    const from = performance.now();
    const id = await createServer(cloud, made, `guest-${round}`);
    await waitFor(cloud, id, 'ACTIVE');
    ours.push(performance.now() - from);
    await deleteServer(cloud, id);
  }
  const base = percentile(bare, 0.5);
  const value = percentile(ours, 0.5);
  return [
    { suite: 'servers (QEMU)', name: 'bare qemu-img + QEMU until its monitor answers, p50', value: base, unit: 'ms' },
    { suite: 'servers (QEMU)', name: 'create → ACTIVE, p50', value, unit: 'ms' },
    {
      suite: 'servers (QEMU)',
      name: 'added by the cloud',
      value: value - base,
      unit: 'ms',
      bound: { value: 150, better: 'lower', what: 'ms' },
    },
  ];
}

/** Milliseconds for a layer over the image and a guest on it, until its monitor greets. */
async function bareQemu(image: string): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'unkai-bench-'));
  const from = performance.now();
  execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', '-F', 'qcow2', '-b', image, join(folder, 'disk'), '1G']);
  const guest = spawn(
    'qemu-system-x86_64',
    [
      ...['-nodefaults', '-no-user-config', '-display', 'none', '-accel', 'tcg', '-m', '128', '-machine', 'pc'],
      ...[
        '-drive',
        `file=${join(folder, 'disk')},format=qcow2,if=virtio`,
        '-netdev',
        'user,id=n',
        '-device',
        'virtio-net,netdev=n',
      ],
      ...['-qmp', `unix:${join(folder, 'qmp')},server=on,wait=off`],
    ],
    { stdio: 'ignore' },
  );
  await greeting(join(folder, 'qmp'));
  const taken = performance.now() - from;
  guest.kill('SIGKILL');
  await once(guest, 'exit');
  rmSync(folder, { recursive: true });
  return taken;
}

async function greeting(path: string): Promise<void> {
  for (;;) {
    const socket = connect(path);
    try {
      await once(socket, 'data');
      return socket.destroy() as unknown as undefined;
    } catch {
      await pause(2);
    }
  }
}
