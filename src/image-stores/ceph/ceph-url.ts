/** Where a pool is, and as whom it is opened. */
export interface CephPlace {
  pool: string;
  /** The cluster's configuration file, which also says where the user's key is. */
  conf: string;
  /** Without `client.` in front. */
  user: string;
  /** The pool for disks of servers and volumes, which are cloned from images then; without one, hosts copy images. */
  clones?: string;
  /** A cluster that says nothing for so long is taken for gone. Seconds. */
  timeout: number;
}

const poolName = /^\w[\w.-]{0,63}$/;
const userName = /^\w[\w.-]{0,63}$/;

/**
 * Reads `ceph://pool?conf=/etc/ceph/ceph.conf&user=admin&timeout=30&clones=vms`. The key is in the keyring that the configuration
 * names, so the URL, which the database and administrators see, holds no secret.
 */
export function cephPlace(text: string): CephPlace {
  const { pool = '', query = '' } = /^ceph:\/\/(?<pool>[^/?#]*)\/?(?:\?(?<query>.*))?$/.exec(text)?.groups ?? {};
  const given = new URLSearchParams(query);
  const user = given.get('user') ?? 'admin';
  const conf = given.get('conf') ?? '/etc/ceph/ceph.conf';
  const timeout = Number(given.get('timeout') ?? 30);
  const clones = given.get('clones') ?? undefined;
  const isGood = poolName.test(pool) && userName.test(user) && conf.startsWith('/') && timeout >= 1 && timeout <= 3600;
  // Disks are named as images are, by an id: in one pool they would be taken for each other.
  const isApart = clones === undefined || (poolName.test(clones) && clones !== pool);
  if (!isGood || !isApart) {
    throw new Error(`${text} is no place of a Ceph store: write ceph://pool?conf=/etc/ceph/ceph.conf&user=admin`);
  }
  return { pool, conf, user, timeout, ...(clones === undefined ? {} : { clones }) };
}
