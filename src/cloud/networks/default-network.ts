import type { Tx } from '../../database/database.ts';
import type { CloudCore } from '../core.ts';
import type { NetworkRegistry } from './network-registry.ts';
import { operator } from './operator.ts';
import type { Subnets } from './subnets.ts';

const settingsKey = 'default_network';

/**
 * The first addresses are kept out of the pool for the network's own machinery: the gateway, and the name server, at
 * which user networking forwards to the host's own resolver.
 */
const plan = {
  cidr: '10.64.0.0/16',
  gatewayIp: '10.64.0.1',
  dnsNameservers: ['10.64.0.2'],
  allocationPools: [{ start: '10.64.0.10', end: '10.64.255.254' }],
};

/**
 * Makes the network of servers that ask for none: `default`, shared by all projects, owned by the administrator's.
 * Once only, so that an operator who deletes it does not find it again after the next start.
 */
export async function ensureDefaultNetwork(
  core: Pick<CloudCore, 'env'>,
  tx: Tx,
  services: { networks: NetworkRegistry; subnets: Subnets },
  adminProjectId: string,
): Promise<void> {
  if (!(await isFirstTime(core, tx, settingsKey))) return;
  const subject = operator(adminProjectId);
  const network = await services.networks.createIn(tx, subject, { name: 'default', shared: true, isDefault: true });
  await services.subnets.createIn(tx, subject, { ...plan, networkId: network.id, name: 'default', ipVersion: 4 });
}

/** True once in the cloud's life for each key. */
export async function isFirstTime(core: Pick<CloudCore, 'env'>, tx: Tx, key: string): Promise<boolean> {
  const first = await tx
    .insertInto('settings')
    .values({ key, value: String(core.env.now()) })
    .onConflict((conflict) => conflict.doNothing())
    .returning('key')
    .executeTakeFirst();
  return first !== undefined;
}
