import { Type } from 'typebox';
import { operation } from '../../../api/operation.ts';
import { CloudError } from '../../../cloud/errors.ts';
import type { Snapshot } from '../../../cloud/volumes/snapshot-model.ts';
import { exampleSnapshotId } from './example.ts';
import { idOf } from './wire.ts';

const common = {
  dialect: 'volume',
  group: 'snapshots',
  method: 'POST',
  path: '/snapshots/{snapshot_id}/action',
  since: '3.0',
  params: Type.Object({ snapshot_id: Type.String() }),
} as const;
const example = { params: { snapshot_id: exampleSnapshotId } };

const statuses = ['available', 'creating', 'deleting', 'error', 'error_deleting'] as const;

function statusOf(text: string): Snapshot['status'] {
  const status = statuses.find((one) => one === text.toLowerCase());
  if (status) return status;
  throw new CloudError('invalid', `Must specify a valid status: ${statuses.join(', ')}.`, { field: 'status' });
}

/** What drivers may say of a snapshot that they make themselves: from which state to which. */
const told: Record<string, readonly string[]> = {
  creating: ['creating', 'available', 'error'],
  deleting: ['deleting', 'error_deleting'],
};

export const snapshotActionOperations = [
  operation({
    ...common,
    id: 'ResetSnapshotStatus',
    bodyKey: 'os-reset_status',
    mode: 'sync',
    allow: 'admin',
    body: Type.Object({ status: Type.String() }),
    responses: { 202: null },
    errors: [400, 401, 403, 404],
    title: 'Reset the status of a snapshot',
    summary: 'Says in what state a snapshot is, where the cloud has it wrong. Nothing else changes.',
    examples: [{ title: 'In error', ...example, body: { 'os-reset_status': { status: 'error' } }, status: 202 }],
    handle: async ({ cloud, subject, params, body }) => {
      const id = idOf('snapshot', params.snapshot_id);
      await cloud.blockStorage.resetSnapshotStatus(subject, id, statusOf(body.status));
      return { status: 202 };
    },
  }),
  operation({
    ...common,
    id: 'ForceDeleteSnapshot',
    bodyKey: 'os-force_delete',
    mode: 'async',
    allow: 'admin',
    body: Type.Unsafe<unknown>({}),
    responses: { 202: null },
    errors: [400, 401, 403, 404],
    title: 'Delete a snapshot in whatever state',
    summary: 'Ends what is under way on it.',
    examples: [{ title: 'By id', ...example, body: { 'os-force_delete': {} }, status: 202 }],
    handle: async ({ cloud, subject, params }) => {
      await cloud.blockStorage.deleteSnapshot(subject, idOf('snapshot', params.snapshot_id), { force: true });
      return { status: 202 };
    },
  }),
  operation({
    ...common,
    id: 'UpdateSnapshotStatus',
    bodyKey: 'os-update_snapshot_status',
    mode: 'sync',
    allow: 'member',
    body: Type.Object({ status: Type.String(), progress: Type.Optional(Type.String({ pattern: '^\\d{1,3}%$' })) }),
    responses: { 202: null },
    errors: [400, 401, 404],
    title: 'Say how far a snapshot is',
    summary: 'For those who make snapshots by other means: only of one that is being made or deleted.',
    examples: [
      {
        title: 'It failed',
        ...example,
        body: { 'os-update_snapshot_status': { status: 'error', progress: '80%' } },
        status: 202,
      },
    ],
    handle: async ({ cloud, subject, params, body }) => {
      const id = idOf('snapshot', params.snapshot_id);
      const { status } = await cloud.blockStorage.snapshot(subject, id);
      if (!told[status]?.includes(body.status)) {
        throw new CloudError(
          'invalid',
          `Provided snapshot status ${body.status} not allowed for snapshot with status ${status}.`,
        );
      }
      await cloud.blockStorage.resetSnapshotStatus(subject, id, statusOf(body.status), body.progress);
      return { status: 202 };
    },
  }),
];
