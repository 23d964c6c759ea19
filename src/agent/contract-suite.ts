import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { newId } from '../env/env.ts';
import { realEnv } from '../env/real.ts';
import type { GuestSpec, GuestState, HostAgent } from './contract.ts';
import { type ContractBench, failure, imageBytes, mebibyte } from './contract-bench.fixture.ts';
import { disksContract } from './contract-disks-suite.ts';
import { imagesContract } from './contract-images-suite.ts';
import { storagesContract } from './contract-storages-suite.ts';
import { readQcow2Header } from './disks/qcow2-header.ts';
import { bootProgram } from './hypervisor/qemu/boot-program.ts';
import { writeBootSector } from './hypervisor/qemu/boot-sector.ts';

const env = realEnv();

export interface ContractSubject<Host extends HostAgent> {
  /** Opens the host that is kept in the folder: the first time, and after each restart of the control plane. */
  open(directory: string): Promise<Host>;
  /** Ends the guest without the agent: as a crash would. */
  crashGuest(host: Host, serverId: string): Promise<void>;
}

/** What every host agent must do, whatever runs the guests. Each host gets a folder of its own and must leave it clean. */
export function hostAgentContract<Host extends HostAgent>(name: string, subject: ContractSubject<Host>): void {
  describe(`${name} keeps the host agent's contract`, () => {
    let root: string;
    let host: Host;
    let rawImage: ContractBench['rawImage'];

    beforeEach(async () => {
      root = await mkdtemp(join(tmpdir(), 'unkai-agent-'));
      await mkdir(join(root, 'staging'));
      const path = join(root, 'boot.img');
      await writeBootSector(path, bootProgram());
      rawImage = { format: 'raw', size: imageBytes, source: { kind: 'file', path } };
      host = await subject.open(join(root, 'host'));
    });

    afterEach(async () => {
      const before = await host.inventory();
      for (const guest of before.guests) await host.removeGuest(guest.serverId);
      for (const diskId of before.disks) await host.removeDisk(diskId);
      for (const imageId of before.images) await host.removeCachedImage(imageId);
      await host.applyStorages([]);
      const after = await host.inventory();
      await host.close();
      await rm(root, { recursive: true, force: true });
      expect(after).toEqual({ images: [], disks: [], guests: [], strayFiles: [], networkDevices: [] });
    });

    const restart = async () => {
      await host.close();
      host = await subject.open(join(root, 'host'));
    };

    /** A guest with one disk on the boot image, all of it made so, not started. */
    const prepareGuest = async (change: Partial<GuestSpec> = {}): Promise<GuestSpec> => {
      const serverId = newId(env);
      const diskId = newId(env);
      await host.ensureImageCached({ imageId: 'boot', ...rawImage });
      await host.ensureDisk({ diskId, size: 8 * mebibyte, base: { kind: 'image', imageId: 'boot' } });
      await host.ensureConfigDrive(serverId, { 'openstack/latest/meta_data.json': '{}' });
      return {
        serverId,
        instanceName: 'instance-00000001',
        vcpus: 1,
        memoryMb: 64,
        bootMode: 'bios',
        disks: [{ diskId, volumeId: diskId, bus: 'virtio' }],
        hasConfigDrive: true,
        nics: [],
        ...change,
      };
    };

    test('describes itself', async () => {
      const description = await host.describe();
      expect(description.hypervisorVersion).toBeGreaterThanOrEqual(1_000_000);
      expect(description.vcpus).toBeGreaterThan(0);
      expect(description.memoryMb).toBeGreaterThan(0);
      expect(description.freeDiskGb).toBeLessThanOrEqual(description.diskGb);
    });

    const bench: ContractBench = {
      get host() {
        return host;
      },
      get root() {
        return root;
      },
      get rawImage() {
        return rawImage;
      },
      restart,
      prepareGuest,
    };
    imagesContract(bench);
    disksContract(bench);
    storagesContract(bench);

    describe('guests', () => {
      test('go through their states, each verb as often as one likes', async () => {
        const guest = await prepareGuest();
        const { serverId } = guest;
        const becomes = async (state: GuestState, verb: () => Promise<void>) => {
          await verb();
          expect(await host.guestState(serverId)).toBe(state);
          await verb();
          expect(await host.guestState(serverId)).toBe(state);
        };
        expect(await host.guestState(newId(env))).toBe('absent');
        expect(await host.guestState(serverId)).toBe('stopped');
        await becomes('running', () => host.ensureGuestRunning(guest));
        await becomes('paused', () => host.pauseGuest(serverId));
        await becomes('running', () => host.resumeGuest(serverId));
        await host.injectNmi(serverId);
        await host.pauseGuest(serverId);
        await becomes('running', () => host.ensureGuestRunning(guest));
        await becomes('running', () => host.rebootGuest(serverId, { type: 'hard', graceSeconds: 0 }));
        await becomes('stopped', () => host.stopGuest(serverId, { graceSeconds: 0 }));
        await host.rebootGuest(serverId, { type: 'hard', graceSeconds: 0 });
        expect(await host.guestState(serverId)).toBe('running');
        await host.stopGuest(serverId, { graceSeconds: 0 });
        await host.rebootGuest(serverId, { type: 'soft', graceSeconds: 30 });
        expect(await host.guestState(serverId)).toBe('running');
        await becomes('absent', () => host.removeGuest(serverId));
      });

      test('that are not there are stopped without an error, and otherwise not found', async () => {
        const serverId = newId(env);
        await host.stopGuest(serverId, { graceSeconds: 1 });
        await host.removeGuest(serverId);
        const verbs = [
          () => host.pauseGuest(serverId),
          () => host.resumeGuest(serverId),
          () => host.suspendGuest(serverId),
          () => host.injectNmi(serverId),
          () => host.rebootGuest(serverId, { type: 'hard', graceSeconds: 0 }),
          () => host.consoleLog(serverId),
        ];
        for (const verb of verbs) await expect(verb()).rejects.toEqual(failure('not_found'));
        const guest = await prepareGuest();
        await expect(host.pauseGuest(guest.serverId)).rejects.toEqual(failure('not_found'));
        await expect(host.resumeGuest(guest.serverId)).rejects.toEqual(failure('not_found'));
      });

      test('need their disks and their config drive', async () => {
        const guest = await prepareGuest();
        const noDisk = { ...guest, disks: [{ diskId: 'none', volumeId: 'none', bus: 'virtio' as const }] };
        await expect(host.ensureGuestRunning(noDisk)).rejects.toEqual(failure('not_found'));
        const noDrive = { ...guest, serverId: newId(env) };
        await expect(host.ensureGuestRunning(noDrive)).rejects.toEqual(failure('not_found'));
        expect(await host.guestState(noDrive.serverId)).toBe('absent');
      });

      test('keep their disks from being removed while they run; copies are of one moment', async () => {
        const guest = await prepareGuest();
        const diskId = guest.disks[0]!.diskId;
        await host.ensureGuestRunning(guest);
        await expect(host.removeDisk(diskId)).rejects.toEqual(failure('in_use'));
        const copy = { diskId: 'copy', size: 8 * mebibyte, base: { kind: 'copy' as const, diskId } };
        expect(await host.ensureDisk(copy)).toMatchObject({ virtualSize: 8 * mebibyte });
        const grown = { diskId, size: 12 * mebibyte, base: { kind: 'blank' as const } };
        expect(await host.ensureDisk(grown)).toMatchObject({ virtualSize: 12 * mebibyte });
        await host.stopGuest(guest.serverId, { graceSeconds: 0 });
        const later = { ...copy, diskId: 'later', size: 16 * mebibyte };
        expect(await host.ensureDisk(later)).toMatchObject({ virtualSize: 16 * mebibyte });
        await host.removeDisk(diskId);
      });

      test('get disks plugged in while they run, and keep them over a restart', async () => {
        const guest = await prepareGuest();
        const { serverId } = guest;
        await host.ensureDisk({ diskId: 'extra', size: mebibyte, base: { kind: 'blank' } });
        const extra = { diskId: 'extra', volumeId: 'volume-extra', bus: 'virtio' as const };
        await host.ensureGuestRunning(guest);
        for (const missing of ['none', 'neither']) {
          const disk = { ...extra, diskId: missing, volumeId: missing };
          await expect(host.attachDisk(serverId, disk)).rejects.toEqual(failure('not_found'));
        }
        await host.attachDisk(serverId, extra);
        await host.attachDisk(serverId, extra);
        await expect(host.removeDisk('extra')).rejects.toEqual(failure('in_use'));
        await restart();
        await host.attachDisk(serverId, extra);
        await expect(host.removeDisk('extra')).rejects.toEqual(failure('in_use'));
        await host.rebootGuest(serverId, { type: 'hard', graceSeconds: 0 });
        await expect(host.removeDisk('extra')).rejects.toEqual(failure('in_use'));
        const other = await prepareGuest();
        await host.ensureGuestRunning(other);
        await expect(host.attachDisk(other.serverId, extra)).rejects.toEqual(failure('in_use'));
        await host.stopGuest(serverId, { graceSeconds: 0 });
        await host.detachDisk(serverId, extra.volumeId);
        await host.detachDisk(serverId, extra.volumeId);
        await host.rebootGuest(serverId, { type: 'hard', graceSeconds: 0 });
        await host.removeDisk('extra');
      });

      test('that do not run have a disk when they start; a paused one does not let go of it', async () => {
        const guest = await prepareGuest();
        const { serverId } = guest;
        await host.ensureDisk({ diskId: 'extra', size: mebibyte, base: { kind: 'blank' } });
        const extra = { diskId: 'extra', volumeId: 'volume-extra', bus: 'virtio' as const };
        await host.attachDisk(newId(env), extra);
        await host.detachDisk(newId(env), extra.volumeId);
        await host.ensureGuestRunning(guest);
        await expect(host.attachDisk(serverId, { ...extra, bus: 'ide' })).rejects.toEqual(failure('unsupported'));
        await host.stopGuest(serverId, { graceSeconds: 0 });
        await host.attachDisk(serverId, extra);
        await host.rebootGuest(serverId, { type: 'hard', graceSeconds: 0 });
        await host.pauseGuest(serverId);
        await expect(host.detachDisk(serverId, extra.volumeId)).rejects.toEqual(failure('in_use'));
        await expect(host.removeDisk('extra')).rejects.toEqual(failure('in_use'));
      });

      test('go on from their memory when they were suspended, also after a restart, and boot when it was forgotten', async () => {
        const guest = await prepareGuest();
        const { serverId } = guest;
        const suspended = async () => {
          await host.suspendGuest(serverId);
          expect(await host.guestState(serverId)).toBe('suspended');
        };
        await expect(host.suspendGuest(serverId)).rejects.toEqual(failure('not_found'));
        await host.ensureGuestRunning(guest);
        await suspended();
        await suspended();
        await expect(host.pauseGuest(serverId)).rejects.toEqual(failure('not_found'));
        await host.ensureDisk({ diskId: 'extra', size: mebibyte, base: { kind: 'blank' } });
        const extra = { diskId: 'extra', volumeId: 'volume-extra', bus: 'virtio' as const };
        await expect(host.attachDisk(serverId, extra)).rejects.toEqual(failure('in_use'));
        const own = guest.disks[0]!.volumeId;
        await expect(host.detachDisk(serverId, own)).rejects.toEqual(failure('in_use'));
        await restart();
        expect(await host.guestState(serverId)).toBe('suspended');
        await host.resumeGuest(serverId);
        expect(await host.guestState(serverId)).toBe('running');
        await host.pauseGuest(serverId);
        await suspended();
        await host.ensureGuestRunning(guest);
        expect(await host.guestState(serverId)).toBe('running');
        await suspended();
        await host.stopGuest(serverId, { graceSeconds: 0 });
        expect(await host.guestState(serverId)).toBe('stopped');
        await host.ensureGuestRunning(guest);
        await suspended();
        await host.rebootGuest(serverId, { type: 'hard', graceSeconds: 0 });
        expect(await host.guestState(serverId)).toBe('running');
        await suspended();
      });

      test('run on while their disks are exported', async () => {
        const guest = await prepareGuest();
        await host.ensureGuestRunning(guest);
        const path = join(root, 'staging', 'live.qcow2');
        const request = { diskId: guest.disks[0]!.diskId, serverId: guest.serverId, format: 'qcow2' as const };
        for (let round = 0; round < 2; round++) {
          const result = await host.exportDisk({ ...request, target: { kind: 'file', path } });
          expect(result).toMatchObject({ virtualSize: 8 * mebibyte });
          expect(await readQcow2Header(path)).toMatchObject({ hasBackingFile: false, hasDataFile: false });
        }
        expect(await host.guestState(guest.serverId)).toBe('running');
      });

      test('are found again, and controlled, after a restart of the control plane', async () => {
        const [running, paused, stopped] = [await prepareGuest(), await prepareGuest(), await prepareGuest()];
        await Promise.all([running, paused, stopped].map((guest) => host.ensureGuestRunning(guest)));
        await host.pauseGuest(paused.serverId);
        await host.stopGuest(stopped.serverId, { graceSeconds: 0 });
        const before = await host.inventory();
        await restart();
        const byId = (guests: typeof before.guests) => guests.toSorted((a, b) => a.serverId.localeCompare(b.serverId));
        expect(byId((await host.inventory()).guests)).toEqual(byId(before.guests));
        await host.ensureGuestRunning(running);
        await host.resumeGuest(paused.serverId);
        expect(byId((await host.inventory()).guests).map((guest) => guest.pid)).toEqual(
          byId(before.guests).map((guest) => guest.pid),
        );
        await expect(host.removeDisk(running.disks[0]!.diskId)).rejects.toEqual(failure('in_use'));
        await host.rebootGuest(stopped.serverId, { type: 'hard', graceSeconds: 0 });
        expect(await host.guestState(stopped.serverId)).toBe('running');
      });

      test('tell watchers when they end by themselves, and only then', async () => {
        const guest = await prepareGuest();
        const { serverId } = guest;
        const changes: unknown[] = [];
        const { promise, resolve } = Promise.withResolvers<void>();
        const stopWatching = host.watchGuests((change) => {
          changes.push(change);
          resolve();
        });
        await host.ensureGuestRunning(guest);
        await host.pauseGuest(serverId);
        await host.resumeGuest(serverId);
        await host.stopGuest(serverId, { graceSeconds: 0 });
        await host.ensureGuestRunning(guest);
        expect(changes).toEqual([]);
        await subject.crashGuest(host, serverId);
        await promise;
        expect(changes).toEqual([{ serverId, state: 'stopped' }]);
        expect(await host.guestState(serverId)).toBe('stopped');
        stopWatching();
        await host.ensureGuestRunning(guest);
        await subject.crashGuest(host, serverId);
        expect(changes).toHaveLength(1);
      });

      test('have a console log', async () => {
        const guest = await prepareGuest();
        expect(await host.consoleLog(guest.serverId)).toBe('');
        await host.ensureGuestRunning(guest);
        await expect.poll(() => host.consoleLog(guest.serverId)).not.toBe('');
        expect(await host.consoleLog(guest.serverId, 0)).toBe('');
        expect((await host.consoleLog(guest.serverId, 1)).trimEnd().split('\n')).toHaveLength(1);
      });

      test('show what is on their screens, as PNG, while they run', async () => {
        const guest = await prepareGuest();
        const shown = async () => Buffer.from(await host.screenshot(guest.serverId), 'base64');
        await expect(shown()).rejects.toEqual(failure('not_found'));
        await host.ensureGuestRunning(guest);
        const picture = await shown();
        expect(picture.subarray(0, 8).toString('latin1')).toBe('\x89PNG\r\n\x1a\n');
        expect(picture.readUInt32BE(16)).toBeGreaterThan(0);
        expect(picture.readUInt32BE(20)).toBeGreaterThan(0);
        expect(picture.subarray(-8, -4).toString('latin1')).toBe('IEND');
        await host.pauseGuest(guest.serverId);
        expect((await shown()).readUInt32BE(16)).toBe(picture.readUInt32BE(16));
        await host.stopGuest(guest.serverId, { graceSeconds: 0 });
        await expect(shown()).rejects.toEqual(failure('not_found'));
      });

      test('must have 32 hex digits for an id', async () => {
        const start = async () => host.ensureGuestRunning({ ...(await prepareGuest()), serverId: '../other' });
        await expect(start()).rejects.toEqual(failure('unsupported'));
        await expect((async () => host.ensureConfigDrive('x', {}))()).rejects.toEqual(failure('unsupported'));
      });
    });
  });
}
