import { useSyncExternalStore } from 'react';

/** A call that this page made. Tokens and passwords are never kept. */
export interface RecordedCall {
  id: number;
  at: number;
  method: string;
  path: string;
  headers: Record<string, string>;
  body?: unknown;
  status: number;
  milliseconds: number;
}

const maxCalls = 500;
const listeners = new Set<() => void>();
let calls: readonly RecordedCall[] = [];
let next = 1;

export function record(call: Omit<RecordedCall, 'id' | 'body'> & { body?: unknown }): void {
  calls = [{ ...call, id: next++, body: redacted(call.body) }, ...calls].slice(0, maxCalls);
  for (const listener of listeners) listener();
}

export function forgetCalls(): void {
  calls = [];
  for (const listener of listeners) listener();
}

export function useRecordedCalls(): readonly RecordedCall[] {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => calls,
  );
}

const secret = /^(password|adminPass|admin_pass|original_password|private_key)$/;

/** The body with its secrets hidden. */
export function redacted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(redacted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      secret.test(key) && typeof inner === 'string' ? '********' : redacted(inner),
    ]),
  );
}
