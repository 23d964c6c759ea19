import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * A map of plain objects that, given a folder, survives the process: one JSON file per object, replaced by rename.
 * Nothing is synced to the disk: it has to outlive kill -9, not a power loss, and to cost microseconds.
 */
export class SimulatedObjects<T extends object> {
  readonly #objects = new Map<string, T>();
  readonly #folder: string | undefined;

  constructor(folder: string | undefined) {
    this.#folder = folder;
    if (folder === undefined) return;
    mkdirSync(folder, { recursive: true });
    for (const name of readdirSync(folder)) {
      if (!name.endsWith('.json')) continue;
      this.#objects.set(name.slice(0, -'.json'.length), JSON.parse(readFileSync(join(folder, name), 'utf8')) as T);
    }
  }

  get(id: string): T | undefined {
    return this.#objects.get(id);
  }

  set(id: string, object: T): void {
    this.#objects.set(id, object);
    if (this.#folder === undefined) return;
    const path = join(this.#folder, `${id}.json`);
    writeFileSync(`${path}.new`, JSON.stringify(object));
    renameSync(`${path}.new`, path);
  }

  delete(id: string): void {
    if (!this.#objects.delete(id) || this.#folder === undefined) return;
    rmSync(join(this.#folder, `${id}.json`), { force: true });
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
}
