import { expect, test } from 'vitest';
import { isAllowed, operator, type Subject } from './subject.ts';

const withRoles = (...roles: string[]): Subject => ({ ...operator(), roles, isAdmin: roles.includes('admin') });

test('another service may do what services do, and no more than anybody besides', () => {
  const service = withRoles('service');
  expect(isAllowed(service, 'service')).toBe(true);
  expect(isAllowed(withRoles('admin'), 'service')).toBe(true);
  for (const allowed of ['reader', 'member', 'admin', 'systemReader'] as const) {
    expect(isAllowed(service, allowed), allowed).toBe(false);
  }
  for (const role of ['reader', 'member', 'manager']) expect(isAllowed(withRoles(role), 'service'), role).toBe(false);
  expect(isAllowed(undefined, 'service')).toBe(false);
});
