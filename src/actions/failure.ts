import type { ActionFailure } from './definition.ts';

/** Errors may say whether the same thing may succeed in a moment; those that say nothing may. */
export function isRetryable(error: unknown): boolean {
  return !(error instanceof Error && 'retryable' in error && error.retryable === false);
}

/** The action was asked to stop. */
export class ActionCancelled extends Error {
  readonly code = 'cancelled';
  readonly retryable = false;
  constructor() {
    super('The operation was cancelled.');
  }
}

/** What a try has left could not be removed, so there is no other one. */
export class NotUndone extends Error {
  readonly retryable = false;
}

/** Another process holds the action now: this one must not touch it any more. */
export class LeaseLost extends Error {}

export function describeFailure(error: unknown, step: string, path: string): ActionFailure {
  const first = error instanceof Error ? error : new Error(String(error));
  const code = 'code' in first && typeof first.code === 'string' ? first.code : 'failed';
  return { code, message: first.message, step, path, traceback: traceback(first) };
}

function traceback(error: Error): string {
  const parts: string[] = [];
  for (let at: unknown = error; at instanceof Error && parts.length < 8; at = at.cause)
    parts.push(at.stack ?? at.message);
  return parts.join('\ncaused by: ');
}
