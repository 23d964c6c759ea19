import { crc32, deflateSync } from 'node:zlib';
import { AgentError, type DevicePlace, type InsightVerbs } from '../../contract.ts';
import type { SimulatedObjects } from './objects.ts';
import type { SimulatedGuest } from './parts.ts';

interface InsightParts {
  guests: SimulatedObjects<SimulatedGuest>;
  verb<T>(verb: keyof InsightVerbs, args: readonly unknown[], work: () => Promise<T>): Promise<T>;
  known(serverId: string): SimulatedGuest;
}

/** What a simulated host knows of guests that never run: what they were given. Every one of them has an agent. */
export function simulatedInsight({ guests, verb, known }: InsightParts): InsightVerbs {
  return {
    guestDiagnostics: (serverId) =>
      verb('guestDiagnostics', [serverId], async () => {
        const { state, spec } = known(serverId);
        if (!spec || (state !== 'running' && state !== 'paused'))
          throw new AgentError('not_found', `the guest of server ${serverId} does not run`);
        return {
          state,
          uptimeSeconds: 0,
          vcpus: Array.from({ length: spec.vcpus }, (_, id) => ({ id, nanoseconds: 0 })),
          memory: { maximumMb: spec.memoryMb, usedMb: 0 },
          disks: spec.disks.map(({ volumeId, bus }) => ({
            ...{ volumeId, bus, readBytes: 0, readRequests: 0, writtenBytes: 0, writeRequests: 0, errors: 0 },
          })),
          nics: spec.nics.map(({ macAddress, portId }) => ({ macAddress, portId, counters: null })),
        };
      }),
    guestDevices: (guest) =>
      verb('guestDevices', [guest], async () => {
        const given = guests.get(guest.serverId);
        const has = given?.state === 'running' ? given.spec : undefined;
        const ids = [...guest.nics.map(({ portId }) => portId), ...guest.disks.map(({ volumeId }) => volumeId)];
        const had = has && [...has.nics.map(({ portId }) => portId), ...has.disks.map(({ volumeId }) => volumeId)];
        const places = ids.map((id, index): [string, DevicePlace] => [id, { bus: 'pci', address: addressOf(index) }]);
        return Object.fromEntries(places.filter(([id]) => !had || had.includes(id)));
      }),
    screenshot: (serverId) =>
      verb('screenshot', [serverId], async () => {
        const state = guests.get(serverId)?.state;
        if (state === 'running' || state === 'paused') return darkScreen();
        throw new AgentError('not_found', `the guest of server ${serverId} does not run`);
      }),
    hasGuestAgent: (serverId) =>
      verb('hasGuestAgent', [serverId], async () => guests.get(serverId)?.state === 'running'),
    setGuestPassword: (serverId, account) =>
      verb('setGuestPassword', [serverId, account], async () => {
        if (known(serverId).state === 'running') return;
        throw new AgentError('unsupported', `no guest agent runs in server ${serverId}`);
      }),
  };
}

const screenWidth = 720;
const screenHeight = 400;

/** Nothing is on the screen of a guest that never runs: one bit for each point, all of them dark. */
function darkScreen(): string {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(screenWidth, 0);
  header.writeUInt32BE(screenHeight, 4);
  header[8] = 1;
  const lines = Buffer.alloc(screenHeight * (1 + screenWidth / 8));
  const signature = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
  const chunks = [chunk('IHDR', header), chunk('IDAT', deflateSync(lines)), chunk('IEND', Buffer.alloc(0))];
  return Buffer.concat([signature, ...chunks]).toString('base64');
}

/** A part of a PNG (RFC 2083, 3.2). */
function chunk(type: string, data: Buffer): Buffer {
  const content = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(content));
  return Buffer.concat([length, content, sum]);
}

/** As QEMU's machine has them, one slot after the other. */
function addressOf(index: number): string {
  return `0000:00:${(index + 4).toString(16).padStart(2, '0')}.0`;
}
