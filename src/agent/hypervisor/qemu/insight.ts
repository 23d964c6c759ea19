import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Env } from '../../../env/env.ts';
import { AgentError, type InsightVerbs } from '../../contract.ts';
import type { NetworkDriver } from '../../network/network-driver.ts';
import { currentPlaces, plannedPlaces } from './device-places.ts';
import { readDiagnostics } from './diagnostics.ts';
import type { QemuGuest } from './guest.ts';
import { GuestAgent, isAgentListening } from './guest-agent.ts';
import type { QemuGuests } from './guests.ts';

/** How long an agent gets that has its channel open: without hardware virtualisation all takes longer. */
const agentLimitMs = 20_000;

interface InsightParts {
  env: Env;
  guests: QemuGuests;
  network: NetworkDriver;
}

/** What a QEMU host tells of its guests, and asks of the agents in them. */
export function qemuInsight({ env, guests, network }: InsightParts): InsightVerbs {
  const openAgent = async (guest: QemuGuest): Promise<GuestAgent> => {
    if (await isAgentListening(await guest.monitor())) return await GuestAgent.open(guest.folder, env, agentLimitMs);
    throw new AgentError('unsupported', `no guest agent runs in server ${guest.serverId}`);
  };
  return {
    guestDiagnostics: (serverId) =>
      guests.alone(serverId, async () => {
        const guest = guests.known(serverId);
        const [qmp, pid] = [await guest.monitor(), await guest.pid()];
        const { spec } = guest;
        if (!spec || pid === undefined) throw new AgentError('not_found', `the guest of ${serverId} does not run`);
        return await readDiagnostics(qmp, {
          spec,
          pid,
          deviceOf: (nic) => network.netdev(nic)['ifname']?.toString(),
        });
      }),
    guestDevices: (spec) =>
      guests.alone(spec.serverId, async () => {
        const guest = guests.find(spec.serverId);
        if (!guest || (await guest.pid()) === undefined) return plannedPlaces(spec);
        return await currentPlaces(await guest.monitor(), spec);
      }),
    screenshot: (serverId) =>
      guests.alone(serverId, async () => {
        const guest = guests.find(serverId);
        if (!guest || (await guest.pid()) === undefined) {
          throw new AgentError('not_found', `the guest of ${serverId} does not run`);
        }
        // In its folder, which goes with it, and under one name: no crash leaves more than one behind.
        const path = join(guest.folder, 'screen.png');
        try {
          await (await guest.monitor()).execute('screendump', { filename: path, format: 'png' });
          return await readFile(path, 'base64');
        } finally {
          await rm(path, { force: true });
        }
      }),
    hasGuestAgent: (serverId) =>
      guests.alone(serverId, async () => {
        const guest = guests.find(serverId);
        if (!guest || (await guest.pid()) === undefined) return false;
        try {
          using agent = await openAgent(guest);
          await agent.execute('guest-ping', undefined, agentLimitMs);
          return true;
        } catch (error) {
          if (error instanceof AgentError && error.code === 'unsupported') return false;
          throw error;
        }
      }),
    setGuestPassword: (serverId, { user, password }) =>
      guests.alone(serverId, async () => {
        using agent = await openAgent(guests.known(serverId));
        const account = { username: user, password: Buffer.from(password).toString('base64'), crypted: false };
        await agent.execute('guest-set-user-password', account, agentLimitMs);
      }),
  };
}
