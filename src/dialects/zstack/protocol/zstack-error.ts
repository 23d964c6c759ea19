import { CloudError, type CloudErrorCode } from '../../../cloud/errors.ts';
import { type ErrorBody, type ErrorCode, errorDescriptions } from './error-codes.ts';

/** A failure for which the dialect has its own code and text. Answered with 503 and an `error` body. */
export class ZStackError extends CloudError {
  readonly body: ErrorBody;
  constructor(code: ErrorCode, details: string, more: { globalErrorCode?: string; cause?: ErrorBody } = {}) {
    super(neutralCode(code), details);
    this.name = 'ZStackError';
    this.body = errorBody(code, details, more);
  }
}

/** A request that is malformed as HTTP: answered with its status and plain text instead of an `error` body. */
export class MalformedRequest extends CloudError {
  readonly status: number;
  constructor(text: string, status = 400) {
    super('invalid', text);
    this.name = 'MalformedRequest';
    this.status = status;
  }
}

export function errorBody(
  code: ErrorCode,
  details: string,
  more: { globalErrorCode?: string; cause?: ErrorBody } = {},
): ErrorBody {
  const body: ErrorBody = { code, description: errorDescriptions[code], details };
  if (more.globalErrorCode) body.globalErrorCode = more.globalErrorCode;
  if (more.cause) body.cause = more.cause;
  return body;
}

/** The failure whose `error` body this is. */
export function failureOf(body: ErrorBody): ZStackError {
  return new ZStackError(body.code, body.details, { globalErrorCode: body.globalErrorCode, cause: body.cause });
}

/** The failure that names a resource which is not there: `type` is the server's class name, as `ImageVO`. */
export function resourceNotFound(field: string, uuid: string, type: string): ZStackError {
  return new ZStackError('SYS.1003', `invalid field[${field}], resource[uuid:${uuid}, type:${type}] not found`);
}

/** As `resourceNotFound`, for those of a list. */
export function resourcesNotFound(field: string, uuids: readonly string[], type: string): ZStackError {
  const details = `invalid field[${field}], resource[uuids:[${uuids.join(', ')}], type:${type}] not found`;
  return new ZStackError('SYS.1003', details);
}

export function invalidArgument(details: string, globalErrorCode?: string): ZStackError {
  return new ZStackError('SYS.1007', details, { globalErrorCode });
}

export function operationFailed(details: string, more: { globalErrorCode?: string; cause?: ErrorBody } = {}) {
  return new ZStackError('SYS.1006', details, more);
}

function neutralCode(code: ErrorCode): CloudErrorCode {
  if (code === 'SYS.1003') return 'not_found';
  if (code === 'SYS.1007') return 'invalid';
  if (code === 'ID.1000' || code === 'ID.1001') return 'unauthenticated';
  if (code === 'ID.1002') return 'forbidden';
  if (code === 'ID.1003') return 'quota_exceeded';
  return 'conflict';
}
