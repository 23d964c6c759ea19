import type { Dialect } from '../../api/dialect.ts';
import { queryJob } from './protocol/api-jobs.ts';
import { authenticateBySession } from './protocol/authenticate.ts';
import { crossOriginHeaders } from './protocol/cross-origin.ts';
import { fail } from './protocol/fail.ts';
import { foldIndexedKeys } from './protocol/query-string.ts';
import { readJobHeaders } from './protocol/request-headers.ts';
import { selectOperation } from './protocol/select-operation.ts';

/** ZStack's REST API, as its SDKs, Terraform provider and command lines speak it. */
export const zstack: Dialect = {
  name: 'zstack',
  title: 'ZStack Cloud and ZSphere',
  version: '5.2',
  // The second one is how the published documents write it.
  mounts: ['/zstack/v1', '/v1'],
  operations: [queryJob],
  authenticate: authenticateBySession,
  prepare(request) {
    readJobHeaders(request);
    foldIndexedKeys(request.query as Record<string, unknown>);
    return {};
  },
  select: selectOperation,
  headers: (requestId) => ({ ...crossOriginHeaders, 'x-request-id': requestId }),
  fail,
  unknownMembers: 'keep',
};
