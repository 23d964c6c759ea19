import { type Body, cli, type Rule, terraform, uuid, zstack } from './vocabulary.ts';

/** Volumes, snapshots and images. */
export const storageRules: readonly Rule[] = [
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
    method: 'DELETE',
    path: /^\/image\/v2\/images\/([^/]+)$/,
    map: (_, [id]) => ({ openstack: cli('image delete', [], id), zstack: zstack('DELETE', `/images/${uuid(id!)}`) }),
  },
  {
    method: 'DELETE',
    path: /^\/volume\/v3\/[^/]+\/volumes\/([^/]+)$/,
    map: (_, [id]) => ({ openstack: cli('volume delete', [], id) }),
  },
];
