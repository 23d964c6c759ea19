import { type ErrorForms, InvalidRequest } from '../../../api/dialect.ts';
import type { AnyOperation } from '../../../api/operation.ts';
import { CloudError, type CloudErrorCode } from '../../../cloud/errors.ts';
import type { ErrorBody, ErrorCode } from './error-codes.ts';
import { describeInvalidField } from './invalid-field.ts';
import { classNameOf } from './resource-types.ts';
import { errorBody, ZStackError } from './zstack-error.ts';

const codes: Record<CloudErrorCode, ErrorCode> = {
  invalid: 'SYS.1007',
  unauthenticated: 'ID.1001',
  forbidden: 'ID.1002',
  not_found: 'SYS.1003',
  conflict: 'SYS.1006',
  duplicate: 'SYS.1007',
  quota_exceeded: 'ID.1003',
  no_valid_host: 'HOST_ALLOCATION.1000',
  too_large: 'SYS.1007',
  unsupported_media: 'SYS.1007',
  unavailable: 'SYS.1006',
};

/** Whatever is refused has one status: clients look for the code. */
export const zstackErrors = Object.fromEntries(
  Object.entries(codes).map(([cause, code]) => [cause, { status: 503, code }]),
) as ErrorForms;

/** The `error` member for whatever an operation threw. Anything unforeseen tells the user its request id only. */
export function describeError(error: unknown, operation: AnyOperation | undefined, requestId: string): ErrorBody {
  if (error instanceof ZStackError) return error.body;
  if (error instanceof InvalidRequest) return describeInvalidField(error, operation);
  if (error instanceof CloudError) return describeCloudError(error);
  return errorBody('SYS.1000', `an internal error happened, the log knows it as request[${requestId}]`);
}

function describeCloudError(error: CloudError): ErrorBody {
  const { resource, id } = error.details;
  if (error.code === 'not_found' && resource && id) {
    return errorBody('SYS.1003', `invalid field[uuid], resource[uuid:${id}, type:${classNameOf(resource)}] not found`);
  }
  // A query for a field that there is not is an internal error to the dialect.
  if (error.details.reason === 'no_such_field') return errorBody('SYS.1000', error.message);
  if (error.details.reason === 'no_image_store') return errorBody('BS.1003', error.message);
  const cause = error.details.cause instanceof CloudError ? describeCloudError(error.details.cause) : undefined;
  return errorBody(codes[error.code], error.message, { cause });
}

/** The `error` member for an action that failed. */
export function describeActionFailure(failure: { code: string; message: string } | undefined): ErrorBody {
  if (!failure) return errorBody('SYS.1006', 'the operation failed');
  if (failure.code === 'cancelled') return errorBody('SYS.1017', failure.message);
  const code = Object.hasOwn(codes, failure.code) ? codes[failure.code as CloudErrorCode] : 'SYS.1006';
  return errorBody(code, failure.message);
}
