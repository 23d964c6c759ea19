const atLatestMs = 2000;

/** Does the work when the page has nothing better to do. Returns what takes it back. */
export function whenIdle(work: () => void): () => void {
  // Safari has no such thing yet.
  if (!('requestIdleCallback' in globalThis)) {
    const timer = setTimeout(work, atLatestMs);
    return () => clearTimeout(timer);
  }
  const handle = requestIdleCallback(work, { timeout: atLatestMs });
  return () => cancelIdleCallback(handle);
}
