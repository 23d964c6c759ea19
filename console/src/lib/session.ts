import { useSyncExternalStore } from 'react';

/** Who is signed in, and for which project. Lives as long as the browser's tab. */
export interface Session {
  token: string;
  expiresAt: string;
  user: { id: string; name: string };
  project: { id: string; name: string };
  isAdmin: boolean;
  /** A session of the ZStack API with the same password, where there is an account of that name. */
  zstack?: string;
}

const key = 'unkai.session';
const listeners = new Set<() => void>();
let current: Session | null = read();

function read(): Session | null {
  const text = sessionStorage.getItem(key);
  if (!text) return null;
  const session = JSON.parse(text) as Session;
  return Date.parse(session.expiresAt) > Date.now() ? session : null;
}

export function session(): Session | null {
  return current;
}

export function setSession(next: Session | null): void {
  current = next;
  if (next) sessionStorage.setItem(key, JSON.stringify(next));
  else sessionStorage.removeItem(key);
  for (const listener of listeners) listener();
}

export function useSession(): Session | null {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => current,
  );
}
