import { AgentError, type MigrationVerbs } from '../../contract.ts';
import type { SimulatedObjects } from './objects.ts';
import type { SimulatedDisk, SimulatedGuest } from './parts.ts';

interface HandoverParts {
  guests: SimulatedObjects<SimulatedGuest>;
  disks: SimulatedObjects<SimulatedDisk>;
  verb<T>(verb: keyof MigrationVerbs, args: readonly unknown[], work: () => Promise<T>): Promise<T>;
  known(serverId: string): SimulatedGuest;
  refuseOpen(diskId: string): void;
}

/** What a simulated host does to hand its guests and disks to another one, and to take such in. */
export function simulatedHandover({ guests, disks, verb, known, refuseOpen }: HandoverParts): MigrationVerbs {
  const alive = (serverId: string): SimulatedGuest => {
    const guest = known(serverId);
    if (guest.state === 'running' || guest.state === 'paused') return guest;
    throw new AgentError('not_found', `the guest of server ${serverId} does not run`);
  };
  return {
    offerDisk: (diskId) =>
      verb('offerDisk', [diskId], async () => {
        refuseOpen(diskId);
        const disk = disks.get(diskId);
        if (!disk) throw new AgentError('not_found', `there is no disk ${diskId}`);
        return { kind: 'file', path: `simulated:/disks/${diskId}.qcow2`, ...disk };
      }),
    describeGuest: (serverId) =>
      verb('describeGuest', [serverId], async () => {
        const { spec, configDrive, isSent = false } = alive(serverId);
        const files = { kind: 'folder', path: `simulated:${JSON.stringify(configDrive ?? {})}` } as const;
        return { spec: spec!, machine: 'simulated', addresses: {}, files, isSent };
      }),
    receiveGuest: (spec, origin) =>
      verb('receiveGuest', [spec, origin], async () => {
        for (const { diskId } of spec.disks) {
          if (!disks.get(diskId)) throw new AgentError('not_found', `there is no disk ${diskId}`);
        }
        const configDrive = JSON.parse(origin.files.path.slice('simulated:'.length)) as SimulatedGuest['configDrive'];
        guests.set(spec.serverId, { state: 'paused', spec, starts: 0, configDrive });
        return { kind: 'unix', folder: 'simulated:', memory: '', disks: '' };
      }),
    sendGuest: (serverId, request) =>
      verb('sendGuest', [serverId, request], async () => {
        guests.set(serverId, { ...alive(serverId), state: 'paused', isSent: true });
      }),
    takeBackGuest: (serverId, options) =>
      verb('takeBackGuest', [serverId, options], async () => {
        const guest = guests.get(serverId);
        if (guest?.state !== 'paused') return;
        guests.set(serverId, { ...guest, state: options.paused ? 'paused' : 'running', isSent: false });
      }),
    sendProgress: (serverId) => verb('sendProgress', [serverId], async () => undefined),
    hurrySending: (serverId) =>
      verb('hurrySending', [serverId], async () => guests.set(serverId, { ...alive(serverId), state: 'paused' })),
    acceptGuest: (serverId, options) =>
      verb('acceptGuest', [serverId, options], async () => {
        guests.set(serverId, { ...alive(serverId), state: options.paused ? 'paused' : 'running' });
      }),
  };
}
