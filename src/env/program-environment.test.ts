import { afterEach, expect, it, vi } from 'vitest';
import { programEnvironment } from './program-environment.ts';

afterEach(() => vi.unstubAllEnvs());

it('has what programs need, and what its caller adds, and nothing else that is around', () => {
  for (const name of ['CEPH_ARGS', 'PYTHONUNBUFFERED', 'LC_ALL', 'LANGUAGE', 'XZ_OPT', 'TZ'])
    vi.stubEnv(name, 'strange');
  const { HOME } = process.env;
  const PATH = `${process.env['PATH']}:/usr/sbin:/sbin`;
  expect(programEnvironment()).toEqual({ PATH, ...(HOME === undefined ? {} : { HOME }), LANG: 'C.UTF-8' });
  expect(programEnvironment({ TZ: 'UTC' })).toMatchObject({ PATH, LANG: 'C.UTF-8', TZ: 'UTC' });
  vi.stubEnv('HOME', undefined);
  expect(programEnvironment()).toEqual({ PATH, LANG: 'C.UTF-8' });
});
