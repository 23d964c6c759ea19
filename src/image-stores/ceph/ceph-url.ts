/** Where a pool is, and as whom it is opened. */
export interface CephPlace {
  pool: string;
  /** The cluster's configuration file, which also says where the user's key is. */
  conf: string;
  /** Without `client.` in front. */
  user: string;
  /** A cluster that says nothing for so long is taken for gone. Seconds. */
  timeout: number;
}

const poolName = /^\w[\w.-]{0,63}$/;
const userName = /^\w[\w.-]{0,63}$/;

/**
 * Reads `ceph://pool?conf=/etc/ceph/ceph.conf&user=admin&timeout=30`. The key is in the keyring that the configuration
 * names, so the URL, which the database and administrators see, holds no secret.
 */
export function cephPlace(text: string): CephPlace {
  const { pool = '', query = '' } = /^ceph:\/\/(?<pool>[^/?#]*)\/?(?:\?(?<query>.*))?$/.exec(text)?.groups ?? {};
  const given = new URLSearchParams(query);
  const user = given.get('user') ?? 'admin';
  const conf = given.get('conf') ?? '/etc/ceph/ceph.conf';
  const timeout = Number(given.get('timeout') ?? 30);
  if (!poolName.test(pool) || !userName.test(user) || !conf.startsWith('/') || !(timeout >= 1 && timeout <= 3600)) {
    throw new Error(`${text} is no place of a Ceph store: write ceph://pool?conf=/etc/ceph/ceph.conf&user=admin`);
  }
  return { pool, conf, user, timeout };
}
