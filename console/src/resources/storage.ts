import type {
  ComputeAttachVolumeBody,
  VolumeCreateSnapshotBody,
  VolumeCreateVolumeBody,
  VolumeExtendVolumeBody,
} from '../api/bodies.ts';
import { columnsFor } from './columns.tsx';
import { removal } from './parts.ts';
import { formOf, type Resource, type Row, type RowAction, text, under } from './resource.ts';

const maxVolumeGib = 65_536;

function sizeProblem(value: string, words: string): string | undefined {
  const size = Number(value);
  return Number.isInteger(size) && size > 0 && size <= maxVolumeGib ? undefined : words;
}

function attachments(row: Row): Array<{ server_id: string; device: string }> {
  return (row['attachments'] ?? []) as Array<{ server_id: string; device: string }>;
}

export const volumes: Resource = {
  kind: 'volumes',
  needs: ['images', 'snapshots', 'servers'],
  path: ({ project }) => `/volume/v3/${project.id}/volumes/detail`,
  rows: under('volumes'),
  columns: ({ t }) => {
    const c = columnsFor(t);
    return [
      c.name(),
      c.status(),
      c.size('size', t('size'), (row) => Number(row['size']) * 2 ** 30),
      c.of('attached', t('attachedTo'), (row) =>
        attachments(row)
          .map(({ server_id, device }) => `${server_id.slice(0, 8)} ${device}`)
          .join(', '),
      ),
      c.plain('volume_type', t('type')),
      c.time('created_at', t('created')),
    ];
  },
  create: ({ t, session, options }) =>
    formOf({
      id: 'create',
      title: t('createVolume'),
      fields: [
        { name: 'name', label: t('name') },
        {
          name: 'size',
          label: `${t('size')} (GiB)`,
          kind: 'number',
          required: true,
          initial: '1',
          check: (value) => sizeProblem(value, t('sizeProblem', { max: maxVolumeGib })),
        },
        { name: 'image', label: t('fromImage'), kind: 'select', options: options('images') },
        { name: 'snapshot', label: t('fromSnapshot'), kind: 'select', options: options('snapshots') },
        { name: 'description', label: t('description') },
      ],
      toCall: ({ name, size, image, snapshot, description }) => ({
        method: 'POST',
        path: `/volume/v3/${session.project.id}/volumes`,
        body: {
          volume: {
            size: Number(size),
            ...(name ? { name } : {}),
            ...(image ? { imageRef: image } : {}),
            ...(snapshot ? { snapshot_id: snapshot } : {}),
            ...(description ? { description } : {}),
          },
        } satisfies VolumeCreateVolumeBody,
      }),
    }),
  actions: (row, { t, session, options }) => {
    const path = `/volume/v3/${session.project.id}/volumes/${row.id}`;
    const status = text(row, 'status');
    const needs = (...states: string[]) =>
      states.includes(status) ? undefined : t('why.state', { status, states: states.join(', ') });
    const attached = attachments(row)[0];
    const actions: RowAction[] = [
      {
        id: 'attach',
        label: t('attach'),
        why: needs('available'),
        form: formOf({
          id: 'attach',
          title: t('attach'),
          fields: [{ name: 'server', label: t('server'), kind: 'select', required: true, options: options('servers') }],
          toCall: ({ server }) => ({
            method: 'POST',
            path: `/compute/v2.1/servers/${server}/os-volume_attachments`,
            body: { volumeAttachment: { volumeId: row.id } } satisfies ComputeAttachVolumeBody,
          }),
        }),
      },
      {
        id: 'detach',
        label: t('detach'),
        why: attached ? undefined : t('why.notAttached'),
        call: {
          method: 'DELETE',
          path: `/compute/v2.1/servers/${attached?.server_id}/os-volume_attachments/${row.id}`,
        },
      },
      {
        id: 'extend',
        label: t('extend'),
        why: needs('available'),
        form: formOf({
          id: 'extend',
          title: t('extend'),
          fields: [
            {
              name: 'size',
              label: `${t('size')} (GiB)`,
              kind: 'number',
              required: true,
              initial: String(Number(row['size']) + 1),
              check: (value) => sizeProblem(value, t('sizeProblem', { max: maxVolumeGib })),
            },
          ],
          toCall: ({ size }) => ({
            method: 'POST',
            path: `${path}/action`,
            body: { 'os-extend': { new_size: Number(size) } } satisfies VolumeExtendVolumeBody,
          }),
        }),
      },
      {
        id: 'snapshot',
        label: t('createSnapshot'),
        why: needs('available', 'in-use'),
        form: formOf({
          id: 'snapshot',
          title: t('createSnapshot'),
          fields: [{ name: 'name', label: t('name'), required: true }],
          toCall: ({ name }) => ({
            method: 'POST',
            path: `/volume/v3/${session.project.id}/snapshots`,
            body: {
              snapshot: { volume_id: row.id, name, force: status === 'in-use' },
            } satisfies VolumeCreateSnapshotBody,
          }),
        }),
      },
      removal(path, row, t, needs('available', 'error')),
    ];
    return actions;
  },
};

export const snapshots: Resource = {
  kind: 'snapshots',
  path: ({ project }) => `/volume/v3/${project.id}/snapshots/detail`,
  rows: under('snapshots'),
  columns: ({ t }) => {
    const c = columnsFor(t);
    return [
      c.name(),
      c.status(),
      c.size('size', t('size'), (row) => Number(row['size']) * 2 ** 30),
      c.mono('volume_id', t('volume')),
      c.time('created_at', t('created')),
    ];
  },
  actions: (row, { t, session }) => [
    {
      id: 'volume',
      label: t('createVolume'),
      form: formOf({
        id: 'volume',
        title: t('createVolume'),
        fields: [{ name: 'name', label: t('name'), required: true }],
        toCall: ({ name }) => ({
          method: 'POST',
          path: `/volume/v3/${session.project.id}/volumes`,
          body: { volume: { name, snapshot_id: row.id, size: Number(row['size']) } } satisfies VolumeCreateVolumeBody,
        }),
      }),
    },
    removal(`/volume/v3/${session.project.id}/snapshots/${row.id}`, row, t),
  ],
};
