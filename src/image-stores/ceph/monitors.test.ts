import { expect, test } from 'vitest';
import { readMonitors } from './monitors.ts';

test('monitors are read from what `ceph mon dump` prints', () => {
  const mons = [{ addr: '10.0.0.1:6789/0' }, { addr: '[fd00::2]:6790/0' }, { addr: '10.0.0.3:6789' }, { addr: '-' }];
  expect(readMonitors(JSON.stringify({ epoch: 1, mons }))).toEqual({
    hosts: ['10.0.0.1', 'fd00::2', '10.0.0.3'],
    ports: ['6789', '6790', '6789'],
  });
});
