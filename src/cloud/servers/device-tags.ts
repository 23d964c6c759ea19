import type { GuestSpec } from '../../agent/contract.ts';
import { withDashes } from '../../env/env.ts';
import type { Cloud } from '../cloud.ts';
import { guestSpecOf, type SpecOverrides } from './guest-spec.ts';
import type { Server } from './model.ts';

/** A device as `devices` of OpenStack's meta_data.json has it, which a guest finds by what its user called it. */
export type TaggedDevice = { tags: string[]; bus: string; address: string } & (
  | { type: 'nic'; mac: string; vf_trusted: false }
  | { type: 'disk'; serial: string; path: string }
);

interface Place {
  /** The host that has the server, or is about to. */
  hostId: string | undefined;
  /** What the guest is about to be given. */
  overrides?: SpecOverrides;
}

/**
 * The server's disks and interfaces that have a tag, and where its guest finds them: as its host says, which knows where
 * they are, or will be once the guest runs. One that is not plugged in yet is left out. Throws `AgentError`.
 */
export async function taggedDevicesOf(cloud: Cloud, server: Server, place: Place): Promise<TaggedDevice[]> {
  const disks = (await cloud.volumes.ofServer(server.id)).filter(({ deviceTag }) => deviceTag !== null);
  const portTags = await cloud.networks.deviceTagsOf(server.id);
  // Hardly any server has such devices: its host is not asked for nothing.
  if ((disks.length === 0 && portTags.size === 0) || place.hostId === undefined) return [];
  const guest: GuestSpec = await guestSpecOf(cloud, server, place.overrides);
  const places = await cloud.hosts.agent(place.hostId).guestDevices(guest);
  const nics = guest.nics.flatMap(({ portId, macAddress }): TaggedDevice[] => {
    const [tag, at] = [portTags.get(portId), places[portId]];
    return tag === undefined || !at ? [] : [{ type: 'nic', ...at, mac: macAddress, vf_trusted: false, tags: [tag] }];
  });
  const tagged = disks.flatMap(({ id, deviceTag, device }): TaggedDevice[] => {
    const at = places[id];
    if (!at || deviceTag === null) return [];
    return [{ type: 'disk', ...at, serial: withDashes(id), path: device ?? '', tags: [deviceTag] }];
  });
  return [...nics, ...tagged];
}
