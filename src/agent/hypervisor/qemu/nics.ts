import type { Env } from '../../../env/env.ts';
import { AgentError, type GuestNic, type NicVerbs } from '../../contract.ts';
import { assertServerId } from '../../errors.ts';
import type { NetworkDriver } from '../../network/network-driver.ts';
import { withNic, withoutNic } from '../../network/nic-list.ts';
import { nicBackendId, nicDevice, nicDeviceId } from './command-line.ts';
import type { QemuGuest } from './guest.ts';
import type { QemuGuests } from './guests.ts';
import { type QmpConnection, QmpError } from './qmp.ts';
import { hasDevice, removeDevice } from './unplug.ts';

interface NicParts {
  env: Env;
  guests: QemuGuests;
  network: NetworkDriver;
}

/** How a QEMU host changes the interfaces of its guests, also of those that run (ACPI hot-plug of the machine `pc`). */
export function qemuNics({ env, guests, network }: NicParts): NicVerbs {
  const give = async (guest: QemuGuest, nic: GuestNic): Promise<void> => {
    const before = guest.spec!.nics;
    if (!before.some(({ portId }) => portId === nic.portId)) await refuseSuspended(guest);
    await guest.setDevices({ nics: withNic(before, nic) });
    // One that does not run gets what it is plugged into when it is started.
    if ((await guest.pid()) === undefined) return;
    try {
      await network.prepareGuest([nic]);
      await plugNic(await guest.monitor(), network, nic);
    } catch (error) {
      if ((await guest.pid()) === undefined) return; // it ended meanwhile, and has it when it starts again
      await guest.setDevices({ nics: before });
      throw error;
    }
  };
  const take = async (guest: QemuGuest, portId: string): Promise<void> => {
    const { nics } = guest.spec!;
    if (nics.some((nic) => nic.portId === portId)) await refuseSuspended(guest);
    try {
      if ((await guest.pid()) !== undefined) await unplugNic(await guest.monitor(), env, portId);
    } catch (error) {
      if ((await guest.pid()) !== undefined) throw error;
    }
    await guest.setDevices({ nics: withoutNic(nics, portId) });
    await network.removePorts([portId]);
  };
  return {
    async attachNic(serverId, nic) {
      assertServerId(serverId);
      await guests.alone(serverId, async () => {
        const guest = guests.find(serverId);
        if (guest?.spec) await give(guest, nic);
      });
    },
    async detachNic(serverId, portId) {
      assertServerId(serverId);
      await guests.alone(serverId, async () => {
        const guest = guests.find(serverId);
        if (guest?.spec) await take(guest, portId);
      });
    },
  };
}

/** May be repeated: what is there already stays. Nothing of it stays when it fails. */
async function plugNic(qmp: QmpConnection, network: NetworkDriver, nic: GuestNic): Promise<void> {
  if (await hasDevice(qmp, nicDeviceId(nic.portId))) return;
  const backend = nicBackendId(nic.portId);
  // What an earlier try left may be plugged into a tap that is not there any more.
  await removeBackend(qmp, backend);
  await qmp.execute('netdev_add', { ...network.netdev(nic), id: backend });
  try {
    await qmp.execute('device_add', nicDevice(nic, network));
  } catch (error) {
    if (!(error instanceof QmpError) || (await hasDevice(qmp, nicDeviceId(nic.portId)))) throw error;
    await removeBackend(qmp, backend);
    throw error;
  }
}

/** May be repeated. */
async function unplugNic(qmp: QmpConnection, env: Env, portId: string): Promise<void> {
  const id = nicDeviceId(portId);
  if (await hasDevice(qmp, id)) await removeDevice(qmp, env, id, 'interface');
  await removeBackend(qmp, nicBackendId(portId));
}

async function removeBackend(qmp: QmpConnection, id: string): Promise<void> {
  try {
    await qmp.execute('netdev_del', { id });
  } catch (error) {
    if (!(error instanceof QmpError) || error.className !== 'DeviceNotFound') throw error;
  }
}

/** What a suspended guest remembers would not fit to another set of interfaces. */
async function refuseSuspended(guest: QemuGuest): Promise<void> {
  if (!(await guest.hasMemory())) return;
  throw new AgentError('in_use', `the guest of server ${guest.serverId} is suspended: its interfaces can't change`, {
    retryable: false,
  });
}
