import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import {
  buildTinyLinux,
  type TinyLinuxImage,
  tinyLinuxMinimumMemory,
  tinyLinuxVirtualSize,
} from '../../guest/tinylinux.ts';
import { newId } from '../env/env.ts';
import { realEnv } from '../env/real.ts';
import type { GuestOrigin, GuestSpec, HostAgent } from './contract.ts';

const env = realEnv();
const bootTimeout = 300_000;
/**
 * What hosts do to hand guests that run over to each other, wherever they are.
 * @param openHosts opens two hosts that keep what they have in the folder
 * @param options.onlyJourney leaves out what does not depend on the way between them
 */
export function liveMigrationContract(
  name: string,
  openHosts: (root: string) => Promise<[HostAgent, HostAgent]>,
  { onlyJourney = false } = {},
): void {
  describe(`live migration ${name}`, () => {
    let root: string;
    let hosts: HostAgent[] = [];
    let image: TinyLinuxImage;

    beforeAll(async () => {
      root = await mkdtemp(join(tmpdir(), 'unkai-live-'));
      image = await buildTinyLinux({ cacheDir: resolve(import.meta.dirname, '../../var/cache') });
      hosts = await openHosts(root);
      const source = { kind: 'file' as const, path: image.path };
      for (const host of hosts)
        await host.ensureImageCached({ imageId: 'tinylinux', format: 'qcow2', size: image.size, source });
    }, bootTimeout);
    afterEach(async () => {
      for (const host of hosts)
        for (const { serverId } of (await host.inventory()).guests) await host.removeGuest(serverId);
    });
    afterAll(async () => {
      for (const host of hosts) await host.close();
      await rm(root, { recursive: true, force: true });
    });

    const logOf = async (host: HostAgent, serverId: string) => (await host.consoleLog(serverId)).replaceAll('\r', '');
    const ticks = async (host: HostAgent, serverId: string) =>
      [...(await logOf(host, serverId)).matchAll(/tick (\d+)$/gm)].map(([, count]) => Number(count));
    const tickedTo = (host: HostAgent, serverId: string, count: number) =>
      expect
        .poll(async () => (await ticks(host, serverId)).at(-1) ?? 0, { timeout: bootTimeout, interval: 20 })
        .toBeGreaterThanOrEqual(count);

    const layer = (diskId: string) => ({
      diskId,
      size: tinyLinuxVirtualSize,
      base: { kind: 'image' as const, imageId: 'tinylinux' },
    });

    /** A guest that counts, with a disk above an image and a blank one. */
    async function startCounter(
      host: HostAgent,
      serverId: string,
      place: { storageId?: string } = {},
    ): Promise<GuestSpec> {
      const extra = newId(env);
      await host.ensureDisk({ ...layer(serverId), ...place });
      await host.ensureDisk({ diskId: extra, size: 8 * 1024 ** 2, base: { kind: 'blank' } });
      await host.ensureConfigDrive(serverId, {
        'openstack/latest/meta_data.json': JSON.stringify({ uuid: 'x', hostname: 'traveller' }),
        'openstack/latest/user_data': '#!/bin/sh\ntick 0.2 &\n',
      });
      const guest: GuestSpec = {
        serverId,
        instanceName: 'instance-00000001',
        vcpus: 1,
        memoryMb: tinyLinuxMinimumMemory,
        bootMode: 'bios',
        disks: [
          { diskId: serverId, volumeId: serverId, bus: 'virtio' },
          { diskId: extra, volumeId: 'extra', bus: 'virtio' },
        ],
        hasConfigDrive: true,
        nics: [],
      };
      await host.ensureGuestRunning(guest);
      await tickedTo(host, serverId, 3);
      return guest;
    }

    /** Everything that the other host needs before the guest can come. */
    async function awaited(target: HostAgent, spec: GuestSpec, origin: GuestOrigin) {
      const disks = spec.disks.map((disk) => ({ ...disk, diskId: `${disk.diskId}-moved` }));
      await target.ensureDisk(layer(disks[0]!.diskId));
      await target.ensureDisk({ diskId: disks[1]!.diskId, size: 8 * 1024 ** 2, base: { kind: 'blank' } });
      return await target.receiveGuest({ ...spec, disks }, origin);
    }

    const extents = [
      { volumeId: '', extent: 'layer' as const },
      { volumeId: 'extra', extent: 'all' as const },
    ];
    const requestFor = (serverId: string, inlet: Awaited<ReturnType<typeof awaited>>, bandwidth?: number) => ({
      inlet,
      bandwidth,
      disks: [{ ...extents[0]!, volumeId: serverId }, extents[1]!],
    });

    test(
      'a guest goes on counting on another host, with its disks, and comes back',
      async () => {
        const [one, two] = hosts as [HostAgent, HostAgent];
        const serverId = newId(env);
        const spec = await startCounter(one, serverId);
        const origin = await one.describeGuest(serverId);
        const request = requestFor(serverId, await awaited(two, spec, origin));
        expect(await one.guestState(serverId)).toBe('running');
        await one.sendGuest(serverId, request);
        expect(await one.guestState(serverId)).toBe('paused');
        await one.sendGuest(serverId, request);
        const accepted = { paused: false, files: origin.files };
        await two.acceptGuest(serverId, accepted);
        await two.acceptGuest(serverId, accepted);
        expect(await two.guestState(serverId)).toBe('running');
        const before = (await ticks(one, serverId)).at(-1)!;
        await one.removeGuest(serverId);
        for (const { diskId } of spec.disks) await one.removeDisk(diskId);

        await tickedTo(two, serverId, before + 5);
        const counted = await ticks(two, serverId);
        const since = counted.slice(counted.indexOf(before));
        expect(since).toEqual(since.map((_, index) => before + index));
        expect((await logOf(two, serverId)).match(/TinyLinux ready/g)).toHaveLength(1);
        for (const host of hosts) expect((await host.inventory()).strayFiles).toEqual([]);

        // A process that came in by memory can send it on, and what it had is its new specification.
        const back = await two.describeGuest(serverId);
        expect(back.spec.disks.map(({ diskId }) => diskId)).toEqual(spec.disks.map(({ diskId }) => `${diskId}-moved`));
      },
      2 * bootTimeout,
    );

    test(
      'a guest whose disk lies in a storage that both hosts share goes along without its being copied, and back',
      async () => {
        const path = join(root, 'common');
        await mkdir(path);
        for (const [index, host] of hosts.entries()) {
          const shared = { marker: 'mark', mayMark: index === 0 };
          const place = { storageId: 'common', path, part: `host-${index}`, shared };
          expect(await host.applyStorages([place])).not.toMatchObject([{ problem: expect.anything() }]);
        }
        const [one, two] = hosts as [HostAgent, HostAgent];
        const serverId = newId(env);
        const spec = await startCounter(one, serverId, { storageId: 'common' });
        const origin = { ...(await one.describeGuest(serverId)), sharedVolumeIds: [serverId] };
        const diskId = `${serverId}-moved`;
        const source = { diskId: serverId, part: 'host-0', virtualSize: tinyLinuxVirtualSize, isOpen: true };
        const base = { kind: 'same' as const, source };
        await two.ensureDisk({ diskId, size: tinyLinuxVirtualSize, storageId: 'common', base });
        await two.ensureDisk({ diskId: 'extra-moved', size: 8 * 1024 ** 2, base: { kind: 'blank' } });
        const disks = [
          { ...spec.disks[0]!, diskId },
          { ...spec.disks[1]!, diskId: 'extra-moved' },
        ];
        const request = { disks: [extents[1]!] };
        // What has been sent can be taken back, and the guest goes on writing here.
        await one.sendGuest(serverId, { ...request, inlet: await two.receiveGuest({ ...spec, disks }, origin) });
        await two.removeGuest(serverId);
        await one.takeBackGuest(serverId, { paused: false });
        const here = (await ticks(one, serverId)).at(-1)!;
        await tickedTo(one, serverId, here + 3);

        await one.sendGuest(serverId, { ...request, inlet: await two.receiveGuest({ ...spec, disks }, origin) });
        await two.acceptGuest(serverId, { paused: false, files: origin.files });
        const before = (await ticks(one, serverId)).at(-1)!;
        await one.removeGuest(serverId);
        for (const disk of spec.disks) await one.removeDisk(disk.diskId);
        await tickedTo(two, serverId, before + 3);
        expect((await readdir(join(path, 'host-0'))).filter((name) => name !== 'images')).toEqual([]);
        expect((await two.inventory()).guests[0]?.openDisks).toContain(diskId);
        await two.removeGuest(serverId);
        for (const id of [diskId, 'extra-moved']) await two.removeDisk(id);
        for (const host of hosts) expect(await host.applyStorages([])).toEqual([]);
        expect(await readdir(path)).toEqual([]);
      },
      2 * bootTimeout,
    );

    if (onlyJourney) return;

    test(
      'a guest whose sending fails or is taken back goes on where it was, and can be sent again',
      async () => {
        const [one, two] = hosts as [HostAgent, HostAgent];
        const serverId = newId(env);
        const spec = await startCounter(one, serverId);
        const origin = await one.describeGuest(serverId);
        const inlet = await awaited(two, spec, origin);
        await two.removeGuest(serverId);
        await expect(one.sendGuest(serverId, requestFor(serverId, inlet))).rejects.toThrow();
        await one.takeBackGuest(serverId, { paused: false });
        const failedAt = (await ticks(one, serverId)).at(-1)!;
        await tickedTo(one, serverId, failedAt + 2);

        const again = requestFor(serverId, await awaited(two, spec, origin));
        await one.sendGuest(serverId, again);
        await two.removeGuest(serverId);
        await one.takeBackGuest(serverId, { paused: false });
        await one.takeBackGuest(serverId, { paused: false });
        expect(await one.guestState(serverId)).toBe('running');
        const takenBackAt = (await ticks(one, serverId)).at(-1)!;
        await tickedTo(one, serverId, takenBackAt + 2);
        expect(await one.sendProgress(serverId)).toBeUndefined();
        const log = await logOf(one, serverId);
        expect(log.match(/TinyLinux ready/g)).toHaveLength(1);
      },
      2 * bootTimeout,
    );

    /** So slow that it takes minutes to send even a small guest, bytes per second. */
    const crawl = 100_000;
    const isOnItsWay = (host: HostAgent, serverId: string) =>
      expect
        .poll(async () => (await host.sendProgress(serverId))?.memory.transferred ?? 0, { timeout: bootTimeout })
        .toBeGreaterThan(0);

    test(
      'a sending is ended while the memory is on its way, and the guest has not noticed',
      async () => {
        const [one, two] = hosts as [HostAgent, HostAgent];
        const serverId = newId(env);
        const spec = await startCounter(one, serverId);
        const origin = await one.describeGuest(serverId);
        const sending = one.sendGuest(serverId, requestFor(serverId, await awaited(two, spec, origin), crawl));
        sending.catch(() => {});
        await isOnItsWay(one, serverId);
        expect(await one.guestState(serverId)).toBe('running');
        await one.takeBackGuest(serverId, { paused: false });
        await expect(sending).rejects.toThrow();
        expect(await one.sendProgress(serverId)).toBeUndefined();
        const endedAt = (await ticks(one, serverId)).at(-1)!;
        await tickedTo(one, serverId, endedAt + 2);
        const counted = await ticks(one, serverId);
        expect(counted).toEqual(counted.map((_, index) => index + 1));
        await two.removeGuest(serverId);
      },
      2 * bootTimeout,
    );

    test(
      'a guest that is hurried stands still, arrives in a moment, and goes on there',
      async () => {
        const [one, two] = hosts as [HostAgent, HostAgent];
        const serverId = newId(env);
        const spec = await startCounter(one, serverId);
        const origin = await one.describeGuest(serverId);
        const sending = one.sendGuest(serverId, requestFor(serverId, await awaited(two, spec, origin), crawl));
        await isOnItsWay(one, serverId);
        await one.hurrySending(serverId);
        await sending;
        const stoodAt = (await ticks(one, serverId)).at(-1)!;
        await two.acceptGuest(serverId, { paused: false, files: origin.files });
        await one.removeGuest(serverId);
        await tickedTo(two, serverId, stoodAt + 2);
        const counted = await ticks(two, serverId);
        expect(counted).toEqual(counted.map((_, index) => index + 1));
      },
      2 * bootTimeout,
    );

    test(
      'a guest with a disk that can not be written to is not sent',
      async () => {
        const [one] = hosts as [HostAgent, HostAgent];
        const serverId = newId(env);
        const spec = await startCounter(one, serverId);
        await one.stopGuest(serverId, { graceSeconds: 0 });
        const [root, extra] = spec.disks;
        await one.ensureGuestRunning({ ...spec, disks: [root!, { ...extra!, readOnly: true }] });
        await expect(one.describeGuest(serverId)).rejects.toMatchObject({ code: 'unsupported' });
        expect(await one.guestState(serverId)).toBe('running');
      },
      2 * bootTimeout,
    );
  });
}
