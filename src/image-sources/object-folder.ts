import { constants } from 'node:fs';
import { link, mkdir, open, readdir, rm, rmdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type ImageSource, SourceError } from './source.ts';

/** One object: the project's id (32 hex digits), its container, and the object's name there. */
export interface ObjectName {
  project: string;
  container: string;
  object: string;
}

export interface StoredObject {
  name: string;
  size: number;
  /** Microseconds since the epoch. */
  modifiedAt: number;
}

/** `conflict`: there is one of the name already, or a container that is to go is not empty. */
export class ObjectError extends Error {
  readonly code: 'not_found' | 'conflict' | 'bad_name';
  constructor(code: ObjectError['code'], message: string) {
    super(message);
    this.name = 'ObjectError';
    this.code = code;
  }
}

const readLength = 512 * 1024;
const projectName = /^[0-9a-f]{32}$/;
/** Names that are also names of files, and never hidden ones: those are written here until they are complete. */
const plainName = /^[\p{L}\p{N}_][\p{L}\p{N}_.+@ -]{0,199}$/u;

const unfinishedName = /^\.\d+\.\d+\.part$/;

/**
 * Containers of objects, from which images are imported and to which they are exported: `<folder>/<project>/<container>/<object>`.
 * An object is there whole or not at all.
 */
export class ObjectFolder {
  readonly #folder: string;
  #count = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * Removes what processes that died had begun to write. To be called before the first object is written. Tells how many
   * files there were.
   */
  async removeUnfinished(): Promise<number> {
    const entries = await readdir(this.#folder, { recursive: true, withFileTypes: true }).catch(absent);
    const left = (entries ?? []).filter((entry) => entry.isFile() && unfinishedName.test(entry.name));
    for (const { parentPath, name } of left) await rm(join(parentPath, name), { force: true });
    return left.length;
  }

  /** Makes the container, if there is none. True where it was made. */
  async ensureContainer(project: string, container: string): Promise<boolean> {
    const made = await mkdir(this.#containerPath(project, container), { recursive: true, mode: 0o750 });
    return made !== undefined;
  }

  async hasContainer(project: string, container: string): Promise<boolean> {
    const found = await stat(this.#containerPath(project, container)).catch(absent);
    return found?.isDirectory() ?? false;
  }

  async removeContainer(project: string, container: string): Promise<void> {
    try {
      await rmdir(this.#containerPath(project, container));
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'ENOENT') throw new ObjectError('not_found', `There is no container ${container}.`);
      if (code === 'ENOTEMPTY') throw new ObjectError('conflict', `The container ${container} is not empty.`);
      throw error;
    }
  }

  /** In alphabetical order. */
  async containers(project: string): Promise<string[]> {
    const names = await readdir(this.#projectPath(project)).catch(absent);
    return (names ?? []).filter((name) => plainName.test(name)).sort();
  }

  /** In alphabetical order. Throws `not_found`. */
  async list(project: string, container: string): Promise<StoredObject[]> {
    const names = await readdir(this.#containerPath(project, container)).catch(absent);
    if (!names) throw new ObjectError('not_found', `There is no container ${container}.`);
    const objects = names.filter((name) => plainName.test(name)).sort();
    const found = await Promise.all(objects.map((object) => this.stat({ project, container, object })));
    return found.filter((one) => one !== undefined);
  }

  async stat(name: ObjectName): Promise<StoredObject | undefined> {
    const found = await stat(this.#path(name)).catch(absent);
    if (!found?.isFile()) return undefined;
    return { name: name.object, size: found.size, modifiedAt: Math.round(found.mtimeMs * 1000) };
  }

  /**
   * Writes an object; it is on stable storage when this resolves. Throws `not_found` (no such container), `conflict`
   * (there is one already, and `replace` was not said).
   */
  async put(
    name: ObjectName,
    source: AsyncIterable<Buffer>,
    options: { replace?: boolean; signal?: AbortSignal } = {},
  ) {
    const path = this.#path(name);
    if (!(await this.hasContainer(name.project, name.container))) {
      throw new ObjectError('not_found', `There is no container ${name.container}.`);
    }
    if (!options.replace && (await this.stat(name))) throw taken(name);
    this.#count += 1;
    const temporary = join(this.#containerPath(name.project, name.container), `.${process.pid}.${this.#count}.part`);
    try {
      const file = await open(temporary, 'wx', 0o640);
      await pipeline(Readable.from(source, { objectMode: false }), file.createWriteStream({ flush: true }), {
        signal: options.signal,
      });
      if (options.replace) await rm(path, { force: true });
      // Unlike a rename this never takes the place of an object that came meanwhile.
      await link(temporary, path).catch((error) => {
        throw (error as NodeJS.ErrnoException).code === 'EEXIST' ? taken(name) : error;
      });
    } finally {
      await rm(temporary, { force: true });
    }
  }

  /** The object's bytes, or the part [start, end) of them. Throws `not_found`. */
  async read(name: ObjectName, range?: { start: number; end: number }): Promise<Readable> {
    const file = await open(this.#path(name), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(
      absent,
    );
    if (!file) throw new ObjectError('not_found', `There is no object ${name.object} in ${name.container}.`);
    if (range && range.start >= range.end) {
      await file.close();
      return Readable.from([]);
    }
    return file.createReadStream({
      highWaterMark: readLength,
      ...(range && { start: range.start, end: range.end - 1 }),
    });
  }

  /** Throws `not_found`. */
  async remove(name: ObjectName): Promise<void> {
    const gone = await rm(this.#path(name)).then(() => true, absent);
    if (!gone) throw new ObjectError('not_found', `There is no object ${name.object} in ${name.container}.`);
  }

  /** Begins to read an image. Throws `SourceError`. */
  async open(name: ObjectName): Promise<ImageSource> {
    try {
      const found = await this.stat(name);
      if (found) {
        const stream = await this.read(name);
        return { stream, size: found.size, close: () => void stream.destroy() };
      }
    } catch (error) {
      if (!(error instanceof ObjectError)) throw error;
    }
    throw new SourceError('refused', `There is no object ${name.object} in the container ${name.container}.`);
  }

  #projectPath(project: string): string {
    if (!projectName.test(project)) throw new ObjectError('bad_name', `${project} is no project's id.`);
    return join(this.#folder, project);
  }

  #containerPath(project: string, container: string): string {
    if (!plainName.test(container)) throw new ObjectError('bad_name', `${container} can not be a container's name.`);
    return join(this.#projectPath(project), container);
  }

  #path({ project, container, object }: ObjectName): string {
    if (!plainName.test(object)) throw new ObjectError('bad_name', `${object} can not be an object's name.`);
    return join(this.#containerPath(project, container), object);
  }
}

function taken({ object, container }: ObjectName): ObjectError {
  return new ObjectError('conflict', `There is an object ${object} in the container ${container} already.`);
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR' || error.code === 'ELOOP') return undefined;
  throw error;
}

const objectUrl = /^object:\/\/([0-9a-f]{32})\/([^/]+)\/([^/]+)$/;

/** The form in which a source of images names an object. */
export function objectUrlOf({ project, container, object }: ObjectName): string {
  return `object://${project}/${encodeURIComponent(container)}/${encodeURIComponent(object)}`;
}

export function parseObjectUrl(url: string): ObjectName | undefined {
  const match = objectUrl.exec(url);
  if (!match) return undefined;
  return { project: match[1]!, container: decodeURIComponent(match[2]!), object: decodeURIComponent(match[3]!) };
}
