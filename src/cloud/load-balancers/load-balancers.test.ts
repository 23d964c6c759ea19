import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { eachDatabase } from '../../../tests/support/postgres.ts';
import { selfSigned } from '../../../tests/support/self-signed.ts';
import type { DesiredBalancer, DesiredRouter } from '../../agent/contract.ts';
import { Eips } from '../eips/eips.ts';
import { withBalancers } from '../networks/host-networks/desired-balancers.ts';
import { desiredRouters } from '../networks/host-networks/desired-routers.ts';
import { admin, member, projectA, projectB, type TestNetworks, testNetworks } from '../networks/test-cloud.ts';
import { secretKeysFrom } from '../secrets/sealing.ts';
import { LoadBalancers } from './load-balancers.ts';
import { type ListenerSettings, usualSettings } from './model.ts';

const alice = member(projectA);
const bob = member(projectB);

eachDatabase('load balancers', (open) => {
  let cloud: TestNetworks;
  let balancers: LoadBalancers;
  let eips: Eips;
  let outside: string;
  let inside: string;
  let vip: string;
  let ports: string[];

  beforeEach(async () => {
    const settings = { secretKeys: secretKeysFrom('test') };
    cloud = await testNetworks(settings, await open());
    const { networks, core, quotas } = cloud;
    balancers = new LoadBalancers(core, networks, quotas, async () => undefined);
    eips = new Eips(core, networks);
    const [external] = await networks.networks.create(admin, [{ name: 'outside', external: true }]);
    outside = external!.id;
    await networks.subnets.create(admin, [{ networkId: outside, ipVersion: 4, cidr: '203.0.113.0/24' }]);
    inside = await newNetwork('10.5.0.0/24');
    vip = (await eips.createVip(alice, { name: 'web', networkId: outside })).id;
    ports = [await newPort(inside), await newPort(inside)];
  });
  afterEach(() => cloud.db.close());

  async function newNetwork(cidr: string, owner = alice): Promise<string> {
    const [network] = await cloud.networks.networks.create(owner, [{ name: cidr }]);
    await cloud.networks.subnets.create(owner, [{ networkId: network!.id, ipVersion: 4, cidr }]);
    return network!.id;
  }
  async function newPort(networkId: string, owner = alice): Promise<string> {
    const [port] = await cloud.networks.ports.create(owner, [{ networkId }]);
    return port!.id;
  }
  const newBalancer = (floatingIpId = vip) => balancers.create(alice, { name: 'web', floatingIpId });
  const newListener = (loadBalancerId: string, port = 80, more: object = {}) =>
    balancers.listeners.create(alice, {
      ...{ name: 'http', loadBalancerId, port, protocol: 'http', settings: usualSettings },
      ...more,
    } as Parameters<typeof balancers.listeners.create>[1]);
  const members = (...portIds: string[]) => ({ ports: portIds.map((portId) => ({ portId })) });
  /** What hosts are told of routers that lead to the network. */
  async function served(networkId = inside): Promise<DesiredBalancer[]> {
    const routers: DesiredRouter[] = await desiredRouters(cloud.db, [networkId]);
    return (await withBalancers(cloud.core, routers)).flatMap((router) => router.balancers ?? []);
  }
  const routersOf = () => cloud.networks.routers.list(alice);
  const vipNow = () => cloud.networks.floatingIps.get(alice, vip);

  it('give what comes to a port to members, by a router that comes and goes with them', async () => {
    const id = await newBalancer();
    const listener = await newListener(id, 80, { memberPort: 8080 });
    expect(await served()).toEqual([]);
    await balancers.listeners.addMembers(alice, listener, members(...ports));
    expect(await routersOf()).toHaveLength(1);
    const { address, status } = await vipNow();
    expect(status).toBe('ACTIVE');
    const fixed = await Promise.all(
      ports.map(async (port) => (await cloud.networks.ports.get(alice, port)).fixedIps[0]!),
    );
    const [balancer] = await served();
    expect(balancer).toMatchObject({ balancerId: id, address });
    expect(balancer!.listeners).toMatchObject([{ ...usualSettings, listenerId: listener, protocol: 'http', port: 80 }]);
    expect(balancer!.listeners[0]!.members.map((one) => ({ ...one, memberId: '' }))).toEqual(
      expect.arrayContaining(
        fixed.map(({ ipAddress }) => ({ memberId: '', address: ipAddress, port: 8080, weight: 100 })),
      ),
    );

    // A port that is deleted is a member no more.
    await cloud.networks.ports.delete(alice, ports[0]!);
    expect((await served())[0]!.listeners[0]!.members).toHaveLength(1);
    await balancers.listeners.removeMembers(alice, listener, ports);
    expect(await served()).toEqual([]);
    expect(await routersOf()).toEqual([]);
    expect((await vipNow()).status).toBe('DOWN');
    await balancers.delete(alice, id);
    await eips.deleteVip(alice, vip);
    for (const table of ['load_balancer_listeners', 'load_balancer_pools', 'load_balancer_members'] as const) {
      expect(await cloud.db.read.selectFrom(table).selectAll().execute()).toEqual([]);
    }
  });

  it('have pools, which several listeners have, with addresses and weights', async () => {
    const id = await newBalancer();
    const pool = await balancers.pools.create(alice, { name: 'p', loadBalancerId: id });
    const addresses = [{ address: '10.5.0.200', weight: 7 }];
    await expect(balancers.pools.addMembers(alice, pool, { addresses })).rejects.toMatchObject({
      details: { reason: 'no_router' },
    });
    await balancers.pools.addMembers(alice, pool, members(ports[0]!));
    await balancers.pools.addMembers(alice, pool, { addresses });
    const listeners = [await newListener(id, 80), await newListener(id, 81)];
    for (const listener of listeners) await balancers.listeners.addPool(alice, listener, pool);
    const weights = async () =>
      (await served())[0]!.listeners.map((one) => one.members.map(({ weight }) => weight).sort());
    expect(await weights()).toEqual([
      [100, 7],
      [100, 7],
    ]);
    await balancers.pools.weigh(alice, pool, { addresses: [{ address: '10.5.0.200', weight: 0 }] });
    expect(await weights()).toEqual([
      [0, 100],
      [0, 100],
    ]);
    await expect(balancers.pools.addMembers(alice, pool, { addresses })).rejects.toMatchObject({
      details: { reason: 'member' },
    });
    for (const address of [
      '127.0.0.1',
      '169.254.169.254',
      '0.0.0.0',
      '255.255.255.255',
      '::1',
      (await vipNow()).address,
    ]) {
      const wrong = balancers.pools.addMembers(alice, pool, { addresses: [{ address }] });
      await expect(wrong, address).rejects.toMatchObject({ code: 'invalid' });
    }
    await expect(balancers.listeners.addPool(alice, listeners[0]!, pool)).rejects.toMatchObject({
      details: { reason: 'attached' },
    });
    await balancers.listeners.removePool(alice, listeners[0]!, pool);
    expect((await weights())[0]).toEqual([]);
    await balancers.pools.removeMembers(alice, pool, { portIds: ports, addresses: ['10.5.0.200'] });
    await balancers.pools.delete(alice, pool);
    expect(await routersOf()).toEqual([]);
  });

  it('have their address to themselves, and ports that nothing else has', async () => {
    const id = await newBalancer();
    const inUse = { code: 'conflict', details: { reason: 'vip_in_use' } };
    await expect(newBalancer()).rejects.toMatchObject(inUse);
    await expect(eips.deleteVip(alice, vip)).rejects.toMatchObject(inUse);
    await expect(eips.create(alice, { name: 'e', vipId: vip })).rejects.toMatchObject(inUse);
    const balanced = { code: 'conflict', details: { reason: 'in_use_by_load_balancer' } };
    await expect(cloud.networks.floatingIps.delete(alice, vip)).rejects.toMatchObject(balanced);
    await cloud.networks.routers.create(alice, [{ name: 'r', gateway: { networkId: outside } }]);
    const association = { portId: ports[0]! };
    await expect(cloud.networks.floatingIps.update(alice, vip, { association })).rejects.toMatchObject(balanced);

    const rules = eips.portForwardingRules;
    const rule = { name: 'r', vipId: vip, protocol: 'tcp', external: { first: 100, last: 200 } } as const;
    await rules.create(alice, rule);
    const forwarded = { code: 'conflict', details: { reason: 'port_forwarded' } };
    await expect(newListener(id, 150)).rejects.toMatchObject(forwarded);
    await newListener(id, 201);
    await expect(newListener(id, 201)).rejects.toMatchObject({ details: { reason: 'port_taken' } });
    const taken = { ...rule, external: { first: 201, last: 201 } };
    await expect(rules.create(alice, taken)).rejects.toMatchObject({ code: 'invalid' });
    await rules.create(alice, { ...taken, protocol: 'udp' });
    const other = (await eips.createVip(alice, { name: 'other', networkId: outside })).id;
    await eips.create(alice, { name: 'e', vipId: other });
    await expect(newBalancer(other)).rejects.toMatchObject(inUse);
  });

  it('keep ports from being forwarded elsewhere by other means, and the other way round', async () => {
    const id = await newBalancer();
    const listener = await newListener(id, 80);
    await balancers.listeners.addMembers(alice, listener, members(ports[0]!));
    const wanted = { protocol: 'tcp', internalPortId: ports[1]!, internal: { first: 22, last: 22 } } as const;
    const forward = (first: number, last = first) =>
      cloud.networks.portForwardings.create(alice, vip, { ...wanted, external: { first, last } });
    await expect(forward(80)).rejects.toMatchObject({ code: 'invalid' });
    const { id: forwarding } = await forward(2222);
    await expect(newListener(id, 2222)).rejects.toMatchObject({ details: { reason: 'port_forwarded' } });
    // What is left needs the router still.
    await cloud.networks.portForwardings.delete(alice, vip, forwarding);
    expect((await vipNow()).status).toBe('ACTIVE');
    await forward(2222);
    await balancers.listeners.removeMembers(alice, listener, ports);
    expect((await vipNow()).status).toBe('ACTIVE');
  });

  it('are asked for at the same moment by several, of whom one gets the port or the address', async () => {
    const reasons = async (attempts: Array<Promise<unknown>>) =>
      (await Promise.allSettled(attempts)).map((one) =>
        one.status === 'fulfilled' ? 'made' : (one.reason.details?.reason ?? one.reason.code),
      );
    const made = await reasons([newBalancer(), newBalancer(), newBalancer()]);
    expect(made.sort()).toEqual(['made', 'vip_in_use', 'vip_in_use']);
    const { id } = await cloud.db.read.selectFrom('load_balancers').select('id').executeTakeFirstOrThrow();
    const listened = await reasons([newListener(id, 80), newListener(id, 80), newListener(id, 80)]);
    expect(listened.sort()).toEqual(['made', 'port_taken', 'port_taken']);
    const external = { first: 81, last: 81 };
    const rule = eips.portForwardingRules.create(alice, { name: 'r', vipId: vip, protocol: 'tcp', external });
    const both = await reasons([rule, newListener(id, 81)]);
    expect(both.filter((one) => one === 'made')).toHaveLength(1);
    const { id: other } = await eips.createVip(alice, { name: 'other', networkId: outside });
    const used = await reasons([newBalancer(other), eips.create(alice, { name: 'e', vipId: other })]);
    expect(used.filter((one) => one === 'made')).toHaveLength(1);
  });

  it('need one router for all members, which keeps what leads to them', async () => {
    const id = await newBalancer();
    const listener = await newListener(id);
    await balancers.listeners.addMembers(alice, listener, members(ports[0]!));
    const elsewhere = await newPort(await newNetwork('10.6.0.0/24'));
    await expect(balancers.listeners.addMembers(alice, listener, members(elsewhere))).rejects.toMatchObject({
      details: { reason: 'several_routers' },
    });
    expect((await served())[0]!.listeners[0]!.members).toHaveLength(1);
    // The one that was made for the refused member has gone again.
    const routers = await routersOf();
    expect(routers).toHaveLength(1);
    const subnetId = (await cloud.networks.ports.get(alice, ports[0]!)).fixedIps[0]!.subnetId;
    const owner = (await desiredRouters(cloud.db, [inside]))[0]!.routerId;
    expect(routers[0]!.id).toBe(owner);
    await expect(cloud.networks.routerInterfaces.remove(alice, owner, { subnetId })).rejects.toMatchObject({
      code: 'conflict',
    });
    await expect(cloud.networks.routers.update(alice, owner, { gateway: null })).rejects.toMatchObject({
      code: 'conflict',
    });
  });

  it('get a router of their own project, whoever adds members, and one where two add some at once', async () => {
    const id = await newBalancer();
    const pool = await balancers.pools.create(alice, { name: 'p', loadBalancerId: id });
    await balancers.pools.addMembers(admin, pool, members(ports[0]!));
    expect(await routersOf()).toMatchObject([{ projectId: projectA }]);
    await balancers.pools.removeMembers(alice, pool, { portIds: ports });
    expect(await cloud.networks.routers.list(admin)).toEqual([]);
    await Promise.all(ports.map((port) => balancers.pools.addMembers(alice, pool, members(port))));
    expect(await routersOf()).toHaveLength(1);
  });

  it('let go of a router that two no longer need at once, and make none by halves', async () => {
    const { id: other } = await eips.createVip(alice, { name: 'other', networkId: outside });
    const pools = await Promise.all(
      [vip, other].map(async (one) =>
        balancers.pools.create(alice, { name: 'p', loadBalancerId: await newBalancer(one) }),
      ),
    );
    for (const pool of pools) await balancers.pools.addMembers(alice, pool, members(...ports));
    expect(await routersOf()).toHaveLength(1);
    await Promise.all(pools.map((pool) => balancers.pools.removeMembers(alice, pool, { portIds: ports })));
    expect(await routersOf()).toEqual([]);

    const broken = { addIn: () => Promise.reject(new Error('broken')) };
    const networks = Object.create(cloud.networks, { routerInterfaces: { value: broken } });
    const others = new LoadBalancers(cloud.core, networks, cloud.quotas, async () => undefined);
    await expect(others.pools.addMembers(alice, pools[0]!, members(ports[0]!))).rejects.toThrow('broken');
    expect(await routersOf()).toEqual([]);
  });

  it('belong to a project, which has only so many', async () => {
    const id = await newBalancer();
    const listener = await newListener(id);
    const pool = await balancers.pools.create(alice, { name: 'p', loadBalancerId: id });
    const foreign = await newPort(await newNetwork('10.8.0.0/24', bob), bob);
    const refusals = [
      balancers.create(bob, { name: 'b', floatingIpId: vip }),
      balancers.update(bob, id, { name: 'b' }),
      balancers.refresh(bob, id),
      balancers.delete(bob, id),
      balancers.listeners.update(bob, listener, { name: 'b' }),
      balancers.listeners.configure(bob, listener, (before) => before),
      balancers.listeners.addMembers(bob, listener, members(foreign)),
      balancers.listeners.addPool(bob, listener, pool),
      balancers.listeners.delete(bob, listener),
      balancers.pools.create(bob, { name: 'p', loadBalancerId: id }),
      balancers.pools.addMembers(bob, pool, { addresses: [{ address: '10.5.0.9' }] }),
      balancers.pools.weigh(bob, pool, { addresses: [{ address: '10.5.0.9' }] }),
      balancers.pools.delete(bob, pool),
    ];
    for (const one of await Promise.allSettled(refusals)) {
      expect(one).toMatchObject({ status: 'rejected', reason: { code: 'not_found' } });
    }
    await expect(balancers.pools.addMembers(alice, pool, members(foreign))).rejects.toMatchObject({
      code: 'not_found',
    });
    await expect(balancers.pools.addMembers(admin, pool, members(foreign))).rejects.toMatchObject({ code: 'invalid' });
    await cloud.quotas.setLimits(admin, projectA, { load_balancers: 1, load_balancer_listeners: 1 });
    const another = (await eips.createVip(alice, { name: 'v', networkId: outside })).id;
    await expect(newBalancer(another)).rejects.toMatchObject({ code: 'quota_exceeded' });
    await expect(newListener(id, 99)).rejects.toMatchObject({ code: 'quota_exceeded' });
  });

  it('speak HTTPS with certificates whose keys are sealed', async () => {
    const { pem: own, privateKey: key } = selfSigned('own');
    const { certificates, listeners } = balancers;
    const certificate = await certificates.create(alice, { name: 'c', pem: own });
    const row = await cloud.db.read.selectFrom('certificates').selectAll().executeTakeFirstOrThrow();
    expect(row.private_key).toMatch(/^sealed1\./);
    expect(row.chain).not.toContain('PRIVATE');
    const strange = `${selfSigned('x').chain}\n${key}`;
    for (const wrong of ['', 'no certificate', key, strange, own.replace(key, '')]) {
      await expect(certificates.create(alice, { name: 'c', pem: wrong })).rejects.toMatchObject({ code: 'invalid' });
    }
    const id = await newBalancer();
    const plain = await newListener(id, 80);
    const secure = await newListener(id, 443, { protocol: 'https' });
    await expect(listeners.addCertificate(alice, plain, certificate)).rejects.toMatchObject({ code: 'invalid' });
    await expect(listeners.addCertificate(bob, secure, certificate)).rejects.toMatchObject({ code: 'not_found' });
    await listeners.addCertificate(alice, secure, certificate);
    await expect(listeners.addCertificate(alice, secure, certificate)).rejects.toMatchObject({ code: 'conflict' });
    await listeners.addMembers(alice, secure, members(ports[0]!));
    const told = (await served())[0]!.listeners.map(({ certificate: one }) => one?.privateKey.trim());
    expect(told).toEqual([undefined, key]);
    await expect(certificates.delete(alice, certificate)).rejects.toMatchObject({ details: { reason: 'in_use' } });
    await listeners.removeCertificate(alice, secure, certificate);
    await certificates.delete(alice, certificate);
    expect(await cloud.db.read.selectFrom('certificates').select('id').execute()).toEqual([]);
  });

  it('take a certificate, or see it go, where both are asked for at the same moment', async () => {
    const { pem } = selfSigned('own');
    const secure = await newListener(await newBalancer(), 443, { protocol: 'https' });
    for (let each = 0; each < 20; each++) {
      const id = await balancers.certificates.create(alice, { name: 'c', pem });
      const both = await Promise.allSettled([
        sleep(each / 2).then(() => balancers.certificates.delete(alice, id)),
        balancers.listeners.addCertificate(alice, secure, id),
      ]);
      const refusals = both.flatMap((one) => (one.status === 'rejected' ? one.reason.code : []));
      expect(['not_found', 'conflict']).toContain(refusals.join());
      if (refusals.join() !== 'conflict') continue;
      await balancers.listeners.removeCertificate(alice, secure, id);
      await balancers.certificates.delete(alice, id);
    }
  });

  it.each<[string, (before: ListenerSettings) => ListenerSettings]>([
    [
      'an algorithm that is known by address, and a cookie',
      (one) => ({ ...one, algorithm: 'source-ip', cookie: { kind: 'insert', name: 'c' } }),
    ],
    ['a cookie with another word in its name', (one) => ({ ...one, cookie: { kind: 'rewrite', name: 'a b' } })],
    ['no connections', (one) => ({ ...one, maxConnections: 0 })],
    ['a health check that is never asked', (one) => ({ ...one, monitor: { ...one.monitor, interval: 0 } })],
    [
      'a path with a line in it',
      (one) => ({ ...one, monitor: { ...one.monitor, http: { method: 'GET', path: "/\n'", classes: [2] } } }),
    ],
    ['the PROXY protocol in HTTP', (one) => ({ ...one, proxyProtocol: 'v1' })],
    ['TLS in HTTP', (one) => ({ ...one, tls: { lowest: '1.2' } })],
  ])('refuse %s', async (_, change) => {
    const listener = await newListener(await newBalancer());
    await expect(balancers.listeners.configure(alice, listener, change)).rejects.toMatchObject({ code: 'invalid' });
    const kept = cloud.db.read.selectFrom('load_balancer_listeners').select('settings').where('id', '=', listener);
    expect(JSON.parse((await kept.executeTakeFirstOrThrow()).settings)).toEqual(usualSettings);
  });

  it('have no member whose port goes at the same moment', async () => {
    const pool = await balancers.pools.create(alice, { name: 'p', loadBalancerId: await newBalancer() });
    await balancers.pools.addMembers(alice, pool, members(ports[0]!));
    for (let each = 0; each < 16; each++) {
      const port = await newPort(inside);
      const [gone, added] = await Promise.allSettled([
        sleep(each).then(() => cloud.networks.ports.delete(alice, port)),
        balancers.pools.addMembers(alice, pool, members(port)),
      ]);
      expect(gone).toMatchObject({ status: 'fulfilled' });
      if (added.status === 'rejected') expect(added.reason).toMatchObject({ code: 'not_found' });
    }
    const left = await cloud.db.read.selectFrom('load_balancer_members').select('port_id').execute();
    expect(left).toEqual([{ port_id: ports[0] }]);
  });

  it('are not begun where no host can serve them', async () => {
    const none = new LoadBalancers(cloud.core, cloud.networks, cloud.quotas, async () => 'haproxy is missing');
    await expect(none.create(alice, { name: 'b', floatingIpId: vip })).rejects.toMatchObject({ code: 'unavailable' });
  });
});
