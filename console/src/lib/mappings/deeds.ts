import { type Body, cli, type Mapping, type Rule, terraform } from './vocabulary.ts';

type Deed = readonly [method: string, path: string, map: (body: Body, ids: string[]) => Mapping | undefined];

const inner = (body: Body): Body => (Object.values(body)[0] ?? {}) as Body;
const only = (body: Body, ...members: string[]) => Object.keys(body).every((name) => members.includes(name));
const command = (words: string) => (_: Body, ids: string[]) => ({ openstack: cli(words, [], ...ids) });

/** What is enabled, disabled or given another password. */
const setting =
  (words: string) =>
  (body: Body, [id]: string[]): Mapping | undefined => {
    const change = inner(body);
    if ('password' in change && only(change, 'password'))
      return { openstack: cli(`${words} set`, [['password-prompt', true]], id) };
    if (!only(change, 'enabled')) return undefined;
    return { openstack: cli(`${words} set`, [[change['enabled'] ? 'enable' : 'disable', true]], id) };
  };

/** A change of one property of an image, in the options of `openstack image set`. */
function imageChange(patch: unknown, id: string): Mapping | undefined {
  const [change, ...more] = patch as Array<{ op: string; path: string; value: unknown }>;
  if (!change || more.length > 0 || change.op !== 'replace') return undefined;
  const { path, value } = change;
  if (path === '/name') return { openstack: cli('image set', [['name', value]], id) };
  if (path === '/protected') return { openstack: cli('image set', [[value ? 'protected' : 'unprotected', true]], id) };
  if (path === '/visibility') return { openstack: cli('image set', [[String(value), true]], id) };
  return undefined;
}

function rule(given: Body, group: unknown): Mapping {
  const { port_range_min: from, port_range_max: to, remote_ip_prefix: remote, ...others } = given;
  const ports = from === undefined ? undefined : from === to ? from : `${from}:${to}`;
  return {
    // Without a network of its own the command allows every address, which is written down then.
    openstack: remote
      ? cli(
          'security group rule create',
          [
            [String(given['direction']), true],
            ['ethertype', given['ethertype']],
            ['protocol', given['protocol']],
            ['dst-port', ports],
            ['remote-ip', remote],
          ],
          group,
        )
      : undefined,
    terraform: terraform('openstack_networking_secgroup_rule_v2', 'rule', {
      ...others,
      port_range_min: from,
      port_range_max: to,
      remote_ip_prefix: remote,
    }),
  };
}

const identity = '/identity/v3';
const network = '/network/v2.0';
const compute = '/compute/v2.1';
const image = '/image/v2/images/{id}';

const deeds: readonly Deed[] = [
  [
    'POST',
    `${identity}/users`,
    (body) => {
      const user = inner(body);
      if (!only(user, 'name', 'password')) return undefined;
      return { openstack: cli('user create', [['password-prompt', 'password' in user]], user['name']) };
    },
  ],
  ['PATCH', `${identity}/users/{id}`, setting('user')],
  ['DELETE', `${identity}/users/{id}`, command('user delete')],
  ['PATCH', `${identity}/projects/{id}`, setting('project')],
  ['DELETE', `${identity}/projects/{id}`, command('project delete')],
  [
    'POST',
    `${identity}/roles`,
    (body) => {
      const { name } = inner(body);
      return {
        openstack: cli('role create', [], name),
        terraform: terraform('openstack_identity_role_v3', name, { name }),
      };
    },
  ],
  ['DELETE', `${identity}/roles/{id}`, command('role delete')],
  [
    'PUT',
    `${identity}/projects/{id}/users/{id}/roles/{id}`,
    (_, [project, user, role]) => ({
      openstack: cli(
        'role add',
        [
          ['project', project],
          ['user', user],
        ],
        role,
      ),
      terraform: terraform('openstack_identity_role_assignment_v3', 'assignment', {
        project_id: project,
        user_id: user,
        role_id: role,
      }),
    }),
  ],
  [
    'PUT',
    `${network}/routers/{id}/add_router_interface`,
    ({ subnet_id }, [router]) => ({
      openstack: cli('router add subnet', [], router, subnet_id),
      terraform: terraform('openstack_networking_router_interface_v2', 'interface', { router_id: router, subnet_id }),
    }),
  ],
  [
    'PUT',
    `${network}/routers/{id}/remove_router_interface`,
    ({ subnet_id }, [router]) => ({ openstack: cli('router remove subnet', [], router, subnet_id) }),
  ],
  [
    'PUT',
    `${network}/floatingips/{id}`,
    (body, [id]) => {
      const change = inner(body);
      if (!only(change, 'port_id')) return undefined;
      return change['port_id']
        ? { openstack: cli('floating ip set', [['port', change['port_id']]], id) }
        : { openstack: cli('floating ip unset', [['port', true]], id) };
    },
  ],
  [
    'POST',
    `${network}/security-group-rules`,
    (body) => {
      const given = inner(body);
      return rule(given, given['security_group_id']);
    },
  ],
  ['DELETE', `${compute}/flavors/{id}`, command('flavor delete')],
  ['DELETE', `${compute}/os-keypairs/{id}`, command('keypair delete')],
  ['DELETE', `${compute}/os-server-groups/{id}`, command('server group delete')],
  ['DELETE', `${compute}/servers/{id}/os-volume_attachments/{id}`, command('server remove volume')],
  [
    'POST',
    '/volume/v3/{id}/volumes/{id}/action',
    (body, [, id]) => {
      if (!('os-extend' in body)) return undefined;
      return { openstack: cli('volume set', [['size', inner(body)['new_size']]], id) };
    },
  ],
  ['DELETE', '/volume/v3/{id}/snapshots/{id}', (_, [, id]) => ({ openstack: cli('volume snapshot delete', [], id) })],
  ['PATCH', image, (patch, [id]) => imageChange(patch, id!)],
  ['POST', `${image}/actions/deactivate`, (_, [id]) => ({ openstack: cli('image set', [['deactivate', true]], id) })],
  ['POST', `${image}/actions/reactivate`, (_, [id]) => ({ openstack: cli('image set', [['activate', true]], id) })],
  [
    'POST',
    `${image}/members`,
    ({ member }, [id]) => ({
      openstack: cli('image add project', [], id, member),
      terraform: terraform('openstack_images_image_access_v2', 'access', { image_id: id, member_id: member }),
    }),
  ],
  ['DELETE', `${image}/members/{id}`, command('image remove project')],
];

/** What is said in a line: things that are changed, joined, parted and deleted. */
export const deedRules: readonly Rule[] = deeds.map(([method, path, map]) => ({
  method,
  path: new RegExp(`^${path.replaceAll('.', '\\.').replaceAll('{id}', '([^/]+)')}$`),
  map,
}));
