import { closeSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** The file is written anew when it has so many lines more than there are objects. */
const maxDeadLines = 10_000;

/**
 * A map of plain objects that, given a folder, survives the process: a file to which each change adds a line, the id and
 * the object or null. Nothing is synced to the disk: it has to outlive kill -9, not a power loss, and to cost
 * microseconds.
 */
export class SimulatedObjects<T extends object> {
  readonly #objects = new Map<string, T>();
  readonly #path: string | undefined;
  #file = -1;
  #lines = 0;

  constructor(folder: string | undefined) {
    if (folder === undefined) return;
    mkdirSync(folder, { recursive: true });
    this.#path = join(folder, 'objects.jsonl');
    for (const line of linesOf(this.#path)) {
      const change = parsed<T>(line);
      // A line that was cut off is a change whose end nobody was told of.
      if (!change) continue;
      const [id, object] = change;
      if (object === null) this.#objects.delete(id);
      else this.#objects.set(id, object);
    }
    this.#writeAnew(this.#path);
  }

  get(id: string): T | undefined {
    return this.#objects.get(id);
  }

  set(id: string, object: T): void {
    this.#objects.set(id, object);
    this.#note(id, object);
  }

  delete(id: string): void {
    if (this.#objects.delete(id)) this.#note(id, null);
  }

  keys(): string[] {
    return [...this.#objects.keys()].sort();
  }

  entries(): IterableIterator<[string, T]> {
    return this.#objects.entries();
  }

  values(): IterableIterator<T> {
    return this.#objects.values();
  }

  close(): void {
    if (this.#file === -1) return;
    closeSync(this.#file);
    this.#file = -1;
  }

  #note(id: string, object: T | null): void {
    if (this.#path === undefined || this.#file === -1) return;
    this.#lines += 1;
    if (this.#lines > this.#objects.size + maxDeadLines) this.#writeAnew(this.#path);
    else writeSync(this.#file, lineOf(id, object));
  }

  #writeAnew(path: string): void {
    this.close();
    writeFileSync(`${path}.new`, [...this.#objects].map(([id, object]) => lineOf(id, object)).join(''));
    renameSync(`${path}.new`, path);
    this.#file = openSync(path, 'a', 0o600);
    this.#lines = this.#objects.size;
  }
}

function lineOf(id: string, object: object | null): string {
  return `${JSON.stringify([id, object])}\n`;
}

function linesOf(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').split('\n').filter(Boolean);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function parsed<T>(line: string): [string, T | null] | undefined {
  try {
    return JSON.parse(line) as [string, T | null];
  } catch {
    return undefined;
  }
}
