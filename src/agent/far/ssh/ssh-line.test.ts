import { expect, test } from 'vitest';
import type { HostDescription } from '../../contract.ts';
import { protocol } from '../opening.ts';
import { serves } from './ssh-line.ts';

test('an agent is replaced by a newer program, and where others would send it frames at an address that it had before', () => {
  const running = (program: string, address?: string) => {
    const tunnel = address === undefined ? {} : { tunnel: { address, port: 4789, mtu: 1450 } };
    const description = { networking: { driver: 'bridge', ...tunnel } } as HostDescription;
    return { protocol, program, description };
  };
  const program = { name: '0002-b' };
  const place = { host: '192.0.2.12' };
  const joined = { isJoined: true, place };
  expect(serves(undefined, program, joined)).toBe(false);
  expect(serves(running('0001-a', place.host), program, joined)).toBe(false);
  expect(serves(running('0003-c', place.host), program, joined)).toBe(true);
  expect(serves(running('0002-b', '192.0.2.99'), program, joined)).toBe(false);
  // Nobody sends it frames.
  expect(serves(running('0002-b', '192.0.2.99'), program, { isJoined: false, place })).toBe(true);
  expect(serves(running('0002-b'), program, joined)).toBe(true);
});
