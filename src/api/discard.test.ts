import type { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { expect, test } from 'vitest';
import type { Env } from '../env/env.ts';
import { limitDiscarded } from './discard.ts';

test('a line that is to be closed is read from as long as the last of its refused requests is coming', async () => {
  const ticks: Array<() => void> = [];
  const every: Env['every'] = (_, tick) => {
    ticks.push(tick);
    return () => {};
  };
  const env = { now: () => 0, every } as Partial<Env> as Env;
  const socket = new Socket();
  const requests = [{ complete: true }, { complete: false }];
  for (const request of requests) limitDiscarded(env, request as IncomingMessage, socket);
  const [afterFirst, afterSecond] = ticks;
  afterFirst!();
  // What Node does after an answer that says so.
  socket.destroySoon();
  await new Promise(setImmediate);
  expect(socket.destroyed).toBe(false);
  requests[1]!.complete = true;
  afterSecond!();
  await expect.poll(() => socket.destroyed).toBe(true);
});
