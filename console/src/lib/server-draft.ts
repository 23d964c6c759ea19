import type { ComputeCreateServerBody } from '../api/bodies.ts';
import type { ApiCall } from './api.ts';
import type { Translate } from './servers.ts';
import type { Flavor } from './types.ts';

const maxCount = 50;

/** What the form for new servers holds. */
export interface Draft {
  name: string;
  count: string;
  image: string;
  flavor: string;
  networks: string[];
  key: string;
  groups: string[];
  zone: string;
  userData: string;
}

export const emptyDraft: Draft = {
  name: '',
  count: '1',
  image: '',
  flavor: '',
  networks: [],
  key: '',
  groups: [],
  zone: '',
  userData: '',
};

/** The request that makes what was chosen. */
export function draftCall(draft: Draft): ApiCall {
  const count = Number(draft.count);
  const server = {
    name: draft.name,
    imageRef: draft.image,
    flavorRef: draft.flavor,
    networks: draft.networks.map((uuid) => ({ uuid })),
    ...(draft.key ? { key_name: draft.key } : {}),
    ...(draft.zone ? { availability_zone: draft.zone } : {}),
    ...(draft.groups.length > 0 ? { security_groups: draft.groups.map((name) => ({ name })) } : {}),
    ...(draft.userData ? { user_data: base64(draft.userData) } : {}),
    ...(count > 1 ? { min_count: count, max_count: count } : {}),
  };
  return { method: 'POST', path: '/compute/v2.1/servers', body: { server } satisfies ComputeCreateServerBody };
}

function base64(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}

/** What an image asks of a flavor. A flavor without a disk of its own takes the image's. */
type Needs = { min_disk: number; min_ram: number };
const hasMemory = ({ ram }: Flavor, { min_ram }: Needs) => ram >= min_ram;
const hasDisk = ({ disk }: Flavor, { min_disk }: Needs) => disk === 0 || disk >= min_disk;
export const isEnough = (flavor: Flavor, image: Needs) => hasMemory(flavor, image) && hasDisk(flavor, image);

/** What is still wrong with what was chosen; undefined where nothing is. */
export function draftProblem(
  draft: Draft,
  flavor: Flavor | undefined,
  image: Needs | undefined,
  t: Translate,
): string | undefined {
  const count = Number(draft.count);
  if (draft.name.trim() === '') return t('fieldRequired');
  if (!Number.isInteger(count) || count < 1 || count > maxCount) return t('countProblem', { max: maxCount });
  if (!flavor || !image) return t('chooseBoth');
  if (!hasMemory(flavor, image)) return t('needsMemory', { mb: image.min_ram });
  if (!hasDisk(flavor, image)) return t('needsDisk', { gb: image.min_disk });
  return undefined;
}
