import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { selfSigned } from '../../../../tests/support/self-signed.ts';
import { emptyQcow2 } from '../../../agent/disks/qcow2-header.ts';
import { operator } from '../../../cloud/identity/subject.ts';
import { failing, TestZStack } from '../zstack.fixture.ts';

type Body = Record<string, unknown>;

describe('load balancers as ZStack has them', () => {
  let test: TestZStack;
  let vipUuid: string;
  let nics: string[];
  let balancer: string;

  beforeAll(async () => {
    test = await TestZStack.start();
    const { networks, images } = test.cloud;
    const admin = operator();
    const [outside] = await networks.networks.create(admin, [{ name: 'outside', external: true }]);
    await networks.subnets.create(admin, [{ networkId: outside!.id, ipVersion: 4, cidr: '203.0.113.0/24' }]);
    const [inside] = await networks.networks.create(admin, [{ name: 'inside' }]);
    await networks.subnets.create(admin, [{ networkId: inside!.id, ipVersion: 4, cidr: '10.9.0.0/24' }]);
    vipUuid = (await made('/vips', { name: 'web', l3NetworkUuid: outside!.id }))['uuid'] as string;
    const image = await images.create(admin, { name: 'i', diskFormat: 'qcow2', containerFormat: 'bare' });
    await images.upload(admin, image.id, Readable.from([emptyQcow2(2 ** 30)]));
    const size = { cpuNum: 1, memorySize: 2 ** 27, rootDiskSize: 2 ** 30 };
    nics = [];
    for (const name of ['one', 'two']) {
      const vm = await made('/vm-instances', { name, imageUuid: image.id, l3NetworkUuids: [inside!.id], ...size });
      const [nic] = await test.query(`/vm-instances/nics?q=vmInstanceUuid=${vm['uuid']}`);
      nics.push(nic!['uuid'] as string);
    }
    balancer = (await made('/load-balancers', { name: 'shop', vipUuid }))['uuid'] as string;
  });
  afterAll(async () => {
    await test.stop();
  });

  async function made(path: string, params: Body, more: Body = {}): Promise<Body> {
    const { status, json, text } = await test.run('POST', path, { params, ...more });
    expect(status, text).toBe(200);
    return json['inventory'] as Body;
  }
  async function one(path: string): Promise<Body> {
    return (await test.query(path))[0]!;
  }
  const newListener = (loadBalancerPort: number, more: Body = {}, tags: string[] = []) =>
    made(`/load-balancers/${balancer}/listeners`, {
      ...{ name: `port-${loadBalancerPort}`, loadBalancerPort, ...more },
      ...(tags.length > 0 ? { systemTags: tags } : {}),
    });
  const refused = (loadBalancerPort: number, more: Body = {}) =>
    test.run('POST', `/load-balancers/${balancer}/listeners`, { params: { name: 'x', loadBalancerPort, ...more } });
  async function tagsOf(uuid: unknown): Promise<string[]> {
    return (await test.query(`/system-tags?q=resourceUuid=${uuid}`)).map(({ tag }) => String(tag)).sort();
  }

  it('use a VIP, which is nobody else’s meanwhile', async () => {
    expect(await one(`/load-balancers/${balancer}`)).toMatchObject({
      ...{ name: 'shop', vipUuid, state: 'Enabled', type: 'Shared', listeners: [] },
    });
    expect(await one(`/vips/${vipUuid}`)).toMatchObject({ useFor: 'LoadBalancer' });
    expect(await one(`/vips?q=loadBalancer.name=shop`)).toMatchObject({ uuid: vipUuid });
    const occupied = 'has been occupied other network service entity[LoadBalancer]';
    const again = { params: { name: 'x', vipUuid } };
    expect(await test.run('POST', '/load-balancers', again)).toMatchObject(failing('SYS.1007', occupied));
    expect(await test.run('POST', '/eips', again)).toMatchObject(failing('SYS.1006', occupied));
    expect(await test.run('DELETE', `/vips/${vipUuid}`)).toMatchObject(failing('SYS.1006', occupied));
    const none = await test.run('POST', '/load-balancers', { params: { name: 'x' } });
    expect(none).toMatchObject(failing('SYS.1007', 'param of vip and ipv6 vip is empty'));
    const slb = await test.run('POST', '/load-balancers', { params: { name: 'x', vipUuid, type: 'SLB' } });
    expect(slb).toMatchObject(failing('SYS.1014', 'type can only be Shared'));
  });

  it('have listeners that are as their tags say', async () => {
    const listener = await newListener(80, { instancePort: 8080, protocol: 'http' }, [
      'balancerAlgorithm::leastconn',
      'healthCheckTarget::tcp:9000',
    ]);
    expect(listener).toMatchObject({ instancePort: 8080, loadBalancerPort: 80, protocol: 'http', vmNicRefs: [] });
    const { uuid } = listener;
    const usual = [
      'connectionIdleTimeout::60',
      'healthCheckInterval::5',
      'healthCheckTimeout::2',
      'healthyThreshold::2',
      'maxConnection::200000',
      'unhealthyThreshold::6',
    ];
    expect(await tagsOf(uuid)).toEqual(
      [...usual, 'balancerAlgorithm::leastconn', 'healthCheckTarget::tcp:9000'].sort(),
    );
    const changes = {
      balancerAlgorithm: 'roundrobin',
      healthCheckProtocol: 'http',
      healthCheckURI: '/health',
      healthCheckTarget: 'default',
      sessionPersistence: 'insert',
      sessionIdleTimeout: 300,
    };
    const changed = await test.run('PUT', `/load-balancers/listeners/${uuid}/actions`, {
      changeLoadBalancerListener: changes,
    });
    expect(changed.status, changed.text).toBe(200);
    expect(await tagsOf(uuid)).toEqual(
      [
        ...usual,
        'balancerAlgorithm::roundrobin',
        'healthCheckTarget::http:default',
        'healthCheckParameter::HEAD:/health:http_2xx',
        'sessionPersistence::insert',
        'sessionIdleTimeout::300',
      ].sort(),
    );
    expect(await refused(80)).toMatchObject(
      failing('SYS.1007', `conflict loadBalancerPort[80], a listener[uuid:${uuid}] has used that port`),
    );
    expect(await refused(53, { protocol: 'udp' })).toMatchObject(failing('SYS.1014', 'udp'));
    expect(await refused(81, { aclStatus: 'enable' })).toMatchObject(failing('SYS.1014', 'access control lists'));
    const wrong: Array<[string, string]> = [
      ['balancerAlgorithm::random', 'invalid balance algorithm[random]'],
      ['healthCheckTarget::tcp:70000', 'invalid health target[tcp:70000]'],
      ['maxConnection::many', 'many is not a number'],
      ['maxConnection::0', 'number of connections'],
      ['sessionPersistence::insert', 'TCP'],
    ];
    for (const [tag, words] of wrong) {
      expect(await refused(81, { systemTags: [tag] }), tag).toMatchObject(failing('SYS.1007', words));
    }
    const rule = { name: 'x', vipUuid, vipPortStart: 80, protocolType: 'TCP' };
    const forwarding = await test.run('POST', '/port-forwarding', { params: rule });
    expect(forwarding).toMatchObject(failing('SYS.1007', `of load balancer listener[uuid:${uuid}]`));
    await test.run('DELETE', `/load-balancers/listeners/${uuid}`);
    expect(await test.query(`/load-balancers/listeners/${uuid}`)).toEqual([]);
  });

  it('show by their tags what is, however many change them at once, and keep the tags of others', async () => {
    const said = ['healthCheckTarget::9000', 'sessionPersistence::disable', 'capability::mine'];
    const { uuid } = await newListener(90, { protocol: 'http' }, said);
    const about = async (name: string) => (await tagsOf(uuid)).filter((tag) => tag.startsWith(`${name}::`));
    expect(await about('healthCheckTarget')).toEqual(['healthCheckTarget::tcp:9000']);
    expect(await about('sessionPersistence')).toEqual([]);
    const change = (maxConnection: number) =>
      test.run('PUT', `/load-balancers/listeners/${uuid}/actions`, { changeLoadBalancerListener: { maxConnection } });
    for (const answer of await Promise.all([change(5), change(6), change(5), change(7)])) {
      expect(answer.status, answer.text).toBe(200);
    }
    expect(await about('maxConnection')).toHaveLength(1);
    expect(await about('balancerAlgorithm')).toHaveLength(1);
    expect(await about('capability')).toEqual(['capability::mine']);
    const tag = { resourceType: 'LoadBalancerListenerVO', resourceUuid: uuid, tag: 'balancerAlgorithm::leastconn' };
    expect(await test.run('POST', '/system-tags', { params: tag })).toMatchObject(
      failing('SYS.1014', 'ChangeLoadBalancerListener'),
    );
    const several = { resourceType: tag.resourceType, tags: [`balancerWeight::${nics[0]}::5`] };
    expect(await test.run('POST', `/system-tags/${uuid}/tags`, { params: several })).toMatchObject(
      failing('SYS.1014', 'ChangeLoadBalancerBackendServer'),
    );
    await test.run('DELETE', `/load-balancers/listeners/${uuid}`);
  });

  it('give what comes to interfaces, and to server groups with weights', async () => {
    const { uuid: listenerUuid } = await newListener(8080, {}, ['balancerAlgorithm::weightroundrobin']);
    const candidates = async () => {
      const { json } = await test.call('GET', `/load-balancers/listeners/${listenerUuid}/vm-instances/candidate-nics`);
      return (json['inventories'] as Body[]).map(({ uuid }) => uuid).sort();
    };
    expect(await candidates()).toEqual([...nics].sort());
    const added = await made(
      `/load-balancers/listeners/${listenerUuid}/vm-instances/nics`,
      { vmNicUuids: [nics[0]] },
      { systemTags: [`balancerWeight::${nics[0]}::30`] },
    );
    expect(added).toMatchObject({ vmNicRefs: [{ vmNicUuid: nics[0], status: 'Active' }] });
    expect(await candidates()).toEqual([nics[1]]);
    const own = await one(`/load-balancers/servergroups/${added['serverGroupUuid']}`);
    expect(own).toMatchObject({ vmNicRefs: [{ vmNicUuid: nics[0], weight: 30 }], serverIps: [] });

    const { uuid: group } = await made(`/load-balancers/${balancer}/servergroups`, { name: 'more' });
    const members = { vmNics: [{ uuid: nics[1], weight: '70' }], servers: [{ ipAddress: '10.9.0.200', weight: '5' }] };
    expect(await made(`/load-balancers/servergroups/${group}/backendservers`, members)).toMatchObject({
      vmNicRefs: [{ vmNicUuid: nics[1], weight: 70 }],
      serverIps: [{ ipAddress: '10.9.0.200', weight: 5 }],
    });
    const heavy = { vmNics: [{ uuid: nics[1], weight: '101' }] };
    const path = `/load-balancers/servergroups/${group}/backendserver/actions`;
    expect(await test.run('PUT', path, { changeLoadBalancerBackendServer: heavy })).toMatchObject(
      failing('SYS.1007', 'invalid balancer weight[101]'),
    );
    const lighter = { vmNics: [{ uuid: nics[1], weight: '7' }] };
    await test.run('PUT', path, { changeLoadBalancerBackendServer: lighter });
    const attached = await made(`/load-balancers/listeners/${listenerUuid}/servergroups`, { serverGroupUuid: group });
    expect(attached['serverGroupRefs']).toHaveLength(2);
    expect(attached['vmNicRefs']).toHaveLength(2);
    expect(await one(`/load-balancers/servergroups/${group}`)).toMatchObject({ vmNicRefs: [{ weight: 7 }] });
    expect(await one('/load-balancers/listeners?q=serverGroup.name=more')).toMatchObject({ uuid: listenerUuid });

    // A server that stops gets nothing, and one that is gone is not there.
    const vm = String((await one(`/vm-instances/nics/${nics[1]}`))['vmInstanceUuid']);
    await test.run('PUT', `/vm-instances/${vm}/actions`, { stopVmInstance: { type: 'cold' } });
    expect(await one(`/load-balancers/servergroups/${group}`)).toMatchObject({ vmNicRefs: [{ status: 'Inactive' }] });
    await test.run('DELETE', `/vm-instances/${vm}`);
    await test.run('PUT', `/vm-instances/${vm}/actions`, { expungeVmInstance: {} });
    expect(await one(`/load-balancers/servergroups/${group}`)).toMatchObject({ vmNicRefs: [] });

    const removed = `/load-balancers/listeners/${listenerUuid}/vm-instances/nics?vmNicUuids=${nics[0]}`;
    expect(await test.run('DELETE', removed)).toMatchObject({ status: 200, json: { inventory: { uuid: balancer } } });
    const alone = { removeBackendServerFromServerGroup: { serverIps: ['10.9.0.200'] } };
    await test.run('PUT', `/load-balancers/servergroups/${group}/backendservers/actions`, alone);
    expect(await one(`/vips/${vipUuid}`)).not.toHaveProperty('serviceProvider');
    await test.run('DELETE', `/load-balancers/listeners/${listenerUuid}/servergroups?serverGroupUuid=${group}`);
    expect(await test.run('DELETE', `/load-balancers/servergroups/${group}`)).toMatchObject({ status: 200, json: {} });
    expect(await one(`/load-balancers/servergroups/${group}`)).toBeUndefined();
  });

  it('have certificates, whose keys nobody is shown', async () => {
    const { pem } = selfSigned('x');
    const wrong = await test.run('POST', '/certificates', { params: { name: 'x', certificate: 'x' } });
    expect(wrong).toMatchObject(failing('SYS.1007', 'no certificate in PEM'));
    const certificate = await made('/certificates', { name: 'x', certificate: pem });
    expect(JSON.stringify(certificate)).not.toContain('PRIVATE');
    expect(certificate['certificate']).toContain('BEGIN CERTIFICATE');
    const { uuid: listener } = await newListener(443, { protocol: 'https', certificateUuid: certificate['uuid'] });
    const { text } = await test.call('GET', '/certificates');
    expect(text).not.toContain('PRIVATE');
    expect(await one(`/certificates/${certificate['uuid']}`)).toMatchObject({
      listeners: [{ listenerUuid: listener }],
    });
    const used = await test.run('DELETE', `/certificates/${certificate['uuid']}`);
    expect(used).toMatchObject(failing('SYS.1006', `The listener ${listener} has the certificate`));
    const taken = `/load-balancers/listeners/${listener}/certificate?certificateUuid=${certificate['uuid']}`;
    expect((await test.run('DELETE', taken)).status).toBe(200);
    expect(await test.run('DELETE', `/certificates/${certificate['uuid']}`)).toMatchObject({ status: 200, json: {} });
  });

  it('go with all that is theirs, and leave the VIP', async () => {
    expect(await test.run('DELETE', `/load-balancers/${balancer}`)).toMatchObject({ status: 200, json: {} });
    for (const path of ['/load-balancers', '/load-balancers/listeners', '/load-balancers/servergroups']) {
      expect(await test.query(path)).toEqual([]);
    }
    expect(await one(`/vips/${vipUuid}`)).not.toHaveProperty('useFor');
    expect(await test.run('DELETE', `/vips/${vipUuid}`)).toMatchObject({ status: 200, json: {} });
  });
});
