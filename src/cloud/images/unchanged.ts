const mostRemembered = 1000;

/** Remembers of things which state of theirs was looked at, so that nobody need look at the same twice. */
export class Unchanged {
  readonly #versions = new Map<string, string>();

  /**
   * Runs `look` unless the thing was looked at in this version before; always where there is no telling. What `look`
   * throws is thrown, and not remembered.
   */
  async once(thing: string, version: string | undefined, look: () => Promise<unknown>): Promise<void> {
    if (version !== undefined && this.#versions.get(thing) === version) return;
    await look();
    this.#versions.delete(thing);
    if (version === undefined) return;
    this.#versions.set(thing, version);
    if (this.#versions.size > mostRemembered) this.#versions.delete(this.#versions.keys().next().value!);
  }
}
