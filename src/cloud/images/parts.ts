import type { ObjectFolder } from '../../image-sources/object-folder.ts';
import type { CloudCore } from '../core.ts';
import type { ImageStores } from '../image-stores/image-stores.ts';
import type { ImageRows } from './rows.ts';

/** What every part of the image service works with. */
export interface ImageParts {
  core: CloudCore;
  stores: ImageStores;
  rows: ImageRows;
  /** Containers of objects, where the cloud has them. */
  objects?: ObjectFolder;
  /** A token by which the cloud looks at a user's images of another region. */
  readerToken?(userId: string, projectId: string): Promise<string>;
}
