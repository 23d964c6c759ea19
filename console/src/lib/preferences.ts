import { useSyncExternalStore } from 'react';

export type Theme = 'light' | 'dark' | 'system';

const key = 'unkai.theme';
const system = matchMedia('(prefers-color-scheme: dark)');
const listeners = new Set<() => void>();

function theme(): Theme {
  return (localStorage.getItem(key) as Theme | null) ?? 'system';
}

export function setTheme(next: Theme): void {
  localStorage.setItem(key, next);
  applyTheme();
  for (const listener of listeners) listener();
}

/** Called before the first paint, so that no page flashes. */
export function applyTheme(): void {
  const chosen = theme();
  const isDark = chosen === 'dark' || (chosen === 'system' && system.matches);
  document.documentElement.dataset['theme'] = isDark ? 'dark' : 'light';
}

system.addEventListener('change', applyTheme);

export function useTheme(): Theme {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => theme(),
  );
}
