import type { Chunks } from '../../env/lent-pieces.ts';
import type { ImageStore } from '../../image-stores/store.ts';
import { inspectFile } from './inspection/inspect-file.ts';
import type { Inspection, InspectionPolicy } from './inspection/policy.ts';

/**
 * Inspects an image where it lies, reading no more than its headers: the same cost for an image of any size. Throws
 * `ImageRefused`, or the store's failure.
 */
export async function inspectStored(
  store: ImageStore,
  imageId: string,
  size: number,
  declaredFormat: string,
  policy: InspectionPolicy,
): Promise<Inspection> {
  const file = {
    stat: async () => ({ size }),
    async read(buffer: Buffer, offset: number, length: number, position: number) {
      const end = Math.min(size, position + length);
      if (position >= end) return { bytesRead: 0 };
      let at = offset;
      const chunks = await store.read(imageId, { start: position, end });
      for await (const chunk of chunks as Chunks) {
        at += chunk.copy(buffer, at);
        chunks.release?.(chunk);
      }
      return { bytesRead: at - offset };
    },
  };
  return await inspectFile(file, { declaredFormat, policy });
}
