import { createReadStream, createWriteStream } from 'node:fs';
import { open, rm, stat, writeFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createAtomically, syncPath } from '../../atomic-file.ts';
import { AgentError } from '../../contract.ts';
import { toAgentError } from '../../errors.ts';
import { guestFiles } from './command-line.ts';
import { type QmpConnection, QmpError } from './qmp.ts';
import { connectUnixSocket, listenOnUnixSocket } from './unix-socket.ts';

/**
 * The memory of a suspended guest: QEMU's migration stream in a file. QEMU may start no program and so can't write it
 * by itself with `exec:`; it speaks to a socket in the guest's folder instead.
 *
 * As long as the file is there, the guest has not run since it was written: whoever lets a guest run removes it first.
 */
export interface MemoryHeader {
  /** The full name of the machine type, which `pc` stands for in this QEMU and not in a later one. */
  machine: string;
  /** Where the guest sees its devices, by device id: plugged and unplugged ones are not in the order of their start. */
  addresses: Record<string, string>;
}

const headerBytes = 64 * 1024;
/** Bytes per second: the guest waits. */
const unlimited = 2 ** 40;

export function hasMemory(folder: string): Promise<boolean> {
  return stat(join(folder, guestFiles.memory)).then(
    () => true,
    () => false,
  );
}

/** Forgets the memory, for good: a stale one that came back after a power loss would ruin the guest's disks. */
export async function removeMemory(folder: string): Promise<void> {
  if (!(await hasMemory(folder))) return;
  await rm(join(folder, guestFiles.memory), { force: true });
  await syncPath(folder);
}

/** Writes the memory of a guest whose processors stand still. The file appears complete or not at all. */
export async function saveMemory(qmp: QmpConnection, folder: string): Promise<void> {
  const header = Buffer.alloc(headerBytes, ' ');
  if (header.write(JSON.stringify(await headerOf(qmp))) === headerBytes)
    throw new AgentError('unsupported', 'the guest has too many devices to be suspended');
  await createAtomically(join(folder, guestFiles.memory), async (temporary) => {
    await writeFile(temporary, header, { mode: 0o600, flag: 'wx' });
    await using listening = await listenOnUnixSocket(folder, guestFiles.memorySocket);
    const stream = listening.connection.then((socket) => receive(socket, temporary));
    stream.catch(() => {});
    const sent = migrated(qmp, async () => {
      await qmp.execute('migrate-set-parameters', { 'max-bandwidth': unlimited });
      await qmp.execute('migrate', { uri: `unix:${guestFiles.memorySocket}` });
    });
    // What broke the stream says more than QEMU, which only sees it broken.
    await Promise.all([stream, sent.catch((error) => Promise.race([stream, Promise.reject(error)]).then(() => sent))]);
  });
}

async function receive(socket: Socket, path: string): Promise<void> {
  try {
    await pipeline(socket, createWriteStream(path, { flags: 'a', highWaterMark: 1024 ** 2 }));
  } catch (error) {
    throw toAgentError(error, 'the memory of the guest could not be written');
  }
}

/** Gives the memory to a QEMU that waits for it. The guest's processors still stand afterwards. */
export async function loadMemory(qmp: QmpConnection, folder: string): Promise<void> {
  await migrated(qmp, async () => {
    await qmp.execute('migrate-incoming', { uri: `unix:${guestFiles.memorySocket}` });
    const socket = await connectUnixSocket(folder, guestFiles.memorySocket);
    // QEMU tells whether it got all: it may hang up first, and ends when the stream ends too early.
    pipeline(createReadStream(join(folder, guestFiles.memory), { start: headerBytes }), socket).catch(() => {});
  });
}

export async function readMemoryHeader(folder: string): Promise<MemoryHeader> {
  const file = await open(join(folder, guestFiles.memory));
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(headerBytes), 0, headerBytes, 0);
    return JSON.parse(buffer.toString('utf8', 0, bytesRead)) as MemoryHeader;
  } finally {
    await file.close();
  }
}

/** The arguments of a QEMU that waits for the memory: the same machine with every device where the guest knows it. */
export function argumentsForMemory(args: readonly string[], { machine, addresses }: MemoryHeader): string[] {
  const placed = args.map((value, index) => {
    const option = args[index - 1];
    if (option === '-machine') return value.replace(/^pc\b/, machine);
    if (option !== '-device') return value;
    const device = JSON.parse(value) as { id?: string };
    const addr = device.id === undefined ? undefined : addresses[device.id];
    return addr === undefined ? value : JSON.stringify({ ...device, addr });
  });
  return [...placed, '-incoming', 'defer', '-S'];
}

/** How the machine is built in which the guest runs. */
export async function headerOf(qmp: QmpConnection): Promise<MemoryHeader> {
  const machines = await qmp.execute<Array<{ name: string; alias?: string }>>('query-machines');
  const machine = machines.find(({ alias }) => alias === 'pc')?.name ?? 'pc';
  const path = '/machine/peripheral';
  const devices = await qmp.execute<Array<{ name: string; type: string }>>('qom-list', { path });
  const addresses: Record<string, string> = {};
  for (const { name, type } of devices) {
    if (!type.startsWith('child<')) continue;
    const address = await pciAddress(qmp, `${path}/${name}`);
    if (address !== undefined) addresses[name] = address;
  }
  return { machine, addresses };
}

/** Slot and function as `-device` takes them; undefined for what is on no PCI bus. */
async function pciAddress(qmp: QmpConnection, path: string): Promise<string | undefined> {
  try {
    const devfn = await qmp.execute<number>('qom-get', { path, property: 'addr' });
    return `${(devfn >> 3).toString(16)}.${devfn & 7}`;
  } catch (error) {
    if (error instanceof QmpError) return undefined;
    throw error;
  }
}

/** Resolves when the migration that `begin` begins has come to its end. */
async function migrated(qmp: QmpConnection, begin: () => Promise<void>): Promise<void> {
  using events = migrationEvents(qmp);
  await qmp.execute('migrate-set-capabilities', { capabilities: [{ capability: 'events', state: true }] });
  await begin();
  await events.until('completed');
}

/** What QEMU tells of its migration from now on. Disposing of it ends the listening. */
export function migrationEvents(qmp: QmpConnection): Disposable & { until(status: string): Promise<void> } {
  const seen = new Set<string>();
  const end = Promise.withResolvers<never>();
  end.promise.catch(() => {});
  let wake = () => {};
  const stopListening = qmp.onEvent(({ event, data }) => {
    if (event !== 'MIGRATION') return;
    const status = String(data?.['status']);
    seen.add(status);
    if (status === 'failed' || status === 'cancelled') end.reject(failed());
    wake();
  });
  const onClose = () => end.reject(new AgentError('hypervisor_failed', 'QEMU ended while the memory was on its way'));
  qmp.closed.addEventListener('abort', onClose);
  return {
    async until(status) {
      while (!seen.has(status)) {
        const { promise, resolve } = Promise.withResolvers<void>();
        wake = resolve;
        if (!seen.has(status)) await Promise.race([promise, end.promise]);
      }
    },
    [Symbol.dispose]() {
      stopListening();
      qmp.closed.removeEventListener('abort', onClose);
    },
  };
}

function failed(): AgentError {
  return new AgentError('hypervisor_failed', 'QEMU could not move the memory of the guest');
}
