import { CephPrograms } from './ceph-programs.ts';
import type { CephPlace } from './ceph-url.ts';

/** Whom clients of a cluster ask first: a host and a port for each monitor. */
export interface Monitors {
  hosts: string[];
  ports: string[];
}

/** The monitors that the cluster has now. Throws `StoreError` where it does not answer. */
export async function monitorsOf(place: CephPlace): Promise<Monitors> {
  const programs = new CephPrograms(place);
  return readMonitors(await programs.ceph('ask for the monitors', ['mon', 'dump', '--format', 'json']));
}

/** Reads what `ceph mon dump --format json` prints: addresses are `10.0.0.1:6789/0` or `[fd00::1]:6789/0`. */
export function readMonitors(dump: string): Monitors {
  const { mons } = JSON.parse(dump) as { mons: Array<{ addr: string }> };
  const found = mons.flatMap(({ addr }) => {
    const { host, port } = /^\[?(?<host>[^\]]+?)\]?:(?<port>\d+)(?:\/\d+)?$/.exec(addr)?.groups ?? {};
    return host && port ? [{ host, port }] : [];
  });
  return { hosts: found.map(({ host }) => host), ports: found.map(({ port }) => port) };
}
