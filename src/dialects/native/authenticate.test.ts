import { expect, it } from 'vitest';
import type { Cloud } from '../../cloud/cloud.ts';
import { operator, type Subject } from '../../cloud/identity/subject.ts';
import { authenticate } from './authenticate.ts';

const asked = (via?: Subject['via']) => {
  const identity = { subjectOf: () => ({ ...operator(), via }) };
  const request = { headers: { authorization: 'Bearer token' } };
  return authenticate(request, { identity } as unknown as Cloud, 'req-1');
};

it('takes tokens of programs, but none that is good for some requests only: no rule can name these', () => {
  expect(asked()).toMatchObject({ isAdmin: true });
  const via = { kind: 'application_credential', id: 'c', isUnrestricted: false } as const;
  expect(asked(via)).toMatchObject({ via });
  const accessRules = [['compute', 'GET', '/v2.1/servers']] as const;
  expect(() => asked({ ...via, accessRules })).toThrow('has no access rule for this request');
});
