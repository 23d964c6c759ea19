import { expect, it } from 'vitest';
import { allActions } from '../../src/cloud/open-cloud.ts';
import { triedKinds, tryActions } from './action-suite.ts';

it('has a case for every action there is', () => {
  expect(allActions.map(({ kind }) => kind).toSorted()).toEqual(triedKinds.toSorted());
});

// Those of servers are tried beside these, by another worker.
tryActions(allActions.filter(({ kind }) => !kind.startsWith('server.')));
