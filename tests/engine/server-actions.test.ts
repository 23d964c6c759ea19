import { allActions } from '../../src/cloud/open-cloud.ts';
import { tryActions } from './action-suite.ts';

tryActions(allActions.filter(({ kind }) => kind.startsWith('server.')));
