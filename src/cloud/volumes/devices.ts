import type { Tx } from '../../database/database.ts';
import { CloudError } from '../errors.ts';

/** `/dev/vda` for 0, `/dev/vdz` for 25, `/dev/vdaa` for 26: the names that virtio disks have. */
export function deviceName(index: number): string {
  let letters = '';
  for (let rest = index; rest >= 0; rest = Math.floor(rest / 26) - 1) {
    letters = String.fromCharCode(97 + (rest % 26)) + letters;
  }
  return `/dev/vd${letters}`;
}

/** The index of a name like `/dev/vdb`; undefined for other names. */
function deviceIndex(name: string): number | undefined {
  const letters = /^\/dev\/vd([a-z]{1,3})$/.exec(name)?.[1];
  if (letters === undefined) return undefined;
  return [...letters].reduce((sum, letter) => sum * 26 + letter.charCodeAt(0) - 96, 0) - 1;
}

/**
 * The place of a new disk among those of a server: the one asked for, or the first that is free. The system disk's is
 * never free.
 * Throws `invalid` (`device_malformed`) for a name that is none of a virtio disk, `conflict` (`device_in_use`).
 */
export function chooseDevice(taken: ReadonlySet<number>, wanted: string | undefined): { index: number; name: string } {
  if (wanted === undefined) {
    let index = 1;
    while (taken.has(index)) index += 1;
    return { index, name: deviceName(index) };
  }
  const index = deviceIndex(wanted);
  if (index === undefined) {
    throw new CloudError('invalid', `The supplied device path (${wanted}) is invalid.`, { reason: 'device_malformed' });
  }
  if (index === 0 || taken.has(index)) {
    throw new CloudError('conflict', `The supplied device path (${wanted}) is in use.`, { reason: 'device_in_use' });
  }
  return { index, name: wanted };
}

/** The places that a server's volumes and local disks have. */
export async function devicesOf(tx: Tx, serverId: string): Promise<Set<number>> {
  const [own, shared] = [tx.selectFrom('volumes'), tx.selectFrom('volume_shares')];
  const rows = [
    ...(await own.select('device_index').where('server_id', '=', serverId).execute()),
    ...(await shared.select('device_index').where('server_id', '=', serverId).execute()),
  ];
  return new Set(rows.flatMap(({ device_index }) => device_index ?? []));
}
