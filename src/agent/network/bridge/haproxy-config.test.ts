import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { DesiredListener } from '../../contract.ts';
import { haproxyFiles } from './haproxy-config.ts';

const listener: DesiredListener = {
  listenerId: 'a1'.repeat(16),
  protocol: 'http',
  port: 80,
  algorithm: 'weighted-round-robin',
  idleTimeout: 60,
  maxConnections: 10,
  monitor: { interval: 1, timeout: 1, rise: 1, fall: 1 },
  members: [{ memberId: 'b1'.repeat(16), address: '10.0.0.5', port: 8080, weight: 7 }],
};
const configured = (more: Partial<DesiredListener>, address = '203.0.113.5') =>
  haproxyFiles([{ balancerId: 'c1'.repeat(16), address, listeners: [{ ...listener, ...more }] }], '/run/x', {
    uid: 1,
    gid: 1,
  });
const lines = (files: Record<string, string>) => files['haproxy.cfg']!.split('\n');

/** What the configuration is, or that the text was refused. */
function attempt(more: Partial<DesiredListener>, address?: string): string[] | undefined {
  try {
    return lines(configured(more, address));
  } catch {
    return undefined;
  }
}

test('texts of users are one word each, or refused', () => {
  const monitorOf = (path: string) => ({ ...listener.monitor, http: { method: 'GET' as const, path, classes: [2] } });
  const usual = lines(configured({ monitor: monitorOf('/x') }));
  const text = fc.oneof(
    fc.string(),
    fc.constantFrom("'", '\n', '\r\n', '/a b', "/a'\n server x", '/"', '/\\', '/#', '/\u0000'),
  );
  fc.assert(
    fc.property(text, (path) => {
      const found = attempt({ monitor: monitorOf(path) });
      if (found) expect(found).toEqual(usual.map((line) => line.replace("'/x'", () => `'${path}'`)));
      if (/[^!-~]|'/.test(path) || path === '') expect(found).toBeUndefined();
    }),
  );
  const named = lines(configured({ cookie: { kind: 'rewrite', name: 'x' } }));
  fc.assert(
    fc.property(text, (name) => {
      const found = attempt({ cookie: { kind: 'rewrite', name } });
      expect(found === undefined || found.length === named.length).toBe(true);
      if (!/^[\w-]+$/.test(name)) expect(found).toBeUndefined();
    }),
  );
  for (const wrong of ['10.0.0.5 disabled', '::1', '', 'localhost']) {
    expect(attempt({}, wrong)).toBeUndefined();
    expect(attempt({ members: [{ ...listener.members[0]!, address: wrong }] })).toBeUndefined();
  }
});

test('weights are heeded where they are asked for, and HTTPS waits for its certificate', () => {
  expect(lines(configured({})).at(-2)).toContain(' weight 7');
  expect(lines(configured({ algorithm: 'round-robin' })).at(-2)).not.toContain('weight');
  expect(lines(configured({ protocol: 'https' })).join('\n')).not.toContain('listen');
  const certificate = { chain: 'CHAIN\n', privateKey: 'KEY\n' };
  const files = configured({ protocol: 'https', certificate });
  expect(files[`${listener.listenerId}.pem`]).toBe('CHAIN\nKEY\n');
  expect(lines(files).join('\n')).toContain(`ssl crt /run/x/${listener.listenerId}.pem ssl-min-ver TLSv1.2`);
});
