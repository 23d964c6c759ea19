import {
  type ErrorForms,
  type Failure,
  type FailureAnswer,
  InvalidRequest,
  NoSuchOperation,
} from '../../api/dialect.ts';
import { CloudError, type CloudErrorCode } from '../../cloud/errors.ts';

const statusOf: Record<CloudErrorCode, number> = {
  invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  duplicate: 409,
  quota_exceeded: 403,
  no_valid_host: 409,
  too_large: 413,
  unsupported_media: 415,
  unavailable: 503,
};

/** The engine's own words are this API's. */
export const nativeErrors = Object.fromEntries(
  Object.entries(statusOf).map(([code, status]) => [code, { status, code }]),
) as ErrorForms;

/** The native API says the engine's own error code, so that clients need not read sentences. */
export function fail({ error, requestId }: Failure): FailureAnswer {
  if (error instanceof CloudError) {
    const { field, reason, resource, id } = error.details;
    const status = reason === 'range' ? 416 : statusOf[error.code];
    return answer(status, error.code, error.message, requestId, { field, reason, resource, id });
  }
  if (error instanceof InvalidRequest) {
    return answer(400, 'invalid', error.message, requestId, { field: error.field, reason: error.rule });
  }
  if (error instanceof NoSuchOperation) {
    return answer(error.what === 'method' ? 405 : 404, 'not_found', error.message, requestId);
  }
  return answer(500, 'unexpected', error.message, requestId);
}

function answer(status: number, code: string, message: string, requestId: string, details: object = {}): FailureAnswer {
  return { status, body: { error: { status, code, message, request_id: requestId, ...details } } };
}
