import { expect, test } from 'vitest';
import { userNetwork } from './user-network.ts';

const subnet = {
  cidr: '10.0.0.0/24',
  gateway: '10.0.0.1',
  address: '10.0.0.9',
  dnsNameservers: ['192.0.2.53', '8.8.8.8'],
};

test('the guest gets exactly its address, the gateway and the first name server', () => {
  expect(userNetwork(subnet)).toEqual({
    net: '10.0.0.0/24',
    host: '10.0.0.1',
    dhcpStart: '10.0.0.9',
    dns: '192.0.2.53',
    restricted: false,
  });
});

test('without a name server that slirp can announce, a free address of the network forwards to the host', () => {
  expect(userNetwork({ ...subnet, dnsNameservers: [] }).dns).toBe('10.0.0.2');
  expect(userNetwork({ ...subnet, dnsNameservers: ['10.0.0.1', '2001:db8::1'] }).dns).toBe('10.0.0.2');
  expect(userNetwork({ ...subnet, address: '10.0.0.2', dnsNameservers: [] }).dns).toBe('10.0.0.3');
});

test('a network without a gateway is cut off', () => {
  const network = userNetwork({ ...subnet, gateway: undefined });
  expect(network).toMatchObject({ restricted: true, host: '10.0.0.1', dns: '10.0.0.2' });
});

test('a network that is too small for slirp is widened', () => {
  const small = { cidr: '192.168.7.36/30', gateway: '192.168.7.37', address: '192.168.7.38', dnsNameservers: [] };
  expect(userNetwork(small)).toMatchObject({ net: '192.168.7.32/28', dns: '192.168.7.33' });
});

test('what is no IPv4 network, or not in it, is refused', () => {
  const unsupported = expect.objectContaining({ code: 'unsupported' });
  const refused = (change: Partial<typeof subnet>) =>
    expect(() => userNetwork({ ...subnet, ...change })).toThrow(unsupported);
  refused({ cidr: 'fd00::/64' });
  refused({ cidr: '10.0.0.0' });
  refused({ address: '10.0.1.9' });
  refused({ address: '10.0.0.255' });
  refused({ address: '10.0.0.300' });
  refused({ gateway: '10.0.9.1' });
  refused({ gateway: '10.0.0.9' });
});
