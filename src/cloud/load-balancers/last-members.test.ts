import { afterEach, beforeEach, expect, it } from 'vitest';
import { holdWrites, untilBlocked } from '../../../tests/support/held-writes.ts';
import { eachDatabase } from '../../../tests/support/postgres.ts';
import { Eips } from '../eips/eips.ts';
import type { Subnet } from '../networks/model.ts';
import { admin, member, projectA, type TestNetworks, testNetworks } from '../networks/test-cloud.ts';
import { secretKeysFrom } from '../secrets/sealing.ts';
import { BalancerChanges } from './balancer-changes.ts';
import { LoadBalancers } from './load-balancers.ts';

const alice = member(projectA);

eachDatabase('the address of a load balancer', (open) => {
  let cloud: TestNetworks;
  let balancers: LoadBalancers;
  let vip: string;
  let balancer: string;
  let pool: string;
  let ports: string[];

  beforeEach(async () => {
    cloud = await testNetworks({ secretKeys: secretKeysFrom('test') }, await open());
    const { networks, core, quotas } = cloud;
    balancers = new LoadBalancers(core, networks, quotas, async () => undefined);
    const [outside] = await networks.networks.create(admin, [{ name: 'outside', external: true }]);
    await networks.subnets.create(admin, [{ networkId: outside!.id, ipVersion: 4, cidr: '203.0.113.0/24' }]);
    const [inside] = await networks.networks.create(alice, [{ name: 'inside' }]);
    const subnet = { networkId: inside!.id, ipVersion: 4, cidr: '10.5.0.0/24' } as const;
    const [{ id: subnetId }] = (await networks.subnets.create(alice, [subnet])) as [Subnet];
    const [router] = await networks.routers.create(alice, [{ name: 'r', gateway: { networkId: outside!.id } }]);
    await networks.routerInterfaces.add(alice, router!.id, { subnetId });
    ports = (await networks.ports.create(alice, Array(2).fill({ networkId: inside!.id }))).map(({ id }) => id);
    vip = (await new Eips(core, networks).createVip(alice, { name: 'web', networkId: outside!.id })).id;
    balancer = await balancers.create(alice, { name: 'web', floatingIpId: vip });
    pool = await balancers.pools.create(alice, { name: 'p', loadBalancerId: balancer });
  });
  afterEach(() => cloud.db.close());

  const members = (...ids: string[]) => ({ ports: ids.map((portId) => ({ portId })) });
  const routerOfVip = async () => (await cloud.networks.floatingIps.get(alice, vip)).routerId;

  it('leaves its router where the port of its first member goes while it becomes one', async () => {
    const { db, held, commit } = holdWrites(cloud.db);
    const changes = new BalancerChanges(Object.assign(Object.create(cloud.core), { db }), cloud.networks);
    const added = changes.changeMembers(alice, balancer, (tx, claimed) =>
      balancers.pools.addMembersIn(tx, alice, pool, claimed, members(ports[0]!)),
    );
    await held;
    const gone = cloud.networks.ports.delete(alice, ports[0]!);
    await untilBlocked(cloud.db).finally(commit);
    await Promise.all([added, gone]);
    expect(await cloud.db.read.selectFrom('load_balancer_members').select('id').execute()).toEqual([]);
    expect(await routerOfVip()).toBeNull();
  });

  it('leaves its router where the ports of its last two members go at once', async () => {
    await balancers.pools.addMembers(alice, pool, members(...ports));
    expect(await routerOfVip()).not.toBeNull();
    const { db, held, commit } = holdWrites(cloud.db);
    const first = db.write((tx) => cloud.networks.ports.deleteIn(tx, alice, ports[0]!));
    await held;
    const second = cloud.networks.ports.delete(alice, ports[1]!);
    await untilBlocked(cloud.db).finally(commit);
    await Promise.all([first, second]);
    expect(await routerOfVip()).toBeNull();
  });
});
