import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { expect, test } from 'vitest';
import { TestCloud } from '../support/cloud.ts';

test('a request that offers HTTP/2 on the way is answered as it is, as those of Java programs', async () => {
  await using cloud = await TestCloud.start();
  const sent = request(`${cloud.origin}/identity/v3`, {
    headers: { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c', 'http2-settings': 'AAEAAEAAAAIAAAAB' },
  });
  sent.end();
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  answer.resume();
  expect(answer.statusCode).toBe(200);
});
