import { type Body, cli, type Rule, terraform, uuid, zstack } from './vocabulary.ts';

const server = (tail: string) => new RegExp(`^/compute/v2\\.1/servers${tail}$`);

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

/** Servers, key pairs, flavors and server groups. */
export const computeRules: readonly Rule[] = [
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
];
