import { useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { useSession } from './session.ts';
import type { Activity } from './types.ts';

const retryMs = 3000;
/** Lists are read again this often at most, however much happens. */
const pauseMs = 400;
const maxKept = 100;

/** Resources whose lists an action may change, by the kind of its resource. */
const lists: Record<string, string[]> = {
  server: ['servers', 'server', 'volumes', 'ports', 'floatingips', 'hosts'],
  image: ['images', 'image'],
  volume: ['volumes', 'volume', 'snapshots', 'servers', 'server'],
  snapshot: ['snapshots', 'volumes'],
};

/** Listens to the cloud for as long as somebody is signed in: lists are read again when something happened to them. */
export function useLiveActivity(): void {
  const client = useQueryClient();
  const token = useSession()?.token;
  useEffect(() => {
    if (!token) return;
    const stop = new AbortController();
    const stale = new Map<string, string[]>();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const invalidate = (...key: string[]) => {
      stale.set(key.join(), key);
      timer ??= setTimeout(() => {
        timer = undefined;
        for (const queryKey of stale.values()) void client.invalidateQueries({ queryKey });
        stale.clear();
      }, pauseMs);
    };
    void listen(token, stop.signal, (activity) => {
      client.setQueryData<Activity[]>(['activities', 'live'], (known = []) =>
        [activity, ...known.filter(({ id }) => id !== activity.id)].slice(0, maxKept),
      );
      for (const key of lists[activity.resource_type] ?? []) invalidate(key);
      // An image of a server is the server's work.
      if (activity.kind.includes('image')) invalidate('images');
      invalidate('activities', activity.resource_id);
      invalidate('activity', activity.id);
      invalidate('overview');
    });
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [client, token]);
}

async function listen(token: string, signal: AbortSignal, told: (activity: Activity) => void): Promise<void> {
  while (!signal.aborted) {
    try {
      const response = await fetch('/unkai/v1/events', { headers: { 'X-Auth-Token': token }, signal });
      if (response.status === 401) return;
      if (response.body) await readEvents(response.body, told);
    } catch {
      if (signal.aborted) return;
    }
    await new Promise((resolve) => setTimeout(resolve, retryMs));
  }
}

async function readEvents(stream: ReadableStream<Uint8Array>, told: (activity: Activity) => void): Promise<void> {
  let rest = '';
  const reader = stream.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const data = /^data: (.*)$/m.exec(block)?.[1];
      if (data) told(JSON.parse(data) as Activity);
    }
  }
}
