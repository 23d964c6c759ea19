import type { ImageExportsTable } from '../../../database/schema.ts';
import { ObjectError, type ObjectFolder, type ObjectName } from '../../../image-sources/object-folder.ts';
import { CloudError } from '../../errors.ts';
import { projectOf, type Subject } from '../../identity/subject.ts';
import type { ImageParts } from '../parts.ts';

/** Exports that end as objects in containers. */
export class Deliveries {
  readonly #parts: ImageParts;

  constructor(parts: ImageParts) {
    this.#parts = parts;
  }

  /**
   * The destination, after it was seen that the object can be written: `/<project>/<container>/<object>`. Throws
   * `not_found`, `conflict` (`object_exists`, `already_exported`: the image is or was exported there), `invalid`.
   */
  async reserve(subject: Subject, imageId: string, to: { container: string; object: string }): Promise<string> {
    const project = projectOf(subject);
    const name: ObjectName = { project, ...to };
    const destination = `/${project}/${to.container}/${to.object}`;
    try {
      const objects = this.#objects();
      if (!(await objects.hasContainer(project, to.container))) {
        throw new ObjectError('not_found', `There is no container ${to.container}.`);
      }
      const underWay = await this.#parts.core.db.read
        .selectFrom('image_exports')
        .select('id')
        .where('image_id', '=', imageId)
        .where('destination', '=', destination)
        .where('state', '=', 'exporting')
        .executeTakeFirst();
      if (underWay) {
        throw new CloudError('conflict', 'The image is being exported there already.', { reason: 'already_exported' });
      }
      if (await objects.stat(name)) throw new ObjectError('conflict', `There is an object ${to.object} already.`);
    } catch (error) {
      throw objectFailure(error);
    }
    return destination;
  }

  /** Writes the file to its destination. May be repeated. */
  async deliver(
    row: ImageExportsTable,
    options: { signal: AbortSignal; progress(percent: number): void },
  ): Promise<void> {
    const objects = this.#objects();
    const name = nameOf(row);
    const driver = this.#parts.stores.driver(row.store_id);
    const id = row.converted === 1 ? row.id : row.image_id;
    const size = (await driver.stat(id))?.size;
    const written = await objects.stat(name);
    // An object is there whole or not at all: an earlier try of this export wrote it.
    if (written && (size === undefined || written.size === size)) return;
    const stream = await driver.read(id);
    try {
      await objects.put(
        name,
        counted(stream, (bytes) => options.progress(size ? (bytes / size) * 100 : 0)),
        {
          signal: options.signal,
        },
      );
    } catch (error) {
      stream.destroy();
      throw objectFailure(error);
    }
  }

  #objects(): ObjectFolder {
    if (this.#parts.objects) return this.#parts.objects;
    throw new CloudError('unavailable', 'This cloud has no containers of objects.', { reason: 'no_objects' });
  }
}

async function* counted(source: AsyncIterable<Buffer>, onBytes: (bytes: number) => void): AsyncGenerator<Buffer> {
  let bytes = 0;
  for await (const chunk of source) {
    bytes += chunk.length;
    onBytes(bytes);
    yield chunk;
  }
}

function nameOf({ destination }: ImageExportsTable): ObjectName {
  const [, project = '', container = '', object = ''] = destination!.split('/');
  return { project, container, object };
}

/** Puts what went wrong with a container into the engine's terms. */
export function objectFailure(error: unknown): Error {
  if (!(error instanceof ObjectError)) return error instanceof Error ? error : new Error(String(error));
  if (error.code === 'not_found')
    return new CloudError('not_found', error.message, { reason: 'no_container', cause: error });
  if (error.code === 'bad_name') return new CloudError('invalid', error.message, { reason: 'bad_name', cause: error });
  return new CloudError('conflict', error.message, { reason: 'object_exists', cause: error });
}
