import { stat } from 'node:fs/promises';

const mostRemembered = 1000;

/**
 * Which files have been looked at and are the same since, by what the file system says of them: a write changes a file's
 * change time, which nobody can set.
 */
export class UnchangedFiles {
  readonly #states = new Map<string, string>();

  /** Runs `look` unless the file was looked at in this state before. What `look` throws is thrown, and not remembered. */
  async onceFor(path: string, look: () => Promise<unknown>): Promise<void> {
    const state = await stateOf(path);
    if (state !== undefined && this.#states.get(path) === state) return;
    await look();
    this.#states.delete(path);
    if (state === undefined) return;
    this.#states.set(path, state);
    if (this.#states.size > mostRemembered) this.#states.delete(this.#states.keys().next().value!);
  }
}

/** Undefined where there is no such file: whoever reads it will say so. */
async function stateOf(path: string): Promise<string | undefined> {
  const found = await stat(path, { bigint: true }).catch(() => undefined);
  return found && [found.dev, found.ino, found.size, found.mtimeNs, found.ctimeNs].join(' ');
}
