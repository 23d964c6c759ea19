import { describe, expect, it } from 'vitest';
import { requireAccessRule } from './access-rules.ts';

const allows = (rule: readonly [string, string, string], method: string, url: string) => {
  try {
    requireAccessRule([rule], { method, url });
    return true;
  } catch {
    return false;
  }
};

describe('an access rule', () => {
  it.each([
    ['/v2.1/servers', '/compute/v2.1/servers', true],
    ['/v2.1/servers', '/compute/v2.1/servers?limit=1', true],
    ['/v2.1/servers', '/compute/v2.1/servers/detail', false],
    ['/v2.1/servers/*/ips', '/compute/v2.1/servers/42/ips', true],
    ['/v2.1/servers/{server_id}', '/compute/v2.1/servers/42/ips', false],
    ['/v2.1/**', '/compute/v2.1/servers/42/ips', true],
    ['/v2.1/servers', '/compute/v2x1/servers', false],
  ])('%s for %s: %s', (pattern, url, is) => {
    expect(allows(['compute', 'GET', pattern], 'GET', url)).toBe(is);
  });

  it('is for one service and one method', () => {
    expect(allows(['compute', 'GET', '/v2.1/servers'], 'POST', '/compute/v2.1/servers')).toBe(false);
    expect(allows(['image', 'GET', '/v2/images'], 'GET', '/compute/v2/images')).toBe(false);
    expect(allows(['volumev3', 'GET', '/v3/**'], 'GET', '/volume/v3/volumes')).toBe(true);
    expect(allows(['compute', 'GET', '/**'], 'GET', '/zstack/v1/vm-instances')).toBe(false);
  });
});
