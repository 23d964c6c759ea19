import type { Env } from '../../../env/env.ts';
import type { GuestInlet, GuestSpec, MigrationVerbs } from '../../contract.ts';
import type { Qcow2Disks } from '../../disks/qcow2-disks.ts';
import { assertServerId } from '../../errors.ts';
import type { NetworkDriver } from '../../network/network-driver.ts';
import type { QemuGuest } from './guest.ts';
import type { QemuGuests } from './guests.ts';
import { argumentsForMemory, headerOf } from './memory.ts';
import type { QmpConnection } from './qmp.ts';
import { assertMovable, letRun, openInlet, takeFiles } from './receiving.ts';
import { liftLimit, progressOf, runState, sendGuest, takeBack } from './sending.ts';

export interface HandoverParts {
  env: Env;
  guests: QemuGuests;
  disks: Qcow2Disks;
  network: NetworkDriver;
  argumentsFor(spec: GuestSpec): Promise<string[]>;
  /** Runs work while nobody else touches the guest's disks, which exist. */
  withDisks<T>(spec: GuestSpec, work: () => Promise<T>): Promise<T>;
}

/** What a QEMU host does to hand its guests and disks to another one, and to take such in. */
export function qemuHandover({ env, guests, disks, network, argumentsFor, withDisks }: HandoverParts): MigrationVerbs {
  const receive = async (
    guest: QemuGuest,
    spec: GuestSpec,
    { args, sharedVolumeIds }: { args: readonly string[]; sharedVolumeIds?: readonly string[] },
  ): Promise<GuestInlet> => {
    const launcher = await network.prepareGuest(spec.nics);
    const open = (qmp: QmpConnection) => openInlet(qmp, spec, { folder: guest.folder, sharedVolumeIds });
    return await withDisks(spec, () => guest.startReceiving(spec, args, launcher, open));
  };
  return {
    offerDisk: (diskId) => disks.offer(diskId),

    describeGuest: (serverId) =>
      guests.alone(serverId, async () => {
        const guest = guests.known(serverId);
        const qmp = await guest.monitor();
        const machine = await headerOf(qmp);
        const isSent = (await runState(qmp)) === 'postmigrate';
        assertMovable(guest.spec!);
        return { spec: guest.spec!, ...machine, files: { kind: 'folder', path: guest.folder }, isSent };
      }),

    async receiveGuest(spec, origin) {
      assertServerId(spec.serverId);
      return await guests.alone(spec.serverId, async () => {
        const guest = await guests.ensure(spec.serverId);
        await guest.end();
        await guest.discardMemory();
        await takeFiles(env, origin, guest.folder);
        const { sharedVolumeIds } = origin;
        return await receive(guest, spec, {
          args: argumentsForMemory(await argumentsFor(spec), origin),
          sharedVolumeIds,
        });
      });
    },

    // Whoever pauses it or takes it back meanwhile must not wait for it: sending takes no lock.
    async sendGuest(serverId, request) {
      const guest = guests.known(serverId);
      await guest.onMonitor('paused', (qmp) => sendGuest(qmp, guest.folder, request));
    },

    async takeBackGuest(serverId, options) {
      const guest = guests.find(serverId);
      if (!guest || (await guest.pid()) === undefined) return;
      await guest.onMonitor(options.paused ? 'paused' : 'running', (qmp) => takeBack(qmp, env, options));
    },

    async sendProgress(serverId) {
      const guest = guests.find(serverId);
      return guest && (await guest.pid()) !== undefined ? progressOf(await guest.monitor()) : undefined;
    },

    async hurrySending(serverId) {
      const guest = guests.known(serverId);
      await guest.pause();
      await liftLimit(await guest.monitor());
    },

    async acceptGuest(serverId, options) {
      const guest = guests.known(serverId);
      const aim = options.paused ? 'paused' : 'running';
      await guests.alone(serverId, () => guest.onMonitor(aim, (qmp) => letRun(qmp, env, guest.folder, options)));
    },
  };
}
