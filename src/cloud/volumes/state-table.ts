import { type Life, lifeTable } from '../lives/life.ts';
import { type VolumeStatus, volumeStatuses } from './rules.ts';

const free = ['available'] as const;
const used = ['available', 'in-use'] as const;
const broken = ['error', 'error_deleting', 'error_extending', 'error_restoring'] as const;

/** The life of a volume: Cinder's states and its rules. A volume that a server has is `in-use`. */
export const volumeTransitions = {
  attach: { from: free, busy: 'attaching', after: 'in-use' },
  detach: { from: ['in-use'], busy: 'detaching', after: 'available' },
  reserve: { from: free, busy: 'reserved', after: 'reserved' },
  extend: { from: free, busy: 'extending', after: 'available' },
  'extend (also attached, 3.42)': { from: used, busy: 'extending', after: 'as before' },
  snapshot: { from: free, busy: 'as before', after: 'as before' },
  'snapshot (forced)': { from: used, busy: 'as before', after: 'as before' },
  'upload as an image': { from: free, busy: 'uploading', after: 'available' },
  'upload as an image (forced)': { from: used, busy: 'uploading', after: 'as before' },
  backup: { from: free, busy: 'backing-up', after: 'available' },
  'backup (forced)': { from: used, busy: 'backing-up', after: 'as before' },
  revert: { from: free, busy: 'reverting', after: 'available' },
  migrate: { from: free, busy: 'maintenance', after: 'available' },
  retype: { from: used, busy: 'retyping', after: 'as before' },
  reimage: { from: ['available', 'error'], busy: 'downloading', after: 'available' },
  offer: { from: free, busy: 'awaiting-transfer', after: 'awaiting-transfer' },
  delete: { from: ['available', ...broken], busy: 'deleting', after: 'gone' },
  'delete (forced)': {
    from: volumeStatuses.filter((status) => status !== 'in-use' && status !== 'deleting'),
    busy: 'deleting',
    after: 'gone',
  },
} as const satisfies Life<VolumeStatus>;

/** The life of volumes as a page for readers: `docs/state-table-volumes.md`. */
export function volumeStateTable(): string {
  return [
    '# What may be asked of a volume, and when',
    '',
    '<!-- Made from src/cloud/volumes/state-table.ts: vitest run src/cloud/volumes/state-table.test.ts -u -->',
    '',
    'Everything else is refused (`Invalid volume: …`, HTTP 400), and nothing changes. To delete what is being deleted',
    'already is taken without a word. Of a deleted volume: not found (404). A disk of a server that lives and dies with it',
    'is no volume of its own here.',
    '',
    'What fails leaves the volume as it was, or in `error`, `error_deleting`, `error_extending` or `error_restoring`, with',
    'a message that says why.',
    '',
    'A volume that several servers may have (of a type with `multiattach`) is attached to one more also while it is `in-use`,',
    "and is `in-use` until the last one has let go of it. While it is more than one server's, what copies it or makes it",
    'larger is refused.',
    '',
    'A volume that is `in-use` by one server is migrated to another pool of its host, while the server goes on, and is `in-use`',
    'again afterwards; to another host it goes with its server.',
    '',
    ...lifeTable(volumeStatuses, volumeTransitions),
    '',
  ].join('\n');
}
