import { Type } from 'typebox';
import { CloudError } from '../../../cloud/errors.ts';
import { parseId } from '../../../env/env.ts';

export const ImageParams = Type.Object({
  image_id: Type.String({ description: 'The image, with or without dashes.' }),
});

/** The engine's form of the id in the URL. What can't be an id is the id of no image. */
export function idOf({ image_id }: { image_id: string }): string {
  const id = parseId(image_id);
  if (id) return id;
  throw new CloudError('not_found', `No image found with ID ${image_id}`, { resource: 'image' });
}

export const exampleId = '5ee2a3a5-6e2f-4b29-a0e5-0f3b1f6a8f0d';

/** The same image in all examples. */
export const exampleImage = {
  id: exampleId,
  name: 'debian-13',
  status: 'queued',
  visibility: 'shared',
  protected: false,
  os_hidden: false,
  container_format: 'bare',
  disk_format: 'qcow2',
  min_disk: 0,
  min_ram: 0,
  size: null,
  virtual_size: null,
  checksum: null,
  os_hash_algo: null,
  os_hash_value: null,
  owner: '36c27e8ff05c4780bf6d2fa65700f22e',
  tags: [],
  created_at: '2026-01-31T10:00:00Z',
  updated_at: '2026-01-31T10:00:00Z',
  self: `/v2/images/${exampleId}`,
  file: `/v2/images/${exampleId}/file`,
  schema: '/v2/schemas/image',
  os_distro: 'debian',
};
