import { mkdir } from 'node:fs/promises';
import { basename, dirname, join as joinPath } from 'node:path';
import type { Env } from '../../env/env.ts';
import { KeyedLock } from '../../env/keyed-lock.ts';
import { createAtomically } from '../atomic-file.ts';
import {
  AgentError,
  type CachedImage,
  type DiskExport,
  type DiskSource,
  type DiskSpec,
  type DiskUsage,
  type GuestInlet,
  type GuestOrigin,
  type GuestSpec,
  type HostAgent,
  type SendRequest,
} from '../contract.ts';
import { assertNamesNoOther } from '../disks/qcow2-header.ts';
import { receiveFile } from './file-stream.ts';
import { join } from './join.ts';
import type { Machine } from './machine.ts';
import { verbs } from './verbs.ts';

/** Machines by their names in journals; the control plane's own for none. Throws `unreachable` for one that is not known. */
export type FindMachine = (name: string | undefined) => Machine;

/** Larger files of a guest's folder than these are none that another host takes over. */
const largestSmallFile = 64 * 1024 * 1024;

/** How long the last of a guest may be on its way, milliseconds. */
const arrivalMs = 30_000;

/**
 * The host, which also takes what is on other machines than its own: images that it caches come from the control plane's,
 * disks that it exports go there, and what another host hands over comes from that one's, by way of this process.
 */
export function acrossMachines(env: Env, host: HostAgent, machine: Machine, find: FindMachine): HostAgent {
  const isOwn = machine.name === undefined;
  const images = new KeyedLock();
  const isElsewhere = (place: { machine?: string }) => place.machine !== machine.name;
  const here = <Place extends object>(place: Place) => (isOwn ? place : { ...place, machine: machine.name! });

  /** Whatever becomes of it, nobody goes on sending. */
  const carry = async (
    from: Machine,
    source: string,
    target: string,
    options: { flat: boolean; isLayer?: boolean },
  ) => {
    const { flat, isLayer = false } = options;
    const bytes = await from.read(source, { flat });
    await machine.write(target, bytes, { isLayer }).finally(() => bytes.destroy());
  };

  const bringDisk = async (disk: DiskSpec, stack: AsyncDisposableStack): Promise<DiskSpec> => {
    const source = foreignFile(disk, isElsewhere);
    if (!source || (await exists(host, disk.diskId))) return disk;
    const { imageId, machine: from, ...file } = source;
    const hasImage = imageId !== undefined && (await host.inventory()).images.includes(imageId);
    const folder = stack.use(await machine.borrowFolder());
    const path = joinPath(folder.path, basename(source.path));
    await carry(find(from), source.path, path, { flat: !hasImage, isLayer: hasImage });
    const brought = { ...file, path, ...(hasImage ? { imageId } : {}) };
    return { ...disk, base: { kind: 'moved', source: brought } };
  };

  const bringFiles = async (
    files: GuestOrigin['files'],
    stack: AsyncDisposableStack,
  ): Promise<GuestOrigin['files']> => {
    if (!isElsewhere(files)) return { kind: files.kind, path: files.path };
    const from = find(files.machine);
    const folder = stack.use(await machine.borrowFolder());
    for (const { name, size } of await from.files(files.path)) {
      if (size > largestSmallFile) continue;
      if (basename(name) !== name) throw new AgentError('hypervisor_failed', `${name} is no name of a file`);
      await carry(from, joinPath(files.path, name), joinPath(folder.path, name), { flat: false });
    }
    return { kind: 'folder', path: folder.path };
  };

  const changed: Partial<HostAgent> = {
    async ensureDisk(disk) {
      await using stack = new AsyncDisposableStack();
      return await host.ensureDisk(await bringDisk(disk, stack));
    },

    async ensureDisks(disks): Promise<DiskUsage[]> {
      await using stack = new AsyncDisposableStack();
      const brought: DiskSpec[] = [];
      for (const disk of disks) brought.push(await bringDisk(disk, stack));
      return await host.ensureDisks(brought);
    },

    async offerDisk(diskId): Promise<DiskSource> {
      const offered = await host.offerDisk(diskId);
      return offered.kind === 'file' ? here(offered) : offered;
    },

    async describeGuest(serverId): Promise<GuestOrigin> {
      const origin = await host.describeGuest(serverId);
      return { ...origin, files: here(origin.files) };
    },

    async receiveGuest(guest: GuestSpec, origin: GuestOrigin): Promise<GuestInlet> {
      await using stack = new AsyncDisposableStack();
      return here(await host.receiveGuest(guest, { ...origin, files: await bringFiles(origin.files, stack) }));
    },

    async sendGuest(serverId: string, request: SendRequest): Promise<void> {
      const { inlet } = request;
      if (!isElsewhere(inlet)) return await host.sendGuest(serverId, request);
      await using stack = new AsyncDisposableStack();
      const folder = stack.use(await machine.borrowFolder());
      const joined: Array<Promise<void>> = [];
      for (const socket of ['memory', 'disks'] as const) {
        const dial = () => find(inlet.machine).dial(joinPath(inlet.folder, inlet[socket]));
        stack.use(
          await machine.listen(joinPath(folder.path, socket), (stream) => {
            joined.push(
              dial().then(
                (other) => join(stream, other),
                () => void stream.destroy(),
              ),
            );
          }),
        );
      }
      const near: GuestInlet = { kind: 'unix', folder: folder.path, memory: 'memory', disks: 'disks' };
      await host.sendGuest(serverId, { ...request, inlet: near });
      // All has left the one host, and not all has come to the other one.
      await Promise.race([Promise.all(joined), env.sleep(arrivalMs)]);
    },

    async acceptGuest(serverId, options) {
      await using stack = new AsyncDisposableStack();
      await host.acceptGuest(serverId, { ...options, files: await bringFiles(options.files, stack) });
    },
  };

  const changedAfar: Partial<HostAgent> = {
    async ensureImageCached(image: CachedImage) {
      const { source } = image;
      if (source.kind !== 'file') return await host.ensureImageCached(image);
      return await images.run(image.imageId, async () => {
        await using folder = await machine.borrowFolder();
        const path = joinPath(folder.path, 'image');
        const there: CachedImage = { ...image, source: { kind: 'file', path } };
        try {
          return await host.ensureImageCached(there);
        } catch (error) {
          // It has not got it, and there is no such file yet.
          if (!(error instanceof AgentError) || error.code !== 'not_found') throw error;
        }
        await carry(find(undefined), source.path, path, { flat: false });
        return await host.ensureImageCached(there);
      });
    },

    async exportDisk(request: DiskExport) {
      await using folder = await machine.borrowFolder();
      const path = joinPath(folder.path, 'disk');
      const exported = await host.exportDisk({ ...request, target: { kind: 'file', path } });
      const target = request.target.path;
      await mkdir(dirname(target), { recursive: true });
      await createAtomically(target, async (temporary) => {
        const bytes = await machine.read(path, { flat: false });
        await receiveFile(bytes, temporary).finally(() => bytes.destroy());
        await assertNamesNoOther(temporary, { isLayer: false });
      });
      return exported;
    },
  };

  const unchanged = Object.fromEntries(verbs.map((verb) => [verb, (host[verb] as () => unknown).bind(host)]));
  const all = { ...unchanged, ...changed, ...(isOwn ? {} : changedAfar) } as unknown as HostAgent;
  return new Proxy(all, {
    get(target, name) {
      if (Object.hasOwn(target, name)) return Reflect.get(target, name) as unknown;
      const value = Reflect.get(host, name) as unknown;
      return typeof value === 'function' ? value.bind(host) : value;
    },
  });
}

/** The file on another machine that the disk is to be a copy of, if it is. */
function foreignFile({ base }: DiskSpec, isElsewhere: (place: { machine?: string }) => boolean) {
  if (base.kind !== 'moved' || base.source.kind !== 'file' || !isElsewhere(base.source)) return undefined;
  return base.source;
}

async function exists(host: HostAgent, diskId: string): Promise<boolean> {
  try {
    await host.diskUsage(diskId);
    return true;
  } catch (error) {
    if (error instanceof AgentError && error.code === 'not_found') return false;
    throw error;
  }
}
