import { type Body, cli, type Rule, terraform } from './vocabulary.ts';

const network = (tail: string) => new RegExp(`^/network/v2\\.0${tail}$`);

/** Networks and what is on them. */
export const networkRules: readonly Rule[] = [
  {
    method: 'POST',
    path: network('/networks'),
    members: ['name', 'shared', 'description'],
    map({ network: given }) {
      const n = given as Body;
      return {
        openstack: cli(
          'network create',
          [
            ['share', n['shared']],
            ['description', n['description']],
          ],
          n['name'],
        ),
        terraform: terraform('openstack_networking_network_v2', n['name'], {
          name: n['name'],
          shared: n['shared'],
          description: n['description'],
        }),
      };
    },
  },
  {
    method: 'POST',
    path: network('/subnets'),
    members: ['name', 'network_id', 'cidr', 'ip_version'],
    map({ subnet }) {
      const s = subnet as Body;
      return {
        openstack: cli(
          'subnet create',
          [
            ['network', s['network_id']],
            ['subnet-range', s['cidr']],
            ['ip-version', s['ip_version']],
          ],
          s['name'],
        ),
        terraform: terraform('openstack_networking_subnet_v2', s['name'], {
          name: s['name'],
          network_id: s['network_id'],
          cidr: s['cidr'],
          ip_version: s['ip_version'],
        }),
      };
    },
  },
  {
    method: 'POST',
    path: network('/routers'),
    members: ['name', 'external_gateway_info'],
    map({ router }) {
      const r = router as Body;
      const external = (r['external_gateway_info'] as { network_id?: string } | undefined)?.network_id;
      return {
        openstack: cli('router create', [['external-gateway', external]], r['name']),
        terraform: terraform('openstack_networking_router_v2', r['name'], {
          name: r['name'],
          external_network_id: external,
        }),
      };
    },
  },
  {
    method: 'POST',
    path: network('/floatingips'),
    members: ['floating_network_id', 'port_id', 'description'],
    map({ floatingip }) {
      const f = floatingip as Body;
      return {
        openstack: cli(
          'floating ip create',
          [
            ['port', f['port_id']],
            ['description', f['description']],
          ],
          f['floating_network_id'],
        ),
      };
    },
  },
  {
    method: 'POST',
    path: network('/security-groups'),
    members: ['name', 'description'],
    map({ security_group }) {
      const g = security_group as Body;
      return {
        openstack: cli('security group create', [['description', g['description']]], g['name']),
        terraform: terraform('openstack_networking_secgroup_v2', g['name'], {
          name: g['name'],
          description: g['description'],
        }),
      };
    },
  },
  ...Object.entries({
    networks: 'network',
    subnets: 'subnet',
    routers: 'router',
    'security-groups': 'security group',
    floatingips: 'floating ip',
    ports: 'port',
  }).map(
    ([kind, words]): Rule => ({
      method: 'DELETE',
      path: network(`/${kind}/([^/]+)`),
      map: (_, [id]) => ({ openstack: cli(`${words} delete`, [], id) }),
    }),
  ),
];
