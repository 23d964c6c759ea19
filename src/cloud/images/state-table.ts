import type { ImageStatus } from '../../database/schema.ts';
import { type Life, lifeTable } from '../lives/life.ts';
import type { ReplicaState } from './model.ts';

/** The statuses that an image can be in. What fails goes back to where it was, so none is ever in Glance's `killed`. */
export const imageStatuses = [
  'queued',
  'saving',
  'uploading',
  'importing',
  'active',
  'deactivated',
  'deleted',
  'expunged',
] as const satisfies readonly ImageStatus[];
export type ImageLifeStatus = (typeof imageStatuses)[number];

const withoutBytes = ['queued', 'saving', 'uploading', 'importing'] as const;
const usable = ['active', 'deactivated'] as const;
const visible = [...withoutBytes, ...usable] as const;

/** The life of an image: Glance's statuses and rules, and a deletion that can be taken back. */
export const imageTransitions = {
  upload: { from: ['queued'], busy: 'saving', after: 'active' },
  stage: { from: ['queued'], busy: 'uploading', after: 'uploading' },
  'import what was staged': { from: ['uploading'], busy: 'importing', after: 'active' },
  'import from an address': { from: ['queued'], busy: 'importing', after: 'active' },
  'copy to a store': { from: ['active'], busy: 'as before', after: 'as before' },
  synchronize: { from: ['active'], busy: 'as before', after: 'as before' },
  'boot a server or make a volume of it': { from: ['active'], busy: 'as before', after: 'as before' },
  export: { from: ['active'], busy: 'as before', after: 'as before' },
  download: { from: ['active'], busy: 'as before', after: 'as before' },
  'download (administrators)': { from: usable, busy: 'as before', after: 'as before' },
  deactivate: { from: usable, busy: 'deactivated', after: 'deactivated' },
  reactivate: { from: usable, busy: 'active', after: 'active' },
  change: { from: visible, busy: 'as before', after: 'as before' },
  'change the format': { from: ['queued'], busy: 'as before', after: 'as before' },
  'share with a project': { from: visible, busy: 'as before', after: 'as before' },
  'delete (has no bytes yet)': { from: withoutBytes, busy: 'expunged', after: 'expunged' },
  delete: { from: usable, busy: 'deleted', after: 'deleted' },
  recover: { from: ['deleted'], busy: 'active', after: 'active' },
  expunge: { from: ['deleted'], busy: 'expunged', after: 'expunged' },
} as const satisfies Life<ImageLifeStatus>;

/** The states of the copy that an active image has, or has not, in one more store. */
export const copyStates = ['none', 'pending', 'active', 'error', 'deleted'] as const satisfies ReadonlyArray<
  ReplicaState | 'none'
>;
export type CopyState = (typeof copyStates)[number];

/** The life of an image's copy in a further store. */
export const copyTransitions = {
  'copy to a store': { from: ['none', 'error', 'deleted'], busy: 'pending', after: 'active' },
  'synchronize a store': { from: ['none', 'error'], busy: 'pending', after: 'active' },
  synchronize: { from: ['error'], busy: 'pending', after: 'active' },
  'try again (by itself)': { from: ['error'], busy: 'pending', after: 'active' },
  'delete there (has no bytes yet)': { from: ['pending', 'error'], busy: 'none', after: 'none' },
  'delete there': { from: ['active', 'deleted'], busy: 'deleted', after: 'deleted' },
  'recover there': { from: ['deleted'], busy: 'active', after: 'active' },
  'expunge there': { from: ['deleted'], busy: 'none', after: 'none' },
} as const satisfies Life<CopyState>;

/** The life of images as a page for readers: `docs/state-table-images.md`. */
export function imageStateTable(): string {
  return [
    '# What may be asked of an image, and when',
    '',
    '<!-- Made from src/cloud/images/state-table.ts: vitest run src/cloud/images/state-table.test.ts -u -->',
    '',
    'Everything else is refused, and nothing changes: with a conflict (HTTP 409) or, where Glance does so, with 403. Of an',
    'image that is deleted or expunged: not found (404), but for its owner who wants it back. To download what has no bytes',
    'is answered without content (204). A protected image can not be deleted.',
    '',
    'An upload, an import or a copy that fails leaves the image as it was, and says why; a template that could not be made',
    'of a disk is expunged. So no image is ever in `error`.',
    '',
    ...lifeTable(imageStatuses, imageTransitions),
    '',
    'A deleted image keeps its bytes until its retention ends, and is then expunged by itself. One that was deactivated',
    'when it was deleted is deactivated again when it is recovered. An expunged image is a row without bytes, so that its',
    'id is never used again.',
    '',
    '## Its copy in a further store',
    '',
    'Each store has its own copy of an active image. What is not in the table is refused, or changes nothing. The copy that',
    'an upload is bringing is `copying`: it goes with the image. With the last copy that is active the image is deleted.',
    '',
    ...lifeTable(copyStates, copyTransitions),
    '',
  ].join('\n');
}
