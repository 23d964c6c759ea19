import { contains, parseIpv4, parseIpv4Cidr } from '../networks/addresses.ts';
import type { Facts } from './facts.ts';
import { type Finding, violation } from './finding.ts';
import { unlessOwned } from './owners.ts';

const isServers = (owner: string) => owner.startsWith('compute:');

/** Ports of servers belong to live ones, and are served where their server is. */
export function portsAreBound(facts: Facts): Finding[] {
  return [...facts.ports.values()].flatMap(({ id, device_id, device_owner, host_id, status }) => {
    if (!isServers(device_owner)) {
      const isBound = host_id !== null && device_id === '';
      return isBound
        ? [violation('port-is-bound', 'port', id, `The port is nobody's and bound to host ${host_id}.`)]
        : [];
    }
    const server = facts.servers.get(device_id);
    if (!server) {
      const thing = { invariant: 'holder-lives', resource: 'port', id } as const;
      return unlessOwned(facts.owners, thing, [device_id], `The port is of server ${device_id}, which is gone.`);
    }
    if (facts.owners.isBusy(server.id)) return [];
    const isRight = host_id === server.host_id && (status === 'ACTIVE') === (host_id !== null);
    if (isRight) return [];
    const text = `The port is ${status} on host ${host_id}, and its server is on host ${server.host_id}.`;
    return [violation('port-is-bound', 'port', id, text)];
  });
}

/** Addresses lie in their subnets. */
export function addressesAreInSubnets(facts: Facts): Finding[] {
  return facts.addresses.flatMap(({ port_id, subnet_id, ip_address }) => {
    const subnet = facts.subnets.get(subnet_id);
    const range = subnet && parseIpv4Cidr(subnet.cidr);
    const address = parseIpv4(ip_address);
    if (subnet?.ip_version === 6 || (range && address !== undefined && contains(range, address))) return [];
    const text = `The address ${ip_address} is not in its subnet ${subnet?.cidr ?? subnet_id}.`;
    return [violation('address-in-subnet', 'port', port_id, text)];
  });
}

/** No two ports of a network have the same address, and none has the gateway's. */
export function addressesAreUnique(facts: Facts): Finding[] {
  const findings: Finding[] = [];
  const seen = new Map<string, string>();
  for (const { port_id, network_id, ip_address } of facts.addresses) {
    const key = `${network_id} ${ip_address}`;
    const other = seen.get(key);
    if (other && other !== port_id)
      findings.push(
        violation('address-is-unique', 'port', port_id, `The port has ${ip_address}, and so has ${other}.`),
      );
    seen.set(key, port_id);
    if (!facts.ports.has(port_id))
      findings.push(violation('holder-lives', 'port', port_id, `The address ${ip_address} is of a port that is gone.`));
  }
  return findings;
}
