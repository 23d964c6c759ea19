import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Json, NetworkApi } from './network-api.fixture.ts';

let api: NetworkApi;

beforeAll(async () => {
  api = await NetworkApi.start();
});
afterAll(() => api.close());

const collection = '/v2.0/default-security-group-rules';
const failure = (status: number, type: string) => ({ status, body: { NeutronError: { type, detail: '' } } });
const rulesOf = (group: Json | undefined) => group!['security_group_rules'] as unknown as Json[];
const said = ({ direction, ethertype, protocol, remote_group_id }: Json) =>
  [direction, ethertype, protocol, remote_group_id && 'itself'].filter(Boolean).join(' ');

test('new groups have the rules that an administrator wants, and groups that exist keep theirs', async () => {
  const { body } = await api.call('alice', 'GET', collection);
  const first = body['default_security_group_rules'] as unknown as Json[];
  expect(
    first.map((rule) => [
      rule['direction'],
      rule['ethertype'],
      rule['remote_group_id'],
      rule['used_in_default_sg'],
      rule['used_in_non_default_sg'],
    ]),
  ).toEqual([
    ['egress', 'IPv4', null, true, true],
    ['egress', 'IPv6', null, true, true],
    ['ingress', 'IPv4', 'PARENT', true, false],
    ['ingress', 'IPv6', 'PARENT', true, false],
  ]);
  const before = await api.made('alice', 'security-groups', 'security_group', { name: 'before' });
  expect(rulesOf(before).map(said).sort()).toEqual(['egress IPv4', 'egress IPv6']);

  const wanted = { direction: 'ingress', protocol: 'tcp', port_range_min: 22, port_range_max: 22 };
  expect(await api.call('alice', 'POST', collection, { default_security_group_rule: wanted })).toMatchObject({
    status: 403,
  });
  const ssh = await api.made('admin', 'default-security-group-rules', 'default_security_group_rule', wanted);
  expect(ssh).toMatchObject({ ...wanted, ethertype: 'IPv4', used_in_default_sg: false, used_in_non_default_sg: true });
  expect(await api.call('admin', 'POST', collection, { default_security_group_rule: wanted })).toMatchObject(
    failure(409, 'DefaultSecurityGroupRuleExists'),
  );
  await api.made('admin', 'default-security-group-rules', 'default_security_group_rule', {
    ...{ direction: 'ingress', protocol: 'udp', remote_group_id: 'PARENT', used_in_default_sg: true },
  });
  const id = first[0]!['id'];
  expect(await api.call('admin', 'DELETE', `${collection}/${id}`)).toMatchObject({ status: 204 });
  expect(await api.call('admin', 'GET', `${collection}/${id}`)).toMatchObject(
    failure(404, 'DefaultSecurityGroupRuleNotFound'),
  );

  const after = await api.made('alice', 'security-groups', 'security_group', { name: 'after' });
  expect(rulesOf(after).map(said).sort()).toEqual(['egress IPv6', 'ingress IPv4 tcp', 'ingress IPv4 udp itself']);
  expect(rulesOf(after).find(({ protocol }) => protocol === ('udp' as unknown))!['remote_group_id']).toBe(after['id']);
  const groups = await api.call('bob', 'GET', '/v2.0/security-groups?name=default');
  const [usual] = groups.body['security_groups'] as unknown as Json[];
  expect(rulesOf(usual).map(said).sort()).toEqual([
    'egress IPv6',
    'ingress IPv4 itself',
    'ingress IPv4 udp itself',
    'ingress IPv6 itself',
  ]);
  const kept = await api.call('alice', 'GET', `/v2.0/security-groups/${before['id']}`);
  expect(rulesOf(kept.body['security_group']).map(said).sort()).toEqual(['egress IPv4', 'egress IPv6']);
});
