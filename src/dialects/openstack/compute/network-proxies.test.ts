import { afterAll, beforeAll, expect, test } from 'vitest';
import { computeDialects } from './compute.ts';
import { ComputeApi } from './test-compute-api.ts';

const base = '/compute/v2.1';

let api: ComputeApi;
beforeAll(async () => {
  api = await ComputeApi.start(computeDialects);
});
afterAll(() => api.stop());

test('an interface gains an address and loses it', async () => {
  const id = await api.server();
  const path = `${base}/servers/${id}/os-interface`;
  const interfaces = async () => (await api.call('GET', path)).body.interfaceAttachments;
  const [first] = await interfaces();
  const addresses = async () =>
    (await interfaces())[0].fixed_ips.map(({ ip_address }: { ip_address: string }) => ip_address);
  const before = await addresses();
  expect(await api.act(id, { addFixedIp: { networkId: first.net_id } })).toMatchObject({ status: 202 });
  const after = await addresses();
  expect(after).toHaveLength(2);
  expect(after).toEqual(expect.arrayContaining(before));
  const added = after.find((address: string) => !before.includes(address));
  expect(await api.act(id, { removeFixedIp: { address: added } })).toMatchObject({ status: 202 });
  expect(await addresses()).toEqual(before);

  const add = () => api.act(id, { addFixedIp: { networkId: first.net_id } });
  await Promise.all([add(), add()]);
  const three = await addresses();
  expect(three).toHaveLength(3);
  const remove = (address: string) => api.act(id, { removeFixedIp: { address } });
  await Promise.all(three.filter((address: string) => !before.includes(address)).map(remove));
  expect(await addresses()).toEqual(before);

  expect(await api.act(id, { removeFixedIp: { address: added } })).toMatchObject({
    status: 400,
    body: { badRequest: { message: `Instance ${id} does not have fixed IP '${added}'.` } },
  });
  expect((await api.act(id, { removeFixedIp: { address: 'none' } })).status).toBe(400);
  expect((await api.act(id, { addFixedIp: { networkId: id } })).status).toBe(404);
  const late = { version: '2.44', body: { addFixedIp: { networkId: first.net_id } } };
  expect((await api.call('POST', `${base}/servers/${id}/action`, late)).status).toBe(404);
});

test('the addresses of a locked server are changed by administrators alone', async () => {
  const as = 'alice';
  await api.addMember(as);
  const id = await api.server({}, as);
  const [first] = (await api.call('GET', `${base}/servers/${id}/os-interface`, { as })).body.interfaceAttachments;
  const add = { addFixedIp: { networkId: first.net_id } };
  const remove = { removeFixedIp: { address: first.fixed_ips[0].ip_address } };
  await api.act(id, { lock: null }, { as });
  for (const action of [add, remove]) {
    expect(await api.act(id, action, { as })).toMatchObject({
      status: 409,
      body: { conflictingRequest: { message: `Instance ${id} is locked` } },
    });
  }
  expect((await api.act(id, add)).status).toBe(202);
  await api.act(id, { unlock: null }, { as });
  expect((await api.act(id, remove, { as })).status).toBe(202);
});

test('clients that look for extensions find these', async () => {
  const { extensions } = (await api.call('GET', `${base}/extensions`)).body;
  const aliases = extensions.map(({ alias }: { alias: string }) => alias);
  expect(aliases).toEqual(expect.arrayContaining(['os-floating-ips', 'os-floating-ip-pools', 'os-multinic']));
});

test('what a client says of a rule beside what Nova reads is passed over', async () => {
  const security_group = { name: 'web', description: 'd', colour: 'red' };
  const group = await api.call('POST', `${base}/os-security-groups`, { body: { security_group } });
  expect(group.status).toBe(200);
  const rule = { parent_group_id: group.body.security_group.id, ip_protocol: 'tcp', from_port: 80, to_port: 81 };
  const security_group_rule = { ...rule, cidr: '0.0.0.0/0', ipprotocol: 'tcp' };
  const made = await api.call('POST', `${base}/os-security-group-rules`, { body: { security_group_rule } });
  expect(made).toMatchObject({ status: 200, body: { security_group_rule: { from_port: 80, to_port: 81 } } });
});

test('quotas go back to what they were for compute alone', async () => {
  const { quotas } = api.unkai.cloud;
  const project = api.operator.projectId!;
  const { cores, injected_files } = quotas.defaults;
  for (const [version, security_groups] of [
    ['2.35', quotas.defaults.security_groups],
    ['2.96', 8],
  ]) {
    const own = { cores: 5, injected_files: 1, volumes: 6, networks: 7, security_groups: 8 };
    await quotas.setLimits(api.operator, project, own);
    const options = { version: String(version) };
    expect((await api.call('DELETE', `${base}/os-quota-sets/${project}`, options)).status).toBe(202);
    const limits = await quotas.limits(api.operator, project);
    expect(limits).toMatchObject({ cores, injected_files, volumes: 6, networks: 7, security_groups });
  }
});
