import type { ApiCall } from './api.ts';

/** The same request in the words of other tools, where it means exactly the same. */
export interface Mapping {
  openstack?: string;
  terraform?: string;
  zstack?: (origin: string) => string;
}

type Body = Record<string, unknown>;
interface Rule {
  method: string;
  path: RegExp;
  /** The members that the form can say; with any other one set there is no exact form. */
  members?: readonly string[];
  map(body: Body, ids: string[]): Mapping | undefined;
}

/** What the call is in other tools. Undefined members have no exact form. */
export function mappingOf({ method, path, body }: ApiCall): Mapping | undefined {
  const bare = path.split('?', 1)[0]!;
  for (const rule of rules) {
    const found = rule.method === method ? rule.path.exec(bare) : null;
    if (!found) continue;
    if (rule.members && !saysAll((body ?? {}) as Body, rule.members)) return undefined;
    const mapping = rule.map((body ?? {}) as Body, found.slice(1));
    if (mapping) return mapping;
  }
  return undefined;
}

/** Whether the object under the body's one key has these members only. */
function saysAll(body: Body, members: readonly string[]): boolean {
  const [inner, ...more] = Object.values(body);
  if (more.length > 0 || typeof inner !== 'object' || inner === null) return false;
  return Object.entries(inner).every(([name, value]) => members.includes(name) || value === undefined || value === '');
}

const uuid = (id: string) => id.replaceAll('-', '');

function word(value: unknown): string {
  const text = String(value);
  return /^[\w./:@-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** `openstack <command> --option value … <name>`, without options that have no value. */
function cli(command: string, options: Array<[string, unknown]>, ...names: unknown[]): string {
  const given = options.filter(([, value]) => value !== undefined && value !== '' && value !== false && value !== null);
  const parts = given.map(([name, value]) => (value === true ? `--${name}` : `--${name} ${word(value)}`));
  return ['openstack', command, ...parts, ...names.filter((name) => name !== undefined).map(word)].join(' ');
}

/** A Terraform resource; nested arrays of objects become blocks. */
function terraform(type: string, name: unknown, members: Body): string {
  const label = String(name ?? 'this').replaceAll(/[^\w-]/g, '_') || 'this';
  return [`resource "${type}" "${label}" {`, ...block(members, '  '), '}'].join('\n');
}

function block(members: Body, indent: string): string[] {
  return Object.entries(members)
    .filter(([, value]) => value !== undefined && value !== '' && value !== null)
    .filter(([, value]) => !Array.isArray(value) || value.length > 0)
    .flatMap(([key, value]) => {
      if (Array.isArray(value) && typeof value[0] === 'object')
        return value.flatMap((one: Body) => [`${indent}${key} {`, ...block(one, `${indent}  `), `${indent}}`]);
      return [`${indent}${key} = ${JSON.stringify(value)}`];
    });
}

function zstack(method: string, path: string, body?: unknown): (origin: string) => string {
  return (origin) =>
    [
      `curl -X ${method} '${origin}/zstack/v1${path}'`,
      `  -H "Authorization: OAuth $ZSTACK_SESSION"`,
      ...(body === undefined ? [] : [`  -H 'Content-Type: application/json'`, `  -d '${JSON.stringify(body)}'`]),
    ].join(' \\\n');
}

const server = (tail: string) => new RegExp(`^/compute/v2\\.1/servers${tail}$`);
const network = (tail: string) => new RegExp(`^/network/v2\\.0${tail}$`);

/** Actions of a server that carry nothing: key → the words of others. */
const plainActions: Record<string, [openstack: string, zstack?: string]> = {
  'os-start': ['server start', 'startVmInstance'],
  'os-stop': ['server stop', 'stopVmInstance'],
  pause: ['server pause', 'pauseVmInstance'],
  unpause: ['server unpause'],
  suspend: ['server suspend'],
  resume: ['server resume'],
  shelve: ['server shelve'],
  unshelve: ['server unshelve'],
  lock: ['server lock'],
  unlock: ['server unlock'],
  confirmResize: ['server resize confirm'],
  revertResize: ['server resize revert'],
  rescue: ['server rescue'],
  unrescue: ['server unrescue'],
};

const rules: readonly Rule[] = [
  {
    method: 'POST',
    path: server(''),
    members: [
      'name',
      'imageRef',
      'flavorRef',
      'networks',
      'key_name',
      'security_groups',
      'availability_zone',
      'min_count',
      'max_count',
      'user_data',
      'block_device_mapping_v2',
    ],
    map({ server: given }) {
      const s = given as Body;
      const nets = (Array.isArray(s['networks']) ? s['networks'] : []) as Array<{ uuid: string }>;
      const groups = (s['security_groups'] ?? []) as Array<{ name: string }>;
      if (s['block_device_mapping_v2'] || typeof s['networks'] === 'string') return {};
      const options: Array<[string, unknown]> = [
        ['image', s['imageRef']],
        ['flavor', s['flavorRef']],
        ...nets.map(({ uuid: id }): [string, unknown] => ['network', id]),
        ['key-name', s['key_name']],
        ...groups.map(({ name }): [string, unknown] => ['security-group', name]),
        ['availability-zone', s['availability_zone']],
        ['min', s['min_count']],
        ['max', s['max_count']],
      ];
      return {
        openstack: s['user_data'] ? undefined : cli('server create', options, s['name']),
        terraform:
          s['min_count'] && s['min_count'] !== 1
            ? undefined
            : terraform('openstack_compute_instance_v2', s['name'], {
                name: s['name'],
                image_id: s['imageRef'],
                flavor_id: s['flavorRef'],
                key_pair: s['key_name'],
                availability_zone: s['availability_zone'],
                security_groups: groups.length > 0 ? groups.map(({ name }) => name) : undefined,
                network: nets.map(({ uuid: id }) => ({ uuid: id })),
              }),
      };
    },
  },
  {
    method: 'DELETE',
    path: server('/([^/]+)'),
    map: (_, [id]) => ({ openstack: cli('server delete', [], id) }),
  },
  {
    method: 'POST',
    path: server('/([^/]+)/action'),
    map(body, [id]) {
      const [key, value] = Object.entries(body)[0] ?? [];
      if (!key || !id) return {};
      const plain = plainActions[key];
      if (plain) {
        const [command, message] = plain;
        const path = `/vm-instances/${uuid(id)}/actions`;
        return {
          openstack: cli(command, [], id),
          zstack: message === undefined ? undefined : zstack('PUT', path, { [message]: {} }),
        };
      }
      const given = (value ?? {}) as Body;
      if (key === 'reboot') {
        const isHard = given['type'] === 'HARD';
        return { openstack: cli('server reboot', [[isHard ? 'hard' : 'soft', true]], id) };
      }
      if (key === 'resize') return { openstack: cli('server resize', [['flavor', given['flavorRef']]], id) };
      if (key === 'os-migrateLive') {
        return {
          openstack: cli(
            'server migrate',
            [
              ['live-migration', true],
              ['host', given['host']],
            ],
            id,
          ),
        };
      }
      if (key === 'migrate') return { openstack: cli('server migrate', [['host', given['host']]], id) };
      if (key === 'rebuild')
        return {
          openstack: cli(
            'server rebuild',
            [
              ['image', given['imageRef']],
              ['name', given['name']],
            ],
            id,
          ),
        };
      if (key === 'createImage') return { openstack: cli('server image create', [['name', given['name']]], id) };
      return {};
    },
  },
  {
    method: 'POST',
    path: /^\/volume\/v3\/[^/]+\/volumes$/,
    members: ['name', 'size', 'imageRef', 'snapshot_id', 'description'],
    map({ volume }) {
      const v = volume as Body;
      return {
        openstack: cli(
          'volume create',
          [
            ['size', v['size']],
            ['image', v['imageRef']],
            ['snapshot', v['snapshot_id']],
            ['description', v['description']],
          ],
          v['name'],
        ),
        terraform: terraform('openstack_blockstorage_volume_v3', v['name'], {
          name: v['name'],
          size: v['size'],
          image_id: v['imageRef'],
          snapshot_id: v['snapshot_id'],
          description: v['description'],
        }),
      };
    },
  },
  {
    method: 'POST',
    path: /^\/volume\/v3\/[^/]+\/snapshots$/,
    members: ['name', 'volume_id', 'force'],
    map({ snapshot }) {
      const s = snapshot as Body;
      return {
        openstack: cli(
          'volume snapshot create',
          [
            ['volume', s['volume_id']],
            ['force', s['force']],
          ],
          s['name'],
        ),
      };
    },
  },
  {
    method: 'POST',
    path: /^\/compute\/v2\.1\/servers\/([^/]+)\/os-volume_attachments$/,
    members: ['volumeId'],
    map({ volumeAttachment }, [id]) {
      const volumeId = String((volumeAttachment as Body)['volumeId']);
      return {
        openstack: cli('server add volume', [], id, volumeId),
        terraform: terraform('openstack_compute_volume_attach_v2', 'attached', {
          instance_id: id,
          volume_id: volumeId,
        }),
        zstack: zstack('POST', `/volumes/${uuid(volumeId)}/vm-instances/${uuid(id!)}`),
      };
    },
  },
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
  {
    method: 'POST',
    path: /^\/compute\/v2\.1\/os-keypairs$/,
    members: ['name', 'public_key'],
    map({ keypair }) {
      const k = keypair as Body;
      return {
        openstack: k['public_key'] ? undefined : cli('keypair create', [], k['name']),
        terraform: terraform('openstack_compute_keypair_v2', k['name'], {
          name: k['name'],
          public_key: k['public_key'],
        }),
      };
    },
  },
  {
    method: 'POST',
    path: /^\/compute\/v2\.1\/flavors$/,
    members: ['id', 'name', 'vcpus', 'ram', 'disk'],
    map({ flavor }) {
      const f = flavor as Body;
      return {
        openstack: cli(
          'flavor create',
          [
            ['id', f['id']],
            ['vcpus', f['vcpus']],
            ['ram', f['ram']],
            ['disk', f['disk']],
          ],
          f['name'],
        ),
        terraform: terraform('openstack_compute_flavor_v2', f['name'], {
          name: f['name'],
          vcpus: f['vcpus'],
          ram: f['ram'],
          disk: f['disk'],
        }),
      };
    },
  },
  {
    method: 'POST',
    path: /^\/compute\/v2\.1\/os-server-groups$/,
    members: ['name', 'policies'],
    map({ server_group }) {
      const g = server_group as Body;
      const policies = (g['policies'] ?? []) as string[];
      return {
        openstack: cli('server group create', [['policy', policies[0]]], g['name']),
        terraform: terraform('openstack_compute_servergroup_v2', g['name'], { name: g['name'], policies }),
      };
    },
  },
  {
    method: 'POST',
    path: /^\/identity\/v3\/projects$/,
    members: ['name', 'description'],
    map({ project }) {
      const p = project as Body;
      return {
        openstack: cli('project create', [['description', p['description']]], p['name']),
        terraform: terraform('openstack_identity_project_v3', p['name'], {
          name: p['name'],
          description: p['description'],
        }),
      };
    },
  },
  {
    method: 'DELETE',
    path: /^\/image\/v2\/images\/([^/]+)$/,
    map: (_, [id]) => ({ openstack: cli('image delete', [], id), zstack: zstack('DELETE', `/images/${uuid(id!)}`) }),
  },
  {
    method: 'DELETE',
    path: /^\/volume\/v3\/[^/]+\/volumes\/([^/]+)$/,
    map: (_, [id]) => ({ openstack: cli('volume delete', [], id) }),
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
