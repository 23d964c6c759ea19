/**
 * Time and chance, the only two things the cloud's logic may not make up by itself. `real.ts` takes them from the
 * machine, `simulated.ts` from a seed and a virtual clock, so that a whole cloud can be replayed.
 */
export interface Env {
  /** Microseconds since the Unix epoch, UTC. Strictly increasing within one process, so that it can order events. */
  now(): number;
  /** Resolves after `ms` milliseconds; resolves early (it never rejects) when `signal` aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls `fn` every `ms` milliseconds until the returned function is called. A run that is late is not repeated. */
  every(ms: number, fn: () => void): () => void;
  /** Cryptographically strong bytes (from the seed in a simulation). */
  randomBytes(length: number): Buffer;
}

/** A version 4 UUID as 32 lower-case hex digits: the form in which the engine knows every resource. */
export function newId(env: Pick<Env, 'randomBytes'>): string {
  const bytes = env.randomBytes(16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return bytes.toString('hex');
}

/** Nova's and Glance's way to print an id: `8-4-4-4-12`. Strings that are no 32-digit ids are returned as they are. */
export function withDashes(id: string): string {
  if (id.length !== 32) return id;
  return `${id.slice(0, 8)}-${id.slice(8, 12)}-${id.slice(12, 16)}-${id.slice(16, 20)}-${id.slice(20)}`;
}

const hexId = /^[0-9a-f]{32}$/;

/** The engine's form of an id that a client sent with or without dashes, or undefined when it can't be one. */
export function parseId(text: string): string | undefined {
  const id = (text.length === 36 ? text.replaceAll('-', '') : text).toLowerCase();
  return hexId.test(id) ? id : undefined;
}
